/**
 * Quantiles of type 7 (Hyndman and Fan, 1996): linear between the two nearest values, as R, NumPy and spreadsheets do.
 *
 * @param sorted ascending
 * @param p 0 … 1
 * @returns NaN of nothing
 */
export function quantileSorted(sorted: readonly number[], p: number): number {
  const place = (sorted.length - 1) * p
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) return NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** The same, in any order. */
export function quantile(values: readonly number[], p: number): number {
  return quantileSorted(
    values.toSorted((a, b) => a - b),
    p,
  )
}
