/** Mean goodput of each window; no mean is ever taken across a fault. */
import type { WindowInfo } from '../results/schema.js'
import type { Point } from './goodput-series.js'

/**
 * Mean over a window: the bits received in it, divided by its length. An interval that lies partly in the window counts
 * with that share of its bits; time that no interval covers (the receiver had ended) counts as nothing received.
 *
 * @param series in order; each point is the end of an interval that begins where the one before ended, the first at 0
 */
export function goodputInWindows(
  series: readonly Point[],
  windows: readonly WindowInfo[],
): { window: string; bitsPerSecond: number }[] {
  return windows.map(({ name, startMs, endMs }) => {
    let bits = 0
    let from = 0
    for (const { atMs, bitsPerSecond } of series) {
      bits += bitsPerSecond * Math.max(0, Math.min(atMs, endMs) - Math.max(from, startMs))
      from = Math.max(from, atMs)
    }
    return { window: name, bitsPerSecond: endMs > startMs ? bits / (endMs - startMs) : 0 }
  })
}
