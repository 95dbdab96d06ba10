/** Summary rows, baselines and comparisons of the fixture, computed from its samples as the harness would. */
import type { Baseline, Comparison, Estimate, MetricName, Sample, SummaryRow } from '../../harness/results/schema.js'

export function estimate(values: readonly number[]): Estimate {
  const sorted = [...values].sort((x, y) => x - y)
  const middle = median(sorted)
  const mad = median(sorted.map((value) => Math.abs(value - middle)).sort((x, y) => x - y))
  const interval = values.length >= 6
  return {
    n: values.length,
    median: middle,
    low: interval ? (sorted[0] ?? null) : null,
    high: interval ? (sorted[sorted.length - 1] ?? null) : null,
    coverage: interval ? 1 - 2 * 0.5 ** values.length : null,
    min: sorted[0] ?? 0,
    max: sorted[sorted.length - 1] ?? 0,
    mad,
    values: [...values],
    outliers: values.flatMap((value, index) =>
      mad > 0 && (0.6745 * Math.abs(value - middle)) / mad > 3.5 ? [index] : [],
    ),
  }
}

function median(sorted: readonly number[]): number {
  const half = Math.floor(sorted.length / 2)
  const upper = sorted[half] ?? 0
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? 0)) / 2
}

interface Figure {
  metric: MetricName
  direction: 'up' | 'down' | null
  of: (sample: Sample, window: string) => number | null
}

const probeOf = (sample: Sample, window: string, way: 'up' | 'down') =>
  sample.probe?.windows.find((found) => found.window === window && found.direction === way)

const figures: readonly Figure[] = [
  {
    metric: 'goodput',
    direction: null,
    of: (sample, window) => sample.goodput?.windows.find((found) => found.window === window)?.bitsPerSecond ?? null,
  },
  ...(['up', 'down'] as const).flatMap((way): Figure[] => [
    { metric: 'outage', direction: way, of: (sample, window) => probeOf(sample, window, way)?.longestGapMs ?? null },
    { metric: 'lost', direction: way, of: (sample, window) => probeOf(sample, window, way)?.lost ?? null },
    { metric: 'delayP50', direction: way, of: (sample, window) => probeOf(sample, window, way)?.delayP50Ms ?? null },
    { metric: 'delayP95', direction: way, of: (sample, window) => probeOf(sample, window, way)?.delayP95Ms ?? null },
    { metric: 'delayP99', direction: way, of: (sample, window) => probeOf(sample, window, way)?.delayP99Ms ?? null },
    {
      metric: 'delayAdded',
      direction: way,
      of: (sample, window) => {
        const loaded = probeOf(sample, window, way)?.delayP95Ms ?? null
        const idle = sample.probe?.idleP50Ms?.[way] ?? null
        return loaded === null || idle === null ? null : loaded - idle
      },
    },
  ]),
  {
    metric: 'cpuPerGigabyte',
    direction: null,
    of: (sample, window) => (window === 'healthy' ? sample.cpuSecondsPerGigabyte : null),
  },
]

/** One group of samples: same subject, same measurement. */
function groups(samples: readonly Sample[]): Sample[][] {
  const found = new Map<string, Sample[]>()
  for (const sample of samples) {
    const key = JSON.stringify([sample.subject, sample.measurement])
    found.set(key, [...(found.get(key) ?? []), sample])
  }
  return [...found.values()]
}

export function summarise(samples: readonly Sample[]): { summary: SummaryRow[]; baselines: Baseline[] } {
  const rows: SummaryRow[] = []
  for (const group of groups(samples)) {
    const first = group[0]
    if (first === undefined) continue
    const windows = new Set(group.flatMap((sample) => sample.goodput?.windows.map((window) => window.window) ?? []))
    for (const window of windows) {
      for (const figure of figures) {
        const values = group.map((sample) => figure.of(sample, window)).filter((value) => value !== null)
        if (values.length === 0) continue
        const { metric, direction } = figure
        const row = { subject: first.subject, measurement: first.measurement, window, metric, direction }
        rows.push({ ...row, estimate: estimate(values), ofBest: null, ofSum: null, ofAchievable: null })
      }
    }
  }
  const baselines = baselinesOf(rows)
  for (const row of rows) {
    const base = baselines.find((found) => found.measurement === row.measurement && found.window === row.window)
    if (row.metric !== 'goodput' || base === undefined) continue
    row.ofBest = row.estimate.median / base.bestBitsPerSecond
    row.ofSum = row.estimate.median / base.sumBitsPerSecond
    row.ofAchievable = row.estimate.median / ((380e6 * 1448) / 1514)
  }
  return { summary: rows, baselines }
}

function baselinesOf(rows: readonly SummaryRow[]): Baseline[] {
  const found = new Map<string, Baseline>()
  for (const row of rows) {
    if (row.metric !== 'goodput' || !row.subject.startsWith('direct:')) continue
    const key = JSON.stringify([row.measurement, row.window])
    const path = row.subject.slice('direct:'.length)
    const perPath = { ...found.get(key)?.perPath, [path]: row.estimate.median }
    const [bestPath, bestBitsPerSecond] = Object.entries(perPath).reduce((x, y) => (y[1] > x[1] ? y : x))
    const sumBitsPerSecond = Object.values(perPath).reduce((sum, rate) => sum + rate, 0)
    const { measurement, window } = row
    found.set(key, { measurement, window, perPath, bestPath, bestBitsPerSecond, sumBitsPerSecond })
  }
  return [...found.values()].map((base) => {
    // A path that no fault touches is not measured again: what it did with four streams is known.
    const perPath = { ...found.get(JSON.stringify(['bulk/4', 'healthy']))?.perPath, ...base.perPath }
    const [bestPath, bestBitsPerSecond] = Object.entries(perPath).reduce((x, y) => (y[1] > x[1] ? y : x))
    const sumBitsPerSecond = Object.values(perPath).reduce((sum, rate) => sum + rate, 0)
    return { ...base, perPath, bestPath, bestBitsPerSecond, sumBitsPerSecond }
  })
}

/** b − a for every row that both have. */
export function compareSubjects(rows: readonly SummaryRow[], a: string, b: string): Comparison[] {
  return rows.flatMap((row) => {
    if (row.subject !== b || (row.metric !== 'goodput' && !(row.metric === 'outage' && row.direction === 'up')))
      return []
    const other = rows.find(
      (found) =>
        found.subject === a &&
        found.measurement === row.measurement &&
        found.window === row.window &&
        found.metric === row.metric &&
        found.direction === row.direction,
    )
    if (other === undefined) return []
    const difference = estimate(
      row.estimate.values.map((value, index) => value - (other.estimate.values[index] ?? value)),
    )
    const { low, high } = difference
    const detectionLimit = 3 * (1.4826 * difference.mad) || 1
    const verdict =
      low === null || high === null
        ? 'not a measurement'
        : low > 0
          ? 'higher'
          : high < 0
            ? 'lower'
            : 'no difference detected'
    const { measurement, window, metric } = row
    return [{ measurement, window, metric, a, b, difference, detectionLimit, verdict }]
  })
}
