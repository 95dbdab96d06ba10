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
 *
 * mqvpn runs over both lines, with each of its schedulers: how much of the sum is left after its headers, does one stream
 * get at least the better line, and how long is the gap when a cable is pulled? (What it makes of one line alone:
 * single.ts.)
 */
import { at, defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const fault = (direction: 'up' | 'down') => ({
  tcp: traffic.iperf({ direction, streams: 4, duration: '4.5s', omit: '1s' }),
  probe,
})
const bulk = (direction: 'up' | 'down') => ({
  tcp: traffic.iperf({ direction, streams: [1, 4, 16], duration: '2s', omit: '1s' }),
  probe,
})

/**
 * What mqvpn's headers leave of a full packet: IPv4 20, UDP 8, short header 1 + connection ID 8 + packet number 2 to 4,
 * tag 16, and one byte each for the frame type, the quarter stream ID and the context ID are 60 of 1500; with several
 * paths 4 more stay free, so that a packet can be sent again. Of the other 1436, inner IPv4 and TCP headers take 52, as
 * they do without a tunnel.
 */
const headersLeave = (1436 - 52) / (1500 - 52)
/** One stream against a direct run of another second: the least that is no noise. */
const about = 0.97

export default defineScenario({
  name: 'asym',
  description: 'A fast and a slow path together carry their sum, and losing either of them is survived.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mptcp(), subjects.mqvpn({ scheduler: 'wlb' }), subjects.mqvpn({ scheduler: 'minrtt' })],

  phases: {
    bulk: {
      traffic: bulk('up'),
      subjects: ['direct:a', 'direct:b', 'mptcp', 'mqvpn:wlb', 'mqvpn:minrtt'],
    },
    'bulk-down': { traffic: bulk('down'), subjects: ['direct:a', 'direct:b', 'mqvpn:wlb', 'mqvpn:minrtt'] },
    'failover-a': {
      traffic: fault('up'),
      faults: [at('1.5s').carrier('a', 'off'), at('3s').carrier('a', 'on')],
      subjects: ['direct:a', 'mptcp', 'mqvpn:wlb'],
    },
    'failover-a-down': {
      traffic: fault('down'),
      faults: [at('1.5s').carrier('a', 'off'), at('3s').carrier('a', 'on')],
      subjects: ['mqvpn:wlb'],
    },
    // What direct:b would add is known from direct:a: a gap as long as the fault.
    'failover-b': {
      traffic: fault('up'),
      faults: [at('1.5s').carrier('b', 'off'), at('3s').carrier('b', 'on')],
      subjects: ['mptcp', 'mqvpn:wlb'],
    },
  },

  expect: ({ subject, best, sum, achievable, rival }) => [
    subject('direct:a').measurement('bulk/16').goodput.atLeast(achievable.times(0.99)),
    subject('direct:b').measurement('bulk/16').goodput.atLeast(achievable.times(0.99)),
    subject('mptcp').measurement('bulk/1').goodput.atLeast(best),
    subject('mptcp').measurement('bulk/4').goodput.atLeast(sum.times(0.9)),
    subject('mptcp').measurement('bulk/16').goodput.atLeast(sum.times(0.9)),
    ...['bulk', 'bulk-down'].flatMap((phase) => [
      subject('mqvpn:wlb')
        .measurement(`${phase}/16`)
        .goodput.atLeast(achievable.times(0.95 * headersLeave)),
      // What its schedulers are for: the better one beats the plain one clearly, unless that one leaves no room: 1.15 times
      // what it reaches would be more than headers leave.
      subject('mqvpn:wlb')
        .measurement(`${phase}/16`)
        .goodput.atLeast(
          rival('mqvpn:minrtt')
            .times(1.15)
            .or(achievable.times(headersLeave / 1.15)),
        ),
      subject('mqvpn:wlb')
        .measurement(`${phase}/4`)
        .goodput.atLeast(best.times(headersLeave * about)),
      subject('mqvpn:wlb')
        .measurement(`${phase}/1`)
        .goodput.atLeast(best.times(headersLeave * about)),
    ]),
    // The fault is there: without a second path it is a gap as long as itself.
    subject('direct:a').phase('failover-a').probe.outage.in('degraded').atLeast('1.4s'),
    subject('mptcp').phase('failover-a').goodput.in('degraded').atLeast(best.times(0.8)),
    subject('mptcp').phase('failover-b').goodput.in('degraded').atLeast(best.times(0.7)),
    ...['failover-a', 'failover-a-down', 'failover-b'].map((phase) =>
      subject('mqvpn:wlb').phase(phase).probe.outage.in('degraded').atMost('50ms'),
    ),
  ],
})
