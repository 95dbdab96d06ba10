/** What a scenario file writes about one path; `path.ts` turns it into a `PathSpec`. */
import type { LossInput } from './loss.js'
import type { Duration, Percent, QueueSize, Rate } from './units.js'

/** One value for both directions, or one for each. */
export type PerDirection<T> = T | { readonly up: T; readonly down: T }
/** The same where a direction may be left out: it then has none of it. */
export type PerDirectionOptional<T> = T | { readonly up?: T; readonly down?: T }

export interface PathInput {
  /** Serialisation rate over whole Ethernet frames (1514 bytes for a full one), or `'unlimited'`. Needed unless `trace` is given. */
  readonly rate?: PerDirectionOptional<Rate>
  /** A mahimahi packet-delivery trace instead of a rate; the path is relative to the scenario file. */
  readonly trace?: PerDirectionOptional<string>
  /** One way; the round trip is the sum of both directions. Default `'0ms'`. */
  readonly delay?: PerDirection<Duration>
  /** Standard deviation of a normal distribution around `delay`. Default none. */
  readonly jitter?: PerDirectionOptional<Duration>
  /** true: jitter may reorder packets, as with several radio bearers. Default false: order is kept. */
  readonly jitterReorders?: PerDirectionOptional<boolean>
  /** Independent (`'0.3%'`) or in bursts (`gilbert({…})`), after serialisation: a lost packet has used link time. Default none. */
  readonly loss?: PerDirectionOptional<LossInput>
  /** Share of packets that skip the delay, and so overtake others. Default none. */
  readonly reorder?: PerDirectionOptional<Percent>
  /** Share of packets that arrive twice. Default none. */
  readonly duplicate?: PerDirectionOptional<Percent>
  /**
   * What waits in front of the link: `'1bdp'` (rate of this direction × round trip), `'100p'` packets or `'64kB'`.
   * No default on a limited link, because this choice decides delay under load and loss.
   */
  readonly queue?: PerDirection<QueueSize>
  /** `'codel'`: RFC 8289, target 5 ms, interval 100 ms. Default `'droptail'`. */
  readonly aqm?: PerDirectionOptional<'droptail' | 'codel'>
  /** Bytes of an IP packet, 1280 … 9000. Default 1500. */
  readonly mtu?: number
}
