/**
 *  client ──┬── a: plain wire ──┬── server
 *           └── b: plain wire ──┘
 *
 * No rate, no delay: how fast is the data plane itself, with both ends of the VPN, both ends of the traffic and the kernel
 * on this machine's cores? Every figure is of this machine; what counts is how the subjects stand to each other.
 */
import { defineScenario, subjects, traffic } from 'mqvpn-bench'

const tcp = (direction: 'up' | 'down') => ({
  traffic: { tcp: traffic.iperf({ direction, streams: [1, 4], duration: '4s', omit: '1s' }) },
})

export default defineScenario({
  name: 'raw',
  description: 'How much a VPN carries when the links are no limit, and at what cost.',

  paths: {
    a: { rate: 'unlimited', delay: '0ms', queue: '1000p' },
    b: { rate: 'unlimited', delay: '0ms', queue: '1000p' },
  },

  subjects: [
    subjects.mqvpn({ path: 'a' }),
    subjects.mqvpn(),
    subjects.wireguardGo({ path: 'a' }),
    subjects.fastd({ path: 'a' }),
    subjects.openvpn({ path: 'a' }),
  ],

  phases: {
    up: tcp('up'),
    down: tcp('down'),
    // 142 000 packets a second.
    small: {
      traffic: {
        udp: traffic.udp({ direction: 'up', rate: '182mbit', payload: '160B', streams: 4, duration: '4s', omit: '1s' }),
      },
      subjects: ['mqvpn:a'],
    },
  },

  expect: ({ subject, rival }) => [
    ...(['up', 'down'] as const).flatMap((phase) =>
      [1, 4].flatMap((streams) =>
        ['wireguard-go', 'fastd', 'openvpn'].map((other) =>
          subject('mqvpn:a')
            .measurement(`${phase}/${streams}`)
            .goodput.atLeast(rival(`${other}:a`).times(4)),
        ),
      ),
    ),
    subject('mqvpn:a').measurement('small/182mbit').udpLoss.atMost('0.5%'),
  ],
})
