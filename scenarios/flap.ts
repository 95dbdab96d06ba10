/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * A loose plug: one line goes down and up several times a second, for seconds. Every change moves the traffic; none may
 * break it, and the other line carries it all the time.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const load = { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '6s', omit: '1s' }), probe }
const flap = (path: 'a' | 'b') => ({
  traffic: load,
  faults: [at('1s').flap(path, { period: '400ms', for: '4s' })],
  subjects: ['mptcp', 'mqvpn:wlb'],
})

/** See asym.ts. */
const headersLeave = (1436 - 52) / (1500 - 52)
/**
 * 95 % of what mqvpn makes of one line of this rate, of which a full frame leaves 1448 of 1514 bytes to TCP. Written out:
 * a line that is dead in one direction, or now and then, gives no baseline.
 */
const alone = (mbit: number) => `${Number((((mbit * 1448) / 1514) * headersLeave * 0.95).toFixed(1))}mbit` as const

export default defineScenario({
  name: 'flap',
  description: 'A line that comes and goes twice a second costs no more than itself.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mptcp(), subjects.mqvpn({ scheduler: 'wlb' })],

  phases: { a: flap('a'), b: flap('b') },

  expect: ({ subject }) =>
    ['a', 'b'].flatMap((phase) => [
      subject('mqvpn:wlb').phase(phase).probe.outage.in('degraded').atMost('250ms'),
      subject('mqvpn:wlb')
        .phase(phase)
        .goodput.in('degraded')
        .atLeast(alone(phase === 'a' ? 80 : 300)),
    ]),
})
