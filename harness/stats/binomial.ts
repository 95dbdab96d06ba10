/**
 * Exact binomial intervals. Used to say whether a link lost as many packets as it was told to: with 2000 packets and 1 %
 * configured, 0.5 % is possible and 3 % is not.
 */
import { betaInverse } from './beta.js'

export interface Interval {
  low: number
  high: number
}

/** What calibration asks for: a sound link fails once in a thousand checks. */
export const CALIBRATION_CONFIDENCE = 0.999

/**
 * Clopper–Pearson: which probabilities would explain `hits` of `n`?
 *
 * @throws RangeError unless 0 ≤ hits ≤ n and n ≥ 1, whole
 */
export function clopperPearson(hits: number, n: number, confidence = CALIBRATION_CONFIDENCE): Interval {
  if (!(Number.isInteger(hits) && Number.isInteger(n) && hits >= 0 && n >= 1 && hits <= n)) {
    throw new RangeError(`clopperPearson: ${hits} of ${n} is not a count of a whole`)
  }
  const tail = (1 - confidence) / 2
  return {
    low: hits === 0 ? 0 : betaInverse(tail, hits, n - hits + 1),
    high: hits === n ? 1 : betaInverse(1 - tail, hits + 1, n - hits),
  }
}

/**
 * Which shares may be measured over `n` packets when the true probability is `p`? Central, so at least `confidence`.
 */
export function binomialInterval(p: number, n: number, confidence = CALIBRATION_CONFIDENCE): Interval {
  const tail = (1 - confidence) / 2
  if (p <= 0) return { low: 0, high: 0 }
  if (p >= 1) return { low: 1, high: 1 }
  // Walk outwards from the mode in logarithms; the sum of what is left outside stays below the tail on each side.
  const logAt = logProbabilities(p, n)
  let low = 0
  for (let sum = Math.exp(logAt(0)); sum < tail && low < n; sum += Math.exp(logAt(low))) low++
  let high = n
  for (let sum = Math.exp(logAt(n)); sum < tail && high > 0; sum += Math.exp(logAt(high))) high--
  return { low: low / n, high: high / n }
}

/** log P(Binomial(n, p) = k), each value remembered from its neighbour. */
function logProbabilities(p: number, n: number): (k: number) => number {
  const logs = new Float64Array(n + 1)
  logs[0] = n * Math.log1p(-p)
  const odds = Math.log(p) - Math.log1p(-p)
  for (let k = 1; k <= n; k++) logs[k] = logs[k - 1]! + Math.log((n - k + 1) / k) + odds
  return (k) => logs[k]!
}
