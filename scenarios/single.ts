/**
 *           ┌── a: 300 Mbit/s, 10 ms ──┐
 *  client ──┤                          ├── server
 *           └── b:  80 Mbit/s, 30 ms ──┘
 *
 * One line at a time: what do mqvpn's own headers and its own congestion control leave of it, up and down, in the first
 * seconds of a connection?
 */
import { defineScenario, subjects, traffic } from 'mqvpn-bench'

const probe = traffic.udpProbe({ every: '10ms' })
const bulk = (direction: 'up' | 'down') => ({
  tcp: traffic.iperf({ direction, streams: 4, duration: '2s', omit: '1s' }),
  probe,
})

/** See asym.ts; with one path no bytes are kept free. */
const headersLeave = (1440 - 52) / (1500 - 52)

export default defineScenario({
  name: 'single',
  description: 'A tunnel over one path leaves it nearly whole.',

  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },

  subjects: [subjects.mqvpn({ path: 'a' }), subjects.mqvpn({ path: 'b' })],

  phases: { up: { traffic: bulk('up') }, down: { traffic: bulk('down') } },

  expect: ({ subject, achievable }) =>
    ['mqvpn:a', 'mqvpn:b'].flatMap((mqvpn) =>
      ['up', 'down'].map((phase) =>
        subject(mqvpn)
          .phase(phase)
          .goodput.atLeast(achievable.times(0.97 * headersLeave)),
      ),
    ),
})
