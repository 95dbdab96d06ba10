/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * Packets vanish and nobody is told: on either line, in both directions or in one. Whoever sends there finds out by what
 * is not acknowledged. The longest gap is that of packets in both directions, so also of those that went to find out.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const load = { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '5s', omit: '1s' }), probe }
const silent = (path: 'a' | 'b', direction?: 'up' | 'down') => ({
  traffic: load,
  faults: [at('1.5s').blackhole(path, direction), at('3.5s').restore(path)],
  subjects: ['mptcp', 'mqvpn:wlb'],
})
const phases = {
  a: silent('a'),
  'a-up': silent('a', 'up'),
  'a-down': silent('a', 'down'),
  b: silent('b'),
  'b-up': silent('b', 'up'),
  'b-down': silent('b', 'down'),
}

/** See asym.ts. */
const headersLeave = (1436 - 52) / (1500 - 52)
/**
 * 95 % of what mqvpn makes of one line of this rate, of which a full frame leaves 1448 of 1514 bytes to TCP. Written out:
 * a line that is dead in one direction, or now and then, gives no baseline.
 */
const alone = (mbit: number) => `${Number((((mbit * 1448) / 1514) * headersLeave * 0.95).toFixed(1))}mbit` as const

export default defineScenario({
  name: 'blackhole',
  description: 'A line that goes silent is noticed and left within a quarter of a second.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mptcp(), subjects.mqvpn({ scheduler: 'wlb' })],

  phases,

  expect: ({ subject }) =>
    Object.keys(phases).flatMap((phase) => [
      subject('mqvpn:wlb').phase(phase).probe.outage.in('degraded').atMost('250ms'),
      subject('mqvpn:wlb')
        .phase(phase)
        .goodput.in('degraded')
        .atLeast(alone(phase.startsWith('a') ? 80 : 300)),
    ]),
})
