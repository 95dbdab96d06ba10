/**
 *           ┌── p1: 20 Mbit/s,  5 ms ──┐
 *           ├── p2: 20 Mbit/s, 10 ms ──┤
 *           ├── p3: 20 Mbit/s, 15 ms ──┤
 *  client ──┼── p4: 20 Mbit/s, 20 ms ──┼── server
 *           ├── p5: 20 Mbit/s, 25 ms ──┤
 *           ├── p6: 20 Mbit/s, 30 ms ──┤
 *           ├── p7: 20 Mbit/s, 35 ms ──┤
 *           └── p8: 20 Mbit/s, 40 ms ──┘
 *
 * As many lines as a client may have, of one rate and of all delays: does their sum arrive?
 */
import { defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const line = (delay: `${number}ms`) => ({ rate: '20mbit' as const, delay, queue: '1bdp' as const })

/** See asym.ts. */
const headersLeave = (1436 - 52) / (1500 - 52)

export default defineScenario({
  name: 'paths8',
  description: 'Eight lines carry their sum.',

  paths: {
    p1: line('5ms'),
    p2: line('10ms'),
    p3: line('15ms'),
    p4: line('20ms'),
    p5: line('25ms'),
    p6: line('30ms'),
    p7: line('35ms'),
    p8: line('40ms'),
  },

  subjects: [subjects.mqvpn({ scheduler: 'wlb' }), subjects.mqvpn({ scheduler: 'minrtt' })],

  phases: {
    up: {
      traffic: { tcp: traffic.iperf({ direction: 'up', streams: [16, 32], duration: '4s', omit: '3s' }), probe },
      subjects: ['mqvpn:wlb', 'mqvpn:minrtt'],
    },
  },

  expect: ({ subject, achievable }) => [
    subject('mqvpn:wlb')
      .measurement('up/32')
      .goodput.atLeast(achievable.times(0.9 * headersLeave)),
  ],
})
