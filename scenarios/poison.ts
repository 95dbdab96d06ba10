/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * A line that works, but badly, must not drag down the tunnel: b loses 3 % of its packets, or takes ten times as long as
 * a. What counts is a alone, less the tunnel's headers.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const load = { tcp: traffic.iperf({ direction: 'up', streams: [1, 4], duration: '4s', omit: '1s' }), probe }
const vpns = ['mptcp', 'mqvpn:wlb', 'mqvpn:minrtt']

/**
 * 98 % of what a alone gives through mqvpn: 287 Mbit/s to TCP, of which its headers leave 274 (single.ts). Written out,
 * because a run in which b is bad all the time measures no baseline over both.
 */
const aAlone = '268mbit'

export default defineScenario({
  name: 'poison',
  description: 'A bad line beside a good one does no harm.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mptcp(), subjects.mqvpn({ scheduler: 'wlb' }), subjects.mqvpn({ scheduler: 'minrtt' })],

  phases: {
    lossy: { traffic: load, faults: [at('0s').loss('b', '3%')], subjects: vpns },
    slow: { traffic: load, faults: [at('0s').delay('b', '100ms')], subjects: vpns },
  },

  expect: ({ subject }) =>
    ['lossy/1', 'lossy/4', 'slow/1', 'slow/4'].map((measurement) =>
      subject('mqvpn:wlb').measurement(measurement).goodput.in('degraded').atLeast(aAlone),
    ),
})
