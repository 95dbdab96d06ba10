/** Validates a whole scenario and turns it into plain data in base units. Nothing is created, everything wrong is listed. */
import { z } from 'zod'
import { resolveExpectations } from './expectations.js'
import { checkTimes, resolveFaults } from './faults.js'
import { type Bare, expandTraffic } from './measurements.js'
import { resolvePath } from './path.js'
import { type Key, Problems, strict } from './problems.js'
import { resolveSubjects } from './subject.js'
import { didYouMean } from '../../common/suggest.js'
import type { MeasurementSpec, PathSpec, Scenario, SubjectSpec, TimedFault } from './types.js'

export const MAX_PATHS = 8
/** The least that carries an interval: field practice and `stats/median-interval.ts`. */
export const DEFAULT_REPEATS = 6

const unchecked = z.unknown().optional()
/** Sections are `unknown` here and validated one by one, so that a problem in one does not hide those of the next. */
const scenarioSchema = strict({
  name: unchecked,
  description: unchecked,
  paths: unchecked,
  subjects: unchecked,
  traffic: unchecked,
  faults: unchecked,
  phases: unchecked,
  repeats: unchecked,
  expect: unchecked,
})
const head = {
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,59}$/i, "write 1 to 60 letters, digits, -, _ or ., e.g. 'asym'"),
  description: z.string().trim().min(1, 'missing; write one sentence that says what the scenario shows'),
  repeats: z.int().min(1).max(1000).default(DEFAULT_REPEATS),
}
const phaseSchema = strict({ traffic: unchecked, faults: unchecked, subjects: z.array(z.string()).min(1).optional() })

/** @throws ScenarioError with every problem, one per line */
export function resolveScenario(input: unknown): Scenario {
  const problems = new Problems()
  if (typeof input !== 'object' || input === null) {
    problems.add([], 'write defineScenario({ name, description, paths, traffic })')
    problems.throwIfAny()
  }
  problems.parse(scenarioSchema, input, [])
  const raw = input as Record<keyof z.output<typeof scenarioSchema>, unknown>

  const name = problems.parse(head.name, raw.name, ['name'])
  const description = problems.parse(head.description, raw.description, ['description'])
  const repeats = problems.parse(head.repeats, raw.repeats, ['repeats'])
  const { paths, names } = resolvePaths(raw.paths, problems)
  const subjects = resolveSubjects(raw.subjects, names, ['subjects'], problems)
  const measurements = resolvePhases(raw, names, subjects, problems)
  checkIds(measurements, problems)
  // Without sound paths and measurements an expectation would only repeat their problems.
  const sound = paths.length === names.length && measurements.length > 0
  const expectations = sound
    ? resolveExpectations(raw.expect, { paths, subjects, measurements }, ['expect'], problems)
    : []
  problems.throwIfAny()
  return { name: name!, description: description!, paths, subjects, measurements, repeats: repeats!, expectations }
}

/** `names` also holds those of paths with problems, so that a fault on one is not called unknown. */
function resolvePaths(input: unknown, problems: Problems): { paths: PathSpec[]; names: string[] } {
  const entries = problems.parse(z.record(z.string(), z.unknown()), input, ['paths'])
  if (entries === null) return { paths: [], names: [] }
  const names = Object.keys(entries)
  if (names.length === 0)
    problems.add(['paths'], "empty; write e.g. { a: { rate: '100mbit', queue: '1bdp', delay: '10ms' } }")
  if (names.length > MAX_PATHS) problems.add(['paths'], `${names.length} paths; the most is ${MAX_PATHS}`)
  const paths = names.map((name) => resolvePath(name, entries[name], ['paths', name], problems))
  return { paths: paths.filter((path) => path !== null), names }
}

function resolvePhases(
  raw: { traffic?: unknown; faults?: unknown; phases?: unknown },
  paths: readonly string[],
  subjects: readonly SubjectSpec[],
  problems: Problems,
): MeasurementSpec[] {
  if (raw.phases === undefined) {
    if (raw.traffic === undefined) {
      problems.add(
        ['traffic'],
        'missing; write traffic: { bulk: traffic.iperf({…}) }, or phases: { bulk: { traffic: {…} } }',
      )
      return []
    }
    return resolvePhase(null, { traffic: raw.traffic, faults: raw.faults }, [], paths, subjects, problems)
  }
  for (const key of ['traffic', 'faults'] as const) {
    if (raw[key] !== undefined) problems.add([key], 'with phases, this belongs into one of them')
  }
  const phases = problems.parse(z.record(z.string(), z.unknown()), raw.phases, ['phases']) ?? {}
  if (Object.keys(phases).length === 0) problems.add(['phases'], 'empty; write e.g. { bulk: { traffic: {…} } }')
  return Object.entries(phases).flatMap(([name, phase]) => {
    if (!/^[a-z][a-z0-9._-]*$/i.test(name)) problems.add(['phases', name], 'write a name of letters, digits, ., - or _')
    return resolvePhase(name, phase, ['phases', name], paths, subjects, problems)
  })
}

function resolvePhase(
  name: string | null,
  input: unknown,
  key: Key,
  paths: readonly string[],
  subjects: readonly SubjectSpec[],
  problems: Problems,
): MeasurementSpec[] {
  const phase = problems.parse(phaseSchema, input, key)
  if (phase === null) return []
  if (phase.traffic === undefined) problems.add([...key, 'traffic'], 'missing; write { bulk: traffic.iperf({…}) }')
  const bare = phase.traffic === undefined ? [] : expandTraffic(name, phase.traffic, [...key, 'traffic'], problems)
  const faults = resolveFaults(phase.faults, paths, [...key, 'faults'], problems)
  const only =
    phase.subjects === undefined ? null : knownSubjects(phase.subjects, subjects, [...key, 'subjects'], problems)
  return bare.map((measurement) => withFaults(measurement, faults, only, [...key, 'faults'], problems))
}

function withFaults(
  bare: Bare,
  faults: TimedFault[],
  subjects: string[] | null,
  key: Key,
  problems: Problems,
): MeasurementSpec {
  checkTimes(faults, bare.durationMs, bare.id, key, problems)
  return { ...bare, faults, subjects }
}

/** `direct` stands for all of `direct:*`. */
function knownSubjects(
  wanted: readonly string[],
  subjects: readonly SubjectSpec[],
  key: Key,
  problems: Problems,
): string[] {
  const ids = subjects.map((s) => s.id)
  return wanted.flatMap((id, i) => {
    const found = ids.filter((known) => known === id || (id === 'direct' && known.startsWith('direct:')))
    if (found.length === 0) problems.add([...key, i], `no subject "${id}"${didYouMean(id, ids)}`)
    return found
  })
}

function checkIds(measurements: readonly MeasurementSpec[], problems: Problems): void {
  const seen = new Set<string>()
  for (const { id } of measurements) {
    if (seen.has(id))
      problems.add(
        ['traffic'],
        `two measurements are called "${id}"; a list names a value twice, or a load has the name of another`,
      )
    seen.add(id)
  }
}
