/** What a reader should know beside the figures: outliers, failed repeats, fallbacks. One sentence each. */
import type { Comparison, Result } from '../../harness/results/schema.js'
import { failedSamples } from './lookup.js'
import { inUnit, metrics, signed, withInterval } from './metrics.js'

export function notes(result: Result): string[] {
  return [...failures(result), ...unsupported(result), ...outliers(result), ...result.environment.missing]
}

function failures(result: Result): string[] {
  const groups = new Map<string, { text: string; count: number; reasons: Set<string> }>()
  for (const sample of failedSamples(result)) {
    const text = `${sample.subject} (${sample.measurement})`
    const group = groups.get(text) ?? { text, count: 0, reasons: new Set() }
    group.count++
    group.reasons.add(sample.reason ?? 'no reason given')
    groups.set(text, group)
  }
  return [...groups.values()].map(({ text, count, reasons }) =>
    `${count === 1 ? 'A repeat' : `${count} repeats`} of ${text} failed: ${[...reasons].join('; ')}.`.replace(
      /\.\.$/,
      '.',
    ),
  )
}

/** What a subject cannot do is said once per reason. */
function unsupported(result: Result): string[] {
  const groups = new Map<string, Set<string>>()
  for (const { status, subject, measurement, reason } of result.samples) {
    if (status !== 'unsupported') continue
    const key = `${subject} did not run %: ${reason ?? 'no reason given'}.`
    groups.set(key, (groups.get(key) ?? new Set()).add(measurement))
  }
  return [...groups].map(([text, measurements]) =>
    text.replace('%', [...measurements].join(', ')).replace(/\.\.$/, '.'),
  )
}

/** More rows than these are only counted. */
const MOST_OUTLIERS = 3

function outliers(result: Result): string[] {
  const found = result.summary.filter((row) => row.metric === 'goodput' && row.estimate.outliers.length > 0)
  if (found.length === 0) return []
  const names = found.slice(0, MOST_OUTLIERS).map((row) => `${row.subject} (${row.measurement}, ${row.window})`)
  const rest = found.length - names.length
  return [
    `Outliers in the goodput of ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}: kept, and in the figures.`,
  ]
}

export interface ComparisonLine {
  comparison: Comparison
  /** `mqvpn − mptcp` */
  pair: string
  /** `bulk/16 goodput`, with the window where there are several. */
  what: string
  /** `+17 [+12, +22]` */
  difference: string
  unit: string
  /** `4.1 Mbit/s` */
  limit: string
  /** Whether b is better than a; null where nothing was detected. */
  better: boolean | null
}

/** All comparisons as text; those that found something come first. */
export function comparisonLines(result: Result): ComparisonLine[] {
  const lines = result.comparisons.map((comparison): ComparisonLine => {
    const { metric, difference, measurement, window } = comparison
    const several = (result.measurements.find((found) => found.id === measurement)?.windows.length ?? 1) > 1
    const found = comparison.verdict === 'higher' || comparison.verdict === 'lower'
    return {
      comparison,
      pair: `${comparison.b} − ${comparison.a}`,
      what: `${measurement} ${several ? `${window} ` : ''}${metrics[metric].label}`,
      difference: withInterval(metric, difference, signed),
      unit: metrics[metric].unit,
      limit: `${inUnit(metric, comparison.detectionLimit)} ${metrics[metric].unit}`,
      better: found ? comparison.verdict === metrics[metric].better : null,
    }
  })
  return [...lines.filter((line) => line.better !== null), ...lines.filter((line) => line.better === null)]
}
