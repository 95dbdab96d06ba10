/**
 *           ┌── a: 100 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  50 Mbit/s, 25 ms ──┘
 *
 * Every way in which a line can fail, on either line, and each time the way back. Who is told differs, and that decides
 * how fast a VPN can be:
 *
 *   down       the device goes, with its addresses and routes: the kernel tells everybody at once
 *   carrier    the cable is pulled: the kernel tells those who ask
 *   silent     packets vanish and nobody is told; in one direction only, half of the signals still arrive
 *   flap       down and up twice a second: to come back too eagerly costs more than to stay away
 *
 * Direct runs have no second path, so they only give the baselines.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const load = { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '6s', omit: '1s' }), probe }
const vpns = ['mptcp', 'mqvpn:wlb']

/** See asym.ts. */
const headersLeave = (1436 - 52) / (1500 - 52)
/**
 * 95 % of what mqvpn makes of one line of this rate, of which a full frame leaves 1448 of 1514 bytes to TCP. Written out:
 * a line that is dead in one direction, or now and then, gives no baseline.
 */
const alone = (mbit: number) => `${Number((((mbit * 1448) / 1514) * headersLeave * 0.95).toFixed(1))}mbit` as const

export default defineScenario({
  name: 'failover',
  description: 'Whichever line fails, in whatever way, the traffic goes on over the other one and returns afterwards.',

  paths: {
    a: { rate: '100mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '50mbit', delay: '25ms', queue: '1bdp' },
  },

  subjects: [subjects.mptcp(), subjects.mqvpn({ scheduler: 'wlb' })],

  phases: {
    bulk: { traffic: { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '2s', omit: '1s' }), probe } },

    'down-a': { traffic: load, faults: [at('2s').down('a'), at('4s').up('a')], subjects: vpns },
    'down-b': { traffic: load, faults: [at('2s').down('b'), at('4s').up('b')], subjects: vpns },

    'carrier-a': { traffic: load, faults: [at('2s').carrier('a', 'off'), at('4s').carrier('a', 'on')], subjects: vpns },
    'carrier-b': { traffic: load, faults: [at('2s').carrier('b', 'off'), at('4s').carrier('b', 'on')], subjects: vpns },

    'silent-a': { traffic: load, faults: [at('2s').blackhole('a'), at('4s').restore('a')], subjects: vpns },
    'silent-b': { traffic: load, faults: [at('2s').blackhole('b'), at('4s').restore('b')], subjects: vpns },
    'silent-a-up': { traffic: load, faults: [at('2s').blackhole('a', 'up'), at('4s').restore('a')], subjects: vpns },
    'silent-a-down': {
      traffic: load,
      faults: [at('2s').blackhole('a', 'down'), at('4s').restore('a')],
      subjects: vpns,
    },

    'flap-a': { traffic: load, faults: [at('1s').flap('a', { period: '500ms', for: '3s' })], subjects: vpns },
    'flap-b': { traffic: load, faults: [at('1s').flap('b', { period: '500ms', for: '3s' })], subjects: vpns },
  },

  expect: ({ subject, best, achievable }) => [
    subject('direct:a').phase('bulk').goodput.atLeast(achievable.times(0.99)),
    subject('direct:b').phase('bulk').goodput.atLeast(achievable.times(0.99)),
    subject('mptcp').phase('down-a').goodput.in('degraded').atLeast(best.times(0.8)),
    subject('mptcp').phase('down-b').goodput.in('degraded').atLeast(best.times(0.8)),
    subject('mptcp').phase('carrier-a').goodput.in('degraded').atLeast(best.times(0.8)),
    subject('mptcp').phase('carrier-b').goodput.in('degraded').atLeast(best.times(0.8)),
    ...['down-a', 'down-b', 'carrier-a', 'carrier-b'].map((phase) =>
      subject('mqvpn:wlb').phase(phase).probe.outage.in('degraded').atMost('50ms'),
    ),
    ...['silent-a', 'silent-b', 'silent-a-up', 'silent-a-down', 'flap-a', 'flap-b'].map((phase) =>
      subject('mqvpn:wlb').phase(phase).probe.outage.in('degraded').atMost('250ms'),
    ),
    ...['down-a', 'down-b', 'carrier-a', 'carrier-b', 'silent-a', 'silent-b', 'silent-a-up'].map((phase) =>
      subject('mqvpn:wlb')
        .phase(phase)
        .goodput.in('degraded')
        .atLeast(best.times(0.95 * headersLeave)),
    ),
    ...(['silent-a-down', 'flap-a'] as const).map((phase) =>
      subject('mqvpn:wlb').phase(phase).goodput.in('degraded').atLeast(alone(50)),
    ),
    subject('mqvpn:wlb').phase('flap-b').goodput.in('degraded').atLeast(alone(100)),
  ],
})
