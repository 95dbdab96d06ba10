/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * A line that was away comes back, with traffic on the other one and without. "Idle" finds out by a second fault: a second
 * after a is back, b goes down. If a carries traffic by then, the gap is that of any failover.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const busy = { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '6s', omit: '1s' }), probe }
const idle = { probe: traffic.udpProbe({ every: '10ms', duration: '6s' }) }

export default defineScenario({
  name: 'return',
  description: 'A line that is back carries traffic within a second, idle or busy, whoever was told.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mqvpn({ scheduler: 'wlb' })],

  phases: {
    'busy-carrier': {
      traffic: busy,
      faults: [at('1s').carrier('a', 'off'), at('3s').carrier('a', 'on')],
      subjects: ['mqvpn:wlb'],
    },
    'busy-silent': {
      traffic: busy,
      faults: [at('1s').blackhole('a'), at('3s').restore('a')],
      subjects: ['mqvpn:wlb'],
    },
    'idle-carrier': {
      traffic: idle,
      faults: [at('1s').carrier('a', 'off'), at('3s').carrier('a', 'on'), at('4s').carrier('b', 'off')],
      subjects: ['mqvpn:wlb'],
    },
    'idle-silent': {
      traffic: idle,
      faults: [at('1s').blackhole('a'), at('3s').restore('a'), at('4s').carrier('b', 'off')],
      subjects: ['mqvpn:wlb'],
    },
  },

  expect: ({ subject, achievable }) => [
    // From a second after the return on, with b alone as what a return that fails would leave.
    subject('mqvpn:wlb').phase('busy-carrier').goodput.in('restored').atLeast(achievable.times(0.4)),
    subject('mqvpn:wlb').phase('busy-silent').goodput.in('restored').atLeast(achievable.times(0.4)),
    subject('mqvpn:wlb').phase('idle-carrier').probe.outage.in('degraded-2').atMost('250ms'),
    subject('mqvpn:wlb').phase('idle-silent').probe.outage.in('degraded-2').atMost('250ms'),
  ],
})
