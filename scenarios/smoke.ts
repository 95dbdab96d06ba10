/**
 *           ┌── a: 50 Mbit/s,  5 ms ──┐
 *  client ──┤                         ├── server
 *           └── b: 20 Mbit/s, 10 ms ──┘
 *
 * Half a minute that uses every part of the harness once: links, calibration, direct runs, subjects, a fault and the
 * probe. For CI and for a first look; one repeat is not a measurement, and the report says so.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })

export default defineScenario({
  name: 'smoke',
  description: 'The harness works on this machine: two links are what they should be, MPTCP uses both, and mqvpn one.',

  paths: {
    a: { rate: '50mbit', delay: '5ms', queue: '1bdp' },
    b: { rate: '20mbit', delay: '10ms', queue: '1bdp' },
  },

  subjects: [subjects.mptcp(), subjects.mqvpn({ path: 'a' })],

  phases: {
    bulk: { traffic: { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '2s', omit: '1s' }), probe } },
    'lose-a': {
      traffic: { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '3s', omit: '1s' }), probe },
      faults: [at('1s').down('a'), at('2s').up('a')],
      subjects: ['mptcp'],
    },
  },

  repeats: 1,

  // Wide limits: a shared machine in CI is not a quiet one.
  expect: ({ subject, best, achievable }) => [
    subject('direct:a').phase('bulk').goodput.atLeast(achievable.times(0.6)),
    subject('direct:b').phase('bulk').goodput.atLeast(achievable.times(0.6)),
    subject('mptcp').phase('bulk').goodput.atLeast(best),
    subject('mqvpn:a').phase('bulk').goodput.atLeast(achievable.times(0.5)),
    subject('mptcp').phase('lose-a').probe.outage.in('degraded').atMost('1s'),
  ],
})
