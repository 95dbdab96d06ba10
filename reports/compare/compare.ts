/** Two runs of one scenario, figure by figure: what got better, what got worse, and what nobody can tell. */
import type { MetricName, Result, SummaryRow } from '../../harness/results/schema.js'
import { metrics } from '../model/metrics.js'
import { comparability, type Comparability } from './comparable.js'
import { shift, type Shift } from './statistics.js'

export type ChangeVerdict = 'improved' | 'regressed' | 'no difference detected' | 'not comparable'

export interface Change {
  subject: string
  measurement: string
  window: string
  metric: MetricName
  direction: 'up' | 'down' | null
  /** Medians in the metric's base unit; null where the run has none. */
  before: number | null
  after: number | null
  /** after − before. */
  difference: Shift | null
  /** Difference / before; null where that says nothing. */
  relative: number | null
  /** Smaller differences are taken for noise, in the metric's base unit. */
  threshold: number
  verdict: ChangeVerdict
  /** Why not comparable, or why nothing was detected although the interval excludes zero; else null. */
  reason: string | null
}

export interface ResultComparison extends Comparability {
  scenario: string
  before: { startedAt: string; version: string }
  after: { startedAt: string; version: string }
  changes: Change[]
  /** Whether `--fail-on regression` fails: a regression of a VPN, or runs that may not be compared at all. */
  failsOnRegression: boolean
  /** How many changes would be reported by chance alone if nothing had changed, at most. */
  expectedByChance: number
}

export interface CompareOptions {
  /** Multiplies all noise thresholds; 1 by default. */
  noise?: number
  /** What the intervals cover, 0..1; 0.99 by default. */
  coverage?: number
  /** Compare although something forbids it: refusals become warnings. */
  force?: boolean
}

/**
 * What decides. The others say nearly the same again (delayP50, delayP99, delayAdded), and every figure more is one more
 * chance of a false alarm.
 */
const DECIDING: readonly MetricName[] = [
  'goodput',
  'outage',
  'lost',
  'delayP95',
  'cpuPerGigabyte',
  'udpLoss',
  'udpJitter',
]

/** Dozens of figures are compared at once: with 95 % each, one in twenty would change by chance. */
const COVERAGE = 0.99

interface Noise {
  /** Share of the value before. */
  relative: number
  /** In the metric's base unit: below it a share says nothing (2 lost packets are not “twice” 1). */
  absolute: number
}

/**
 * Differences below the larger of the two are noise. As in criterion, the whole interval must lie beyond the threshold, so
 * that a change is reported when it is surely larger than noise, not when it is surely other than zero.
 */
const NOISE: Record<MetricName, Noise> = {
  // Two calibrated runs on one machine agree within 1 %.
  goodput: { relative: 0.02, absolute: 0.1e6 },
  // Two intervals of an ordinary probe: the resolution of a gap.
  outage: { relative: 0.1, absolute: 20 },
  lost: { relative: 0.1, absolute: 2 },
  // 1 ms: what calibration lets a delay differ.
  delayP50: { relative: 0.05, absolute: 1 },
  delayP95: { relative: 0.05, absolute: 1 },
  delayP99: { relative: 0.1, absolute: 1 },
  delayAdded: { relative: 0.1, absolute: 1 },
  cpuPerGigabyte: { relative: 0.05, absolute: 0.02 },
  udpLoss: { relative: 0.1, absolute: 0.001 },
  udpJitter: { relative: 0.1, absolute: 0.1 },
}

export function compareResults(a: Result, b: Result, options: CompareOptions = {}): ResultComparison {
  const found = comparability(a, b)
  const refusals = options.force ? [] : found.refusals
  const warnings = [...(options.force ? found.refusals : []), ...found.warnings]
  const changes = refusals.length > 0 ? [] : pairs(a, b).map((pair) => change(pair, b, options))
  const isBaseline = (id: string): boolean => b.subjects.find((subject) => subject.id === id)?.kind === 'direct'
  // Without a VPN nothing of the VPN can have changed: it is the machine or the lab.
  const moved = changes.filter(({ subject, verdict }) => isBaseline(subject) && /^(improved|regressed)$/.test(verdict))
  for (const { subject, measurement, window, metric } of moved) {
    warnings.push(
      `${subject} itself has changed (${measurement}, ${window}, ${metrics[metric].label}): is this the same machine?`,
    )
  }
  const tested = changes.filter((each) => each.difference?.coverage != null)
  return {
    scenario: b.scenario.name,
    before: describe(a),
    after: describe(b),
    refusals,
    warnings,
    changes,
    failsOnRegression:
      refusals.length > 0 || changes.some(({ subject, verdict }) => verdict === 'regressed' && !isBaseline(subject)),
    expectedByChance: tested.reduce((sum, each) => sum + (1 - (each.difference?.coverage ?? 1)), 0),
  }
}

function describe(result: Result): { startedAt: string; version: string } {
  const { version, commit, dirty } = result.tool
  const revision = commit === null ? '' : ` (${commit.slice(0, 8)}${dirty ? ', changed' : ''})`
  return { startedAt: result.startedAt, version: `${version}${revision}` }
}

interface Pair {
  key: SummaryRow
  a: SummaryRow | undefined
  b: SummaryRow | undefined
}

function pairs(a: Result, b: Result): Pair[] {
  const keyOf = (row: SummaryRow): string =>
    JSON.stringify([row.subject, row.measurement, row.window, row.metric, row.direction])
  const decides =
    (result: Result) =>
    (row: SummaryRow): boolean => {
      const way = result.measurements.find(({ id }) => id === row.measurement)?.direction ?? 'both'
      return DECIDING.includes(row.metric) && (row.direction === null || way === 'both' || row.direction === way)
    }
  const found = new Map<string, Pair>()
  for (const row of b.summary.filter(decides(b))) found.set(keyOf(row), { key: row, a: undefined, b: row })
  for (const row of a.summary.filter(decides(a))) {
    const pair = found.get(keyOf(row))
    if (pair === undefined) found.set(keyOf(row), { key: row, a: row, b: undefined })
    else pair.a = row
  }
  return [...found.values()]
}

function change({ key, a, b }: Pair, after: Result, options: CompareOptions): Change {
  const { subject, measurement, window, metric, direction } = key
  const [x, y] = [a?.estimate.median ?? null, b?.estimate.median ?? null]
  const { relative: share, absolute } = NOISE[metric]
  const threshold = (options.noise ?? 1) * Math.max(absolute, share * Math.abs(x ?? 0))
  const base = { subject, measurement, window, metric, direction, before: x, after: y, threshold }
  if (a === undefined || b === undefined) {
    const crashed = b === undefined && after.subjects.find(({ id }) => id === subject)?.status === 'crashed'
    const reason = crashed
      ? 'crashed in the second run'
      : a === undefined
        ? 'only in the second run'
        : 'only in the first run'
    return { ...base, difference: null, relative: null, verdict: crashed ? 'regressed' : 'not comparable', reason }
  }
  const difference = shift(a.estimate.values, b.estimate.values, options.coverage ?? COVERAGE)
  const relative = x === null || x === 0 ? null : difference.estimate / Math.abs(x)
  return { ...base, difference, relative, ...judge(difference, threshold, metric) }
}

function judge(difference: Shift, threshold: number, metric: MetricName): Pick<Change, 'verdict' | 'reason'> {
  const { low, high, estimate } = difference
  if (low === null || high === null) return { verdict: 'not comparable', reason: 'too few repeats for an interval' }
  if (low <= 0 && high >= 0) return { verdict: 'no difference detected', reason: null }
  if (Math.min(Math.abs(low), Math.abs(high)) <= threshold)
    return { verdict: 'no difference detected', reason: 'within the noise threshold' }
  const better = estimate > 0 === (metrics[metric].better === 'higher')
  return { verdict: better ? 'improved' : 'regressed', reason: null }
}
