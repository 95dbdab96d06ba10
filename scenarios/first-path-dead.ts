/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * The first line is dead when the VPN starts: its cable is out, or packets vanish and nobody says so. The client is started
 * again in that state, comes up over b, and takes a in when it works.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = { probe: traffic.udpProbe({ every: '10ms', duration: '8s' }) }

export default defineScenario({
  name: 'first-path-dead',
  description: 'A dead first line does not keep the tunnel from coming up over the second.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mqvpn({ scheduler: 'wlb' })],

  phases: {
    carrier: {
      traffic: probe,
      faults: [at('0.5s').carrier('a', 'off'), at('1s').restart('client'), at('6s').carrier('a', 'on')],
      subjects: ['mqvpn:wlb'],
    },
    silent: {
      traffic: probe,
      faults: [at('0.5s').blackhole('a'), at('1s').restart('client'), at('6s').restore('a')],
      subjects: ['mqvpn:wlb'],
    },
  },

  // Node starts, the second line is tried after 100 ms, three round trips of 60 ms: with a second to spare.
  expect: ({ subject }) =>
    ['carrier', 'silent'].map((phase) => subject('mqvpn:wlb').phase(phase).probe.outage.in('degraded').atMost('2.5s')),
})
