/**
 * Two independent samples: how far apart are they? Two runs are not paired (another time, another load, other rounds), so
 * the estimate is Hodges and Lehmann's shift, the median of all differences b − a, and its interval comes from the exact
 * null distribution of Mann and Whitney's U. No distribution of the values is assumed, only that one run's values are the
 * other's moved by a constant. Discrete values with ties make the interval wider than it says, never narrower.
 *
 * H. B. Mann, D. R. Whitney, Annals of Mathematical Statistics 18 (1947) 50–60: the recurrence for U.
 * J. L. Hodges, E. L. Lehmann, Annals of Mathematical Statistics 34 (1963) 598–611: the shift.
 * M. Hollander, D. A. Wolfe, E. Chicken, Nonparametric Statistical Methods, 3rd ed. (2014), §4.2–4.3: the interval.
 */

export interface Shift {
  /** Median of all differences b − a. */
  estimate: number
  /** Interval of the shift; null where even the widest covers less than asked (3 against 3 values: 90 %). */
  low: number | null
  high: number | null
  /** What the interval covers, at least `coverage`; null without one. */
  coverage: number | null
}

/** @param coverage 0..1: the least that the interval must cover. */
export function shift(a: readonly number[], b: readonly number[], coverage = 0.95): Shift {
  const differences = b.flatMap((y) => a.map((x) => y - x)).sort((x, y) => x - y)
  const total = differences.length
  if (total === 0) return { estimate: NaN, low: null, high: null, coverage: null }
  const estimate = ((differences[(total - 1) >> 1] ?? NaN) + (differences[total >> 1] ?? NaN)) / 2
  const tail = tailProbabilities(a.length, b.length)
  // The interval from the k-th smallest to the k-th largest difference covers 1 − 2·P(U ≤ k − 1).
  let k = 0
  while (k < total / 2 && 2 * (tail[k] ?? 1) <= 1 - coverage) k++
  if (k === 0) return { estimate, low: null, high: null, coverage: null }
  return {
    estimate,
    low: differences[k - 1] ?? null,
    high: differences[total - k] ?? null,
    coverage: 1 - 2 * (tail[k - 1] ?? 0),
  }
}

/** P(U ≤ u) for u = 0 … m·n when both samples come from one distribution. */
export function tailProbabilities(m: number, n: number): number[] {
  const ways = countOrders(m, n)
  const all = ways.reduce((sum, count) => sum + count, 0)
  let sum = 0
  return ways.map((count) => (sum += count) / all)
}

/**
 * In how many of the orders of m + n values U takes each value: coefficients of the Gaussian binomial
 * ∏ (1 − q^(n+i)) / (1 − q^i), i = 1 … m. Exact in doubles beyond any number of repeats (40 against 40: 1e23, relative
 * error 1e-13).
 */
function countOrders(m: number, n: number): number[] {
  const size = m * n + 1
  const counts = Array.from({ length: size }, (_, power): number => (power === 0 ? 1 : 0))
  for (let i = 1; i <= m; i++) {
    for (let power = size - 1; power >= n + i; power--)
      counts[power] = (counts[power] ?? 0) - (counts[power - n - i] ?? 0)
    for (let power = i; power < size; power++) counts[power] = (counts[power] ?? 0) + (counts[power - i] ?? 0)
  }
  return counts
}
