/** Finds figures in a result, so that no renderer has to know how it is laid out. */
import type {
  Baseline,
  Measurement,
  MetricName,
  Result,
  Sample,
  SubjectInfo,
  SummaryRow,
} from '../../harness/results/schema.js'

/** Rows of one metric. With `direction`, probe metrics are taken of that direction; `both` takes the worse one. */
export function findRow(
  result: Result,
  subject: string,
  measurement: Measurement,
  window: string,
  metric: MetricName,
): SummaryRow | undefined {
  const rows = result.summary.filter(
    (row) =>
      row.subject === subject &&
      row.measurement === measurement.id &&
      row.window === window &&
      row.metric === metric &&
      (row.direction === null || measurement.direction === 'both' || row.direction === measurement.direction),
  )
  return rows.reduce<SummaryRow | undefined>(
    (worst, row) => (worst === undefined || row.estimate.median > worst.estimate.median ? row : worst),
    undefined,
  )
}

/** The worst window of a metric after the first fault: where the outage is. */
export function findWorstRow(
  result: Result,
  subject: string,
  measurement: Measurement,
  metric: MetricName,
): SummaryRow | undefined {
  const rows = measurement.windows
    // A measurement that begins with the fault has no first window before it.
    .slice(measurement.windows.length > 1 && measurement.windows[0]?.name === 'healthy' ? 1 : 0)
    .map((window) => findRow(result, subject, measurement, window.name, metric))
    .filter((row) => row !== undefined)
  return rows.reduce<SummaryRow | undefined>(
    (worst, row) => (worst === undefined || row.estimate.median > worst.estimate.median ? row : worst),
    undefined,
  )
}

export function findBaseline(result: Result, measurement: string, window: string): Baseline | undefined {
  return result.baselines.find((found) => found.measurement === measurement && found.window === window)
}

export function samplesOf(result: Result, subject: string, measurement: string): Sample[] {
  return result.samples.filter((sample) => sample.subject === subject && sample.measurement === measurement)
}

/** Subjects with at least one sample of this measurement, in the order of the scenario. */
export function subjectsOf(result: Result, measurement: string): SubjectInfo[] {
  return result.subjects.filter((subject) => samplesOf(result, subject.id, measurement).length > 0)
}

/** Subjects that never ran, each with its reason. */
export function absentSubjects(result: Result): SubjectInfo[] {
  return result.subjects.filter((subject) => subject.status === 'missing' || subject.status === 'unsupported')
}

/** Samples that came to nothing although their subject runs here. */
export function failedSamples(result: Result): Sample[] {
  return result.samples.filter((sample) => sample.status === 'failed')
}

/**
 * Share of all bytes that each path carried, in the measured direction, median of repeats, 0..1 each.
 * Empty when nothing was counted.
 */
export function pathShares(
  result: Result,
  subject: string,
  measurement: Measurement,
): { path: string; share: number }[] {
  const shares = new Map<string, number[]>(result.paths.map((path) => [path.name, []]))
  for (const sample of samplesOf(result, subject, measurement.id)) {
    const uses = sample.paths.filter(
      (use) => measurement.direction === 'both' || use.direction === measurement.direction,
    )
    const total = uses.reduce((sum, use) => sum + use.bytes, 0)
    if (total === 0) continue
    for (const [path, list] of shares) {
      list.push(uses.reduce((sum, use) => (use.path === path ? sum + use.bytes : sum), 0) / total)
    }
  }
  if ([...shares.values()].every((list) => list.length === 0)) return []
  return [...shares].map(([path, list]) => ({ path, share: median(list) }))
}

/** The middle value; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y)
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] ?? NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? NaN)) / 2
}
