/** Throughput over time on one even grid, whatever intervals a program printed. */
export interface Point {
  /** End of the interval; the first begins at 0. */
  atMs: number
  bitsPerSecond: number
}

export interface RateInterval {
  startMs: number
  endMs: number
  bitsPerSecond: number
}

/** Also iperf3's own interval. */
export const STEP_MS = 100
/** Share of a cell that must be known for it to be judged by that part; the clocks of two programs differ by a little. */
const ENOUGH = 0.5

/**
 * Spreads rates over cells of `STEP_MS` from 0 to `durationMs` (the last cell may be shorter), pro rata. A cell of
 * which less than half is known counts the rest as nothing received: the program had ended.
 *
 * @param intervals in order, without overlap; may begin before 0 and end after `durationMs`
 */
export function resample(intervals: readonly RateInterval[], durationMs: number): Point[] {
  const points: Point[] = []
  let first = 0
  for (let startMs = 0; startMs < durationMs; startMs += STEP_MS) {
    const endMs = Math.min(startMs + STEP_MS, durationMs)
    while (first < intervals.length && intervals[first]!.endMs <= startMs) ++first
    let known = 0
    let bits = 0
    for (let i = first; i < intervals.length && intervals[i]!.startMs < endMs; ++i) {
      const { bitsPerSecond, ...interval } = intervals[i]!
      const overlap = Math.min(interval.endMs, endMs) - Math.max(interval.startMs, startMs)
      known += overlap
      bits += bitsPerSecond * overlap
    }
    const span = endMs - startMs
    points.push({ atMs: endMs, bitsPerSecond: bits / (known >= span * ENOUGH ? known : span) })
  }
  return points
}

/** Adds up series on the same grid. */
export function addSeries(all: readonly (readonly Point[])[]): Point[] {
  const [first = [], ...others] = all
  return first.map(({ atMs, bitsPerSecond }, index) => ({
    atMs,
    bitsPerSecond: others.reduce((sum, other) => sum + (other[index]?.bitsPerSecond ?? 0), bitsPerSecond),
  }))
}
