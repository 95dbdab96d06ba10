/** Loss models: independent (`'0.3%'`) and bursty (Gilbert–Elliott), and what they lose on average. */
import { z } from 'zod'
import { percent } from './fields.js'
import { choose, strict } from './problems.js'
import type { Loss } from './types.js'
import type { Percent } from './units.js'

export interface GilbertOptions {
  /** Probability per packet of moving from the good to the bad state. */
  toBad: Percent
  /** Probability per packet of moving back; 1 / toGood is the mean length of a bad stretch in packets. */
  toGood: Percent
  /** Loss while in the bad state; default 100 %. */
  lossBad?: Percent
  /** Loss while in the good state; default 0 %. */
  lossGood?: Percent
}

export interface GilbertInput extends GilbertOptions {
  readonly kind: 'gilbert'
}

export type LossInput = Percent | GilbertInput

/** Losses in bursts, as on radio links: `gilbert({ toBad: '0.1%', toGood: '10%', lossBad: '50%' })`. */
export function gilbert(options: GilbertOptions): GilbertInput {
  return { ...options, kind: 'gilbert' }
}

const random = percent.transform((probability): Loss | null =>
  probability === 0 ? null : { kind: 'random', probability },
)

const bursts = strict({
  kind: z.literal('gilbert'),
  toBad: percent,
  toGood: percent.refine((share) => share > 0, {
    error: "got '0%'; a link that never becomes good again is a blackhole",
  }),
  lossBad: percent.optional(),
  lossGood: percent.optional(),
}).transform(({ toBad, toGood, lossBad = 1, lossGood = 0 }): Loss | null => ({
  kind: 'gilbert',
  toBad,
  toGood,
  lossGood,
  lossBad,
}))

/** `'0.3%'` or `gilbert({…})`; no loss is null. */
export const lossSchema = choose<Loss | null>((value) =>
  typeof value === 'object' && value !== null ? bursts : random,
)

/** Share lost on average. A Gilbert–Elliott chain is in its bad state for toBad / (toBad + toGood) of the packets. */
export function expectedLoss(loss: Loss | null): number {
  if (loss === null) return 0
  if (loss.kind === 'random') return loss.probability
  const bad = loss.toBad + loss.toGood === 0 ? 0 : loss.toBad / (loss.toBad + loss.toGood)
  return bad * loss.lossBad + (1 - bad) * loss.lossGood
}
