/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * The first line is dead before the VPN is started: its cable is out, or it is silent and nobody is told. The VPN must come
 * up over the other one all the same, carry what that one can, and take the first one when it appears.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const load = { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '6s', omit: '1s' }), probe }

/** All that headers leave of b (80 Mbit/s) without a VPN. Its own headers keep mqvpn below this over b alone. */
const wholeB = '76.5mbit'

const phases = {
  'cable-out': {
    traffic: load,
    faults: [at('start').carrier('a', 'off'), at('3s').carrier('a', 'on')],
    subjects: ['mqvpn:wlb'],
  },
  silent: {
    traffic: load,
    faults: [at('start').blackhole('a'), at('3s').restore('a')],
    subjects: ['mqvpn:wlb'],
  },
}

export default defineScenario({
  name: 'first-path-dead',
  description:
    'A VPN whose first line is dead from the start comes up over the other one, and takes the first when it is back.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mqvpn({ scheduler: 'wlb' })],

  phases: {
    alone: {
      traffic: { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '2s', omit: '1s' }), probe },
      subjects: ['direct'],
    },
    ...phases,
  },

  // One that does not come up at all ends the run as a crash.
  expect: ({ subject, best, achievable }) => [
    subject('direct:b').phase('alone').goodput.atLeast(achievable.times(0.99)),
    ...Object.keys(phases).flatMap((phase) => [
      subject('mqvpn:wlb').phase(phase).probe.outage.in('degraded').atMost('250ms'),
      subject('mqvpn:wlb').phase(phase).goodput.in('degraded').atLeast(best.times(0.9)),
      subject('mqvpn:wlb').phase(phase).goodput.in('restored').atLeast(wholeB),
    ]),
  ],
})
