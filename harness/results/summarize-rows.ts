/** The rows of the summary: an estimate for every subject, measurement, window, metric and direction. */
import { estimate } from '../stats/estimate.js'
import type { Baseline, SubjectInfo, SummaryRow } from './schema.js'
import { type BaselineInput, achievableIn } from './summarize-baselines.js'

export function rowsOf(
  input: BaselineInput,
  subjects: readonly SubjectInfo[],
  baselines: readonly Baseline[],
): SummaryRow[] {
  return input.series.map((series): SummaryRow => {
    const found = estimate([...series.values.values()])
    const row = {
      subject: series.subject,
      measurement: series.measurement,
      window: series.window,
      metric: series.metric,
      direction: series.direction,
      estimate: found,
    }
    if (series.metric !== 'goodput') return { ...row, ofBest: null, ofSum: null, ofAchievable: null }
    const baseline = baselines.find((b) => b.measurement === series.measurement && b.window === series.window)
    const measurement = input.measurements.find((m) => m.id === series.measurement)!
    const window = measurement.windows.find((w) => w.name === series.window)
    const paths = subjects.find((s) => s.id === series.subject)?.paths ?? []
    return {
      ...row,
      ofBest: ratio(found.median, baseline?.bestBitsPerSecond ?? null),
      ofSum: ratio(found.median, baseline?.sumBitsPerSecond ?? null),
      ofAchievable: ratio(found.median, window ? achievableIn(input, measurement, window, paths) : null),
    }
  })
}

function ratio(value: number, of: number | null): number | null {
  return of === null || of <= 0 ? null : value / of
}
