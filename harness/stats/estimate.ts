/** Everything that is said about one number over the repeats. */
import type { Estimate } from '../results/schema.js'
import { medianInterval } from './median-interval.js'
import { mad, median } from './median.js'
import { outliers } from './outliers.js'

/** @throws RangeError without values */
export function estimate(values: readonly number[]): Estimate {
  if (values.length === 0) throw new RangeError('an estimate needs at least one value')
  const interval = medianInterval(values)
  return {
    n: values.length,
    median: median(values),
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    coverage: interval?.coverage ?? null,
    min: Math.min(...values),
    max: Math.max(...values),
    mad: mad(values),
    values: [...values],
    outliers: outliers(values),
  }
}
