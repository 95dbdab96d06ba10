/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * UDP at rising rates, in large and in small packets, over both lines and up to more than they carry: where does loss begin,
 * and what does jitter do? Eight flows can use both lines; a single one stays whole, in order and on one line.
 */
import { defineScenario, subjects, traffic } from 'mqvpn-bench'

const udp = (payload: '1100B' | '160B', streams: number, rate: readonly `${number}mbit`[]) => ({
  udp: traffic.udp({ direction: 'up', rate, payload, streams, duration: '2s', omit: '1s' }),
})

export default defineScenario({
  name: 'udp-sweep',
  description: 'UDP uses both lines when it has flows enough, and a single flow keeps its order.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mqvpn({ scheduler: 'wlb' }), subjects.mqvpn({ scheduler: 'minrtt' })],

  phases: {
    large: {
      traffic: udp('1100B', 8, ['100mbit', '200mbit', '300mbit', '340mbit', '380mbit']),
      subjects: ['mqvpn:wlb', 'mqvpn:minrtt'],
    },
    small: {
      traffic: udp('160B', 8, ['10mbit', '40mbit', '80mbit']),
      subjects: ['mqvpn:wlb', 'mqvpn:minrtt'],
    },
    one: {
      traffic: udp('1100B', 1, ['50mbit', '150mbit', '250mbit']),
      subjects: ['mqvpn:wlb', 'mqvpn:minrtt'],
    },
  },

  expect: ({ subject, achievable }) => [
    subject('mqvpn:wlb').measurement('large/340mbit').udpLoss.atMost('0.1%'),
    // 160 bytes are a voice packet; 40 Mbit/s of them are 31000 a second, far below what the lines carry.
    subject('mqvpn:wlb').measurement('small/10mbit').udpLoss.atMost('0.1%'),
    subject('mqvpn:wlb').measurement('small/10mbit').udpJitter.atMost('1ms'),
    subject('mqvpn:wlb').measurement('small/40mbit').udpLoss.atMost('0.1%'),
    subject('mqvpn:wlb').measurement('small/80mbit').goodput.atLeast(achievable.times(0.95)),
    subject('mqvpn:wlb').measurement('one/50mbit').udpJitter.atMost('1ms'),
    subject('mqvpn:wlb').measurement('one/250mbit').udpJitter.atMost('1ms'),
  ],
})
