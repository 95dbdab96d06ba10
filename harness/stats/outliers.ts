/**
 * Outliers by modified z-score (Iglewicz and Hoaglin, 1993): 0.6745 |x − median| / MAD above 3.5. They are marked, never
 * dropped. When more than half of the values are equal the MAD is 0; the mean absolute deviation then takes its place,
 * with its own factor.
 */
import { mad, median } from './median.js'

export const OUTLIER_Z = 3.5
/** Makes the MAD and the mean absolute deviation estimate a normal distribution's σ. */
const MAD_FACTOR = 0.6745
const MEAN_DEVIATION_FACTOR = 0.7979

/** Indices into `values`, ascending; none below three values. */
export function outliers(values: readonly number[]): number[] {
  if (values.length < 3) return []
  const centre = median(values)
  const spread = mad(values)
  const meanDeviation = values.reduce((sum, value) => sum + Math.abs(value - centre), 0) / values.length
  const scale = spread > 0 ? MAD_FACTOR / spread : meanDeviation > 0 ? MEAN_DEVIATION_FACTOR / meanDeviation : 0
  return values.flatMap((value, i) => (Math.abs(value - centre) * scale > OUTLIER_Z ? [i] : []))
}
