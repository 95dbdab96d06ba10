/** zod pieces that scenario schemas are made of: values with units, and values that may differ by direction. */
import { z } from 'zod'
import { nested, strict } from './problems.js'
import { UnitError, formatDuration, parseDuration, parsePercent, parseQueue, parseRate, parseSize } from './units.js'

/** Turns a parser that throws UnitError into a zod type. */
function unit<T>(parse: (value: unknown) => T) {
  return z.unknown().transform((value, context): T => {
    try {
      return parse(value)
    } catch (error) {
      if (!(error instanceof UnitError)) throw error
      context.addIssue({ code: 'custom', message: error.message.replace('got undefined', 'missing') })
      return z.NEVER
    }
  })
}

export const rate = unit(parseRate)
export const duration = unit(parseDuration)
export const size = unit(parseSize)
export const queueSize = unit(parseQueue)
export const percent = unit(parsePercent)

/** A duration within [min, max] milliseconds; the bounds are given as a person would write them. */
export function durationBetween(min: string, max: string) {
  const [low, high] = [parseDuration(min), parseDuration(max)]
  return duration.refine((ms) => ms >= low && ms <= high, {
    error: (issue) => `got '${formatDuration(issue.input as number)}'; write '${min}' to '${max}'`,
  })
}

export interface Pair<T> {
  up: T | undefined
  down: T | undefined
}

/** One value for both directions, or `{ up, down }`; a missing direction is undefined. */
export function perDirection<S extends z.ZodType>(schema: S) {
  const pair = strict({ up: schema.optional(), down: schema.optional() })
  return z.unknown().transform((value, context): Pair<z.output<S>> => {
    const split = typeof value === 'object' && value !== null && !Array.isArray(value) && !('kind' in value)
    if (!split) return both(nested(schema, value, context))
    return { up: undefined, down: undefined, ...nested(pair, value, context) }
  })
}

export function both<T>(value: T): Pair<T> {
  return { up: value, down: value }
}
