/**
 * The exact interval of the median from order statistics: however the values are distributed, [k-th smallest, k-th
 * largest] of n independent ones holds the true median with 1 − 2 P(Binomial(n, ½) < k). The narrowest one with at least
 * 95 % is taken. Below six values there is none: [min, max] of five holds it with 93.8 % only.
 */

/** Least number of values that carries an interval. */
export const LEAST_VALUES = 6
const CONFIDENCE = 0.95

export interface MedianInterval {
  low: number
  high: number
  /** Of [low, high], at least 0.95. */
  coverage: number
  /** low is the rank-th smallest value, high the rank-th largest; from 1. */
  rank: number
}

/** null below six values. */
export function medianInterval(values: readonly number[]): MedianInterval | null {
  const n = values.length
  if (n < LEAST_VALUES) return null
  let rank = 1
  while (coverage(n, rank + 1) >= CONFIDENCE) rank++
  const sorted = values.toSorted((a, b) => a - b)
  return { low: sorted[rank - 1]!, high: sorted[n - rank]!, coverage: coverage(n, rank), rank }
}

/** 1 − 2 P(Binomial(n, ½) ≤ rank − 1). */
export function coverage(n: number, rank: number): number {
  // In logarithms, since 2^−n is zero beyond n = 1074.
  let log = -n * Math.LN2
  let tail = 0
  for (let k = 0; k < rank; k++) {
    tail += Math.exp(log)
    log += Math.log((n - k) / (k + 1))
  }
  return Math.max(0, 1 - 2 * tail)
}
