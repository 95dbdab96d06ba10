/** Checks what expectations name against the scenario, and turns their limits into base units. */
import type { MetricName } from '../results/schema.js'
import { messageOf } from '../lab/errors.js'
import { Baseline, type ExpectationInput, IdleDelay, Rival, expectContext } from './expect.js'
import { applies } from './plan.js'
import type { Key, Problems } from './problems.js'
import { didYouMean } from '../../common/suggest.js'
import type { Expectation, MeasurementSpec, SubjectSpec } from './types.js'
import { UnitError, parseDuration, parsePercent, parseRate, quote } from './units.js'
import { windowsOf } from './windows.js'
import type { PathSpec } from './types.js'

export interface Known {
  paths: readonly PathSpec[]
  subjects: readonly SubjectSpec[]
  measurements: readonly MeasurementSpec[]
}

/** Runs a scenario's `expect` function; entries with problems are left out. */
export function resolveExpectations(input: unknown, known: Known, key: Key, problems: Problems): Expectation[] {
  if (input === undefined) return []
  if (typeof input !== 'function') {
    problems.add(key, `got ${quote(input)}; write a function: ({ subject, sum }) => [subject('mptcp')…]`)
    return []
  }
  let entries: unknown
  try {
    entries = (input as (context: unknown) => unknown)(expectContext)
  } catch (error) {
    problems.add(key, `threw ${messageOf(error).split('\n')[0]}`)
    return []
  }
  if (!Array.isArray(entries)) {
    problems.add(key, `returned ${quote(entries)}; return a list of expectations`)
    return []
  }
  return entries.flatMap((entry: unknown, i): Expectation[] => {
    const resolved = resolveOne(entry, known, [...key, i], problems)
    return resolved ? [resolved] : []
  })
}

function resolveOne(entry: unknown, known: Known, key: Key, problems: Problems): Expectation | null {
  if (typeof entry !== 'object' || entry === null || !('compare' in entry)) {
    problems.add(key, 'does not end in .atLeast(…) or .atMost(…)')
    return null
  }
  const input = entry as ExpectationInput
  const problem = unknownName(input, known)
  if (problem !== null) {
    problems.add(key, problem)
    return null
  }
  try {
    return { ...input, limit: resolveLimit(input.metric, input.limit) }
  } catch (error) {
    if (!(error instanceof UnitError)) throw error
    problems.add(key, `${input.metric} ${input.compare}: ${error.message}`)
    return null
  }
}

/** The measurements that an expectation speaks about: one by its id, or all of a phase. */
export function measurementsNamed<M extends { id: string; phase: string }>(name: string, all: readonly M[]): M[] {
  const exact = all.filter((m) => m.id === name)
  return exact.length > 0 ? exact : all.filter((m) => m.phase === name)
}

const PROBE_METRICS: readonly MetricName[] = ['outage', 'lost', 'delayP50', 'delayP95', 'delayP99', 'delayAdded']

/** Can the measurement have this metric at all? */
export function hasMetric(measurement: MeasurementSpec, metric: MetricName): boolean {
  if (PROBE_METRICS.includes(metric)) return measurement.probe !== null
  if (metric === 'udpLoss' || metric === 'udpJitter') return measurement.load?.kind === 'udp'
  return measurement.load !== null
}

function unknownName(input: ExpectationInput, { paths, subjects, measurements }: Known): string | null {
  const ids = subjects.map((s) => s.id)
  if (!ids.includes(input.subject)) return `no subject "${input.subject}"${didYouMean(input.subject, ids)}`
  const named = measurementsNamed(input.measurement, measurements)
  if (named.length === 0) {
    const names = [...new Set([...measurements.map((m) => m.id), ...measurements.map((m) => m.phase)])]
    return `no measurement or phase "${input.measurement}"${didYouMean(input.measurement, names)}`
  }
  const having = named.filter((m) => hasMetric(m, input.metric))
  if (having.length === 0)
    return `${input.measurement} has no ${input.metric}: it has no ${PROBE_METRICS.includes(input.metric) ? 'probe' : 'such traffic'}`
  const running = [input.subject, ...(input.limit instanceof Rival ? [input.limit.subject] : [])]
  for (const id of running) {
    const subject = subjects.find((s) => s.id === id)
    if (!subject) return `no subject "${id}"${didYouMean(id, ids)}`
    // What nobody measures would be unknown for ever, and an unknown expectation looks like one that holds.
    if (!having.some((m) => applies(m, subject)))
      return `${id} never runs ${input.measurement}; name a subject that does, or add it to the phase's subjects`
  }
  const measured = having.filter((m) =>
    running.every((id) =>
      applies(
        m,
        subjects.find((s) => s.id === id)!,
      ),
    ),
  )
  if (input.window !== null) {
    const windows = [...new Set(measured.flatMap((m) => windowsOf(m, paths).map((w) => w.name)))]
    if (!windows.includes(input.window))
      return `${input.measurement} has no window "${input.window}"${didYouMean(input.window, windows)}`
  }
  return null
}

function resolveLimit(metric: MetricName, limit: unknown): Expectation['limit'] {
  if (limit instanceof Baseline) {
    if (metric !== 'goodput') throw new UnitError(`best, sum and achievable are goodputs; write a value`)
    if (!(limit.factor > 0))
      throw new UnitError(`got ${limit.of}.times(${limit.factor}); a factor is above 0, e.g. ${limit.of}.times(0.9)`)
    return { of: limit.of, value: limit.factor }
  }
  if (limit instanceof Rival) {
    if (metric !== 'goodput') throw new UnitError('a rival is compared by goodput; write a value')
    if (!(limit.factor > 0)) throw new UnitError(`got a factor of ${limit.factor}; a factor is above 0, e.g. 1.15`)
    if (limit.enough !== null && !(limit.enough instanceof Baseline && limit.enough.of === 'achievable'))
      throw new UnitError('.or(…) takes a share of achievable, e.g. achievable.times(0.95)')
    return { of: 'rival', value: limit.factor, subject: limit.subject, enough: limit.enough?.factor ?? null }
  }
  if (limit instanceof IdleDelay) {
    if (!metric.startsWith('delayP')) throw new UnitError('idle is a delay; write a value')
    return { of: 'idle', value: parseDuration(limit.offset) }
  }
  return { of: 'value', value: parseValue(metric, limit) }
}

function parseValue(metric: MetricName, limit: unknown): number {
  switch (metric) {
    case 'goodput': {
      const bits = parseRate(limit)
      if (bits === null) throw new UnitError("got 'unlimited'; write e.g. '300mbit'")
      return bits
    }
    case 'udpLoss':
      return parsePercent(limit)
    case 'lost':
      if (typeof limit === 'number' && limit >= 0) return limit
      throw new UnitError(`got ${quote(limit)}; write a number of packets, e.g. 3`)
    case 'cpuPerGigabyte':
      return parseDuration(limit) / 1000
    default:
      return parseDuration(limit)
  }
}
