/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * A fast and a slow line of different delay, the case in which bonding is hard: together they carry 380 Mbit/s of frames,
 * of which headers leave 363 to TCP. The questions: how much of the sum arrives, with one stream and with many, and what
 * does the traffic feel when either line dies and comes back?
 *
 * The queue is written out, because the usual default hides a choice: netem's 1000 packets include those on their way
 * through the delay, which leaves about 700 of them (28 ms) in front of path a and 760 (115 ms) in front of b. One
 * bandwidth-delay product (750 kB and 600 kB) is what a loss-based sender needs to keep a line busy, and no more.
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const fault = { tcp: traffic.iperf({ direction: 'up', streams: 4, duration: '4.5s', omit: '1s' }), probe }

export default defineScenario({
  name: 'asym',
  description: 'A fast and a slow path together carry their sum, and losing either of them is survived.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mptcp()],

  phases: {
    bulk: {
      traffic: { tcp: traffic.iperf({ direction: 'up', streams: [1, 4, 16], duration: '2s', omit: '1s' }), probe },
    },
    'failover-a': {
      traffic: fault,
      faults: [at('1.5s').down('a'), at('3s').up('a')],
      subjects: ['direct:a', 'mptcp'],
    },
    // What direct:b would add is known from direct:a: a gap as long as the fault.
    'failover-b': { traffic: fault, faults: [at('1.5s').down('b'), at('3s').up('b')], subjects: ['mptcp'] },
  },

  expect: ({ subject, best, sum, achievable }) => [
    subject('direct:a').measurement('bulk/16').goodput.atLeast(achievable.times(0.99)),
    subject('direct:b').measurement('bulk/16').goodput.atLeast(achievable.times(0.99)),
    subject('mptcp').measurement('bulk/1').goodput.atLeast(best),
    subject('mptcp').measurement('bulk/4').goodput.atLeast(sum.times(0.9)),
    subject('mptcp').measurement('bulk/16').goodput.atLeast(sum.times(0.9)),
    // The fault is there: without a second path it is a gap as long as itself.
    subject('direct:a').phase('failover-a').probe.outage.in('degraded').atLeast('1.4s'),
    subject('mptcp').phase('failover-a').goodput.in('degraded').atLeast(best.times(0.8)),
    subject('mptcp').phase('failover-b').goodput.in('degraded').atLeast(best.times(0.7)),
    subject('mptcp').phase('failover-a').goodput.in('restored').atLeast(best.times(0.8)),
  ],
})
