/** Holds the expectations of a scenario against what was measured. */
import { median } from '../stats/median.js'
import type { Direction, Expectation } from '../scenario/types.js'
import type { Baseline, ExpectationResult, Sample, SubjectInfo, SummaryRow } from './schema.js'
import { type BaselineInput, achievableIn } from './summarize-baselines.js'
import { formatValue, metricWords, percentWords } from './summarize-format.js'

export interface ExpectationContext {
  subjects: readonly SubjectInfo[]
  rows: readonly SummaryRow[]
  baselines: readonly Baseline[]
  samples: readonly Sample[]
  baselineInput: BaselineInput
}

/** One place where an expectation is checked: a window (and direction) of a measurement. */
interface Check {
  row: SummaryRow
  found: number
  /** null: the limit is not known here. */
  limit: number | null
  passed: boolean
}

export function evaluate(expectation: Expectation, context: ExpectationContext): ExpectationResult {
  const text = sentence(expectation)
  const subject = context.subjects.find((s) => s.id === expectation.subject)
  const rows = rowsFor(expectation, context)
  if (rows.length === 0) return { text, status: 'unknown', detail: whyNothing(expectation, subject) }
  const checks = rows.map((row) => check(expectation, row, subject, context))
  const known = checks.filter((c) => c.limit !== null)
  if (known.length < checks.length) {
    const { row } = checks.find((c) => c.limit === null)!
    return { text, status: 'unknown', detail: whyNoLimit(expectation, row) }
  }
  const failed = known.filter((c) => !c.passed)
  const [worst] = (failed.length > 0 ? failed : known).toSorted(
    (a, b) => margin(expectation, a) - margin(expectation, b),
  )
  return { text, status: failed.length > 0 ? 'failed' : 'passed', detail: detailOf(expectation, worst!) }
}

/** `mptcp goodput (bulk/16, healthy) is at least 90 % of the sum`. */
export function sentence({
  subject,
  measurement,
  metric,
  window,
  direction,
  compare,
  limit,
  over,
}: Expectation): string {
  const where = [measurement, window, direction].filter((part) => part !== null).join(', ')
  const worst = over === 'worst' ? ', worst repeat,' : ''
  const words = compare === 'atLeast' ? 'at least' : 'at most'
  return `${subject} ${metricWords(metric)} (${where})${worst} is ${words} ${limitWords(metric, limit)}`
}

function limitWords(metric: Expectation['metric'], limit: Expectation['limit']): string {
  const { value } = limit
  switch (limit.of) {
    case 'value':
      return formatValue(metric, value)
    case 'idle':
      return `the idle delay plus ${formatValue(metric, value)}`
    case 'best':
      return `${percentWords(value)} of the best path`
    case 'sum':
      return `${percentWords(value)} of the sum of the paths`
    case 'achievable':
      return `${percentWords(value)} of the achievable goodput`
    case 'rival': {
      const enough =
        limit.enough === null ? '' : `, or ${percentWords(limit.enough)} of the achievable goodput if that reaches it`
      return `${percentWords(value)} of ${limit.subject}${enough}`
    }
  }
}

function rowsFor(
  { subject, measurement, metric, window, direction }: Expectation,
  { rows, baselineInput }: ExpectationContext,
) {
  const exact = baselineInput.measurements.some((m) => m.id === measurement)
  const ids = baselineInput.measurements.filter((m) => (exact ? m.id : m.phase) === measurement).map((m) => m.id)
  return rows.filter(
    (row) =>
      row.subject === subject &&
      row.metric === metric &&
      ids.includes(row.measurement) &&
      (window === null || row.window === window) &&
      (direction === null || row.direction === direction),
  )
}

function check(
  expectation: Expectation,
  row: SummaryRow,
  subject: SubjectInfo | undefined,
  context: ExpectationContext,
): Check {
  const { compare, over } = expectation
  const { estimate } = row
  const found = over === 'median' ? estimate.median : compare === 'atLeast' ? estimate.min : estimate.max
  const limit = limitFor(expectation, row, subject, context)
  const passed = limit !== null && (compare === 'atLeast' ? found >= limit : found <= limit)
  return { row, found, limit, passed }
}

/** The limit in the metric's unit, at this row. */
function limitFor(
  { limit }: Expectation,
  row: SummaryRow,
  subject: SubjectInfo | undefined,
  context: ExpectationContext,
): number | null {
  const { baselines, baselineInput, samples } = context
  const baseline = baselines.find((b) => b.measurement === row.measurement && b.window === row.window)
  switch (limit.of) {
    case 'value':
      return limit.value
    case 'best':
      return baseline ? baseline.bestBitsPerSecond * limit.value : null
    case 'sum':
      return baseline ? baseline.sumBitsPerSecond * limit.value : null
    case 'achievable':
      return achievableTimes(limit.value, row, subject, baselineInput)
    case 'rival': {
      const same = (r: SummaryRow): boolean =>
        r.measurement === row.measurement && r.window === row.window && r.metric === row.metric
      const rival = context.rows.find((r) => r.subject === limit.subject && same(r))?.estimate.median
      if (rival === undefined) return null
      if (limit.enough === null) return rival * limit.value
      const enough = achievableTimes(limit.enough, row, subject, baselineInput)
      if (enough === null) return null
      return rival >= enough ? enough : rival * limit.value
    }
    case 'idle': {
      const idle = idleDelay(samples, row)
      return idle === null ? null : idle + limit.value
    }
  }
}

function achievableTimes(
  factor: number,
  row: SummaryRow,
  subject: SubjectInfo | undefined,
  input: BaselineInput,
): number | null {
  const measurement = input.measurements.find((m) => m.id === row.measurement)
  const window = measurement?.windows.find((w) => w.name === row.window)
  if (!measurement || !window) return null
  const achievable = achievableIn(input, measurement, window, subject?.paths ?? [])
  return achievable === null ? null : achievable * factor
}

function idleDelay(samples: readonly Sample[], { subject, measurement, direction }: SummaryRow): number | null {
  const values = samples
    .filter((s) => s.subject === subject && s.measurement === measurement && s.status === 'ok')
    .map((s) => s.probe?.idleP50Ms[direction as Direction] ?? null)
    .filter((value) => value !== null)
  return values.length === 0 ? null : median(values)
}

/** How far inside the limit, relative to it; the least is told. */
function margin({ compare }: Expectation, { found, limit }: Check): number {
  const distance = compare === 'atLeast' ? found - limit! : limit! - found
  return distance / Math.max(Math.abs(limit!), Number.MIN_VALUE)
}

function detailOf({ metric, over, limit: { of } }: Expectation, { row, found, limit }: Check): string {
  const where = [row.measurement, row.window, row.direction].filter((part) => part !== null).join(', ')
  const which = over === 'worst' ? 'worst repeat ' : ''
  const against = of === 'value' ? '' : `, limit ${formatValue(metric, limit!)}`
  return `${which}${formatValue(metric, found)}${against} (${where})`
}

function whyNothing({ subject: id, measurement, metric }: Expectation, subject: SubjectInfo | undefined): string {
  if (!subject) return `${id} did not run`
  if (subject.status !== 'ok')
    return `${id} is ${subject.status}${subject.reason === null ? '' : `: ${subject.reason}`}`
  return `${id} has no ${metricWords(metric)} of ${measurement} in this run`
}

function whyNoLimit({ limit: { of } }: Expectation, row: SummaryRow): string {
  const where = `${row.measurement}, ${row.window}`
  if (of === 'idle') return `the idle delay was not measured (${where})`
  if (of === 'rival') return `the rival was not measured, or the links have no fixed rate here (${where})`
  if (of === 'achievable') return `the links have no fixed rate here (${where})`
  return `not every single path was measured alone (${where})`
}
