/**
 * Links that people have, as a start: `{ ...profiles.lte, rate: { up: '10mbit', down: '40mbit' } }`. Round figures of
 * ordinary lines, not of the best ones. Delays are one way, so a round trip is the sum of both directions. Jitter keeps
 * packets in order, as radio and cable links do (they retransmit below IP and deliver in sequence).
 */
import { gilbert } from './loss.js'
import type { PathInput } from './path-input.js'

export const profiles = {
  /** 300/100 Mbit, 4 ms: FTTH to a server in the same country; a shallow 1 BDP queue, no loss. */
  fibre: { rate: { down: '300mbit', up: '100mbit' }, delay: '4ms', queue: '1bdp' },

  /** 200/20 Mbit, 10 ms: DOCSIS 3.1 shares an upstream by request and grant, which adds 1 ms of jitter and a deep upstream queue. */
  cable: {
    rate: { down: '200mbit', up: '20mbit' },
    delay: '10ms',
    jitter: '1ms',
    queue: { down: '1bdp', up: '4bdp' },
  },

  /** 50/10 Mbit, 12 ms: VDSL2 with interleaving (G.993.2), which trades about 8 ms for no loss. */
  dsl: { rate: { down: '50mbit', up: '10mbit' }, delay: '12ms', queue: '2bdp' },

  /** 40/15 Mbit, 25 ms, 4 ms jitter: LTE outdoors; HARQ (8 ms per retransmission) hides loss and shows as jitter, the base station buffers deeply. */
  lte: { rate: { down: '40mbit', up: '15mbit' }, delay: '25ms', jitter: '4ms', queue: '4bdp' },

  /** 6/2 Mbit, 45 ms, 15 ms jitter, losses in bursts: LTE at the cell's edge or in a moving train. */
  'lte-bad': {
    rate: { down: '6mbit', up: '2mbit' },
    delay: '45ms',
    jitter: '15ms',
    loss: gilbert({ toBad: '0.2%', toGood: '10%', lossBad: '50%' }),
    queue: '8bdp',
  },

  /** 100/80 Mbit, 5 ms, 2 ms jitter, 0.1 % loss: 802.11ac in the same room, behind a broadband line; airtime is shared by both directions. */
  wifi: { rate: { down: '100mbit', up: '80mbit' }, delay: '5ms', jitter: '2ms', loss: '0.1%', queue: '2bdp' },

  /** 20/10 Mbit, 12 ms, 10 ms jitter, 2 % loss: two walls away on a busy 2.4 GHz channel. */
  'wifi-bad': { rate: { down: '20mbit', up: '10mbit' }, delay: '12ms', jitter: '10ms', loss: '2%', queue: '4bdp' },

  /** 150/15 Mbit, 20 ms, 6 ms jitter, losses in short bursts: low-orbit satellite; the dish changes satellites every 15 s. */
  starlink: {
    rate: { down: '150mbit', up: '15mbit' },
    delay: '20ms',
    jitter: '6ms',
    loss: gilbert({ toBad: '0.01%', toGood: '2%', lossBad: '50%' }),
    queue: '2bdp',
  },

  /** 30/3 Mbit, 300 ms: a geostationary satellite is 36 000 km away, up and down again is 240 ms, the rest is the ground network. */
  geo: { rate: { down: '30mbit', up: '3mbit' }, delay: '300ms', jitter: '5ms', loss: '0.01%', queue: '1bdp' },
} as const satisfies Record<string, PathInput>

export type ProfileName = keyof typeof profiles
