/**
 * In which order a run goes: round by round, every subject once per round, each round shuffled anew from the seed. A slow
 * drift of the machine then meets all subjects alike, and the samples of one round are a pair.
 */
import { randomFrom, shuffled } from '../stats/random.js'
import type { MeasurementSpec, Scenario, SubjectSpec, TimedFault } from './types.js'

/** One cold start of one subject, and what it measures, in the scenario's order. With start faults: one measurement. */
export interface PlannedRun {
  /** Place in the whole run, from 1. */
  order: number
  /** Round, from 1. */
  repeat: number
  subject: SubjectSpec
  measurements: MeasurementSpec[]
}

export interface PlanOptions {
  repeats: number
  seed: number
  /** Only subjects whose id is this, or begins with this and `:`. `direct` always runs, because it gives the baselines. */
  subjects?: readonly string[] | undefined
  /** Only measurements whose id or label contains this, in any case. */
  grep?: string | undefined
}

/** Deterministic: the same scenario and options give the same plan. Subjects with nothing to measure are left out. */
export function planRun(scenario: Scenario, { repeats, seed, subjects = [], grep = '' }: PlanOptions): PlannedRun[] {
  const measurements = scenario.measurements.filter((m) => matches(m, grep))
  const running = scenario.subjects
    .filter((subject) => subject.kind === 'direct' || subjects.length === 0 || isSelected(subject, subjects))
    .flatMap((subject) =>
      coldStartsOf(measurements.filter((m) => applies(m, subject))).map((entry) => ({ subject, measurements: entry })),
    )
  const random = randomFrom(seed)
  const runs: PlannedRun[] = []
  for (let repeat = 1; repeat <= repeats; repeat++) {
    for (const entry of shuffled(running, random)) runs.push({ order: runs.length + 1, repeat, ...entry })
  }
  return runs
}

/** One for everything; and one for each measurement that begins before the subject does. */
function coldStartsOf(measurements: readonly MeasurementSpec[]): MeasurementSpec[][] {
  const own = measurements.filter((m) => startFaults(m).length > 0)
  const shared = measurements.filter((m) => !own.includes(m))
  return [...(shared.length > 0 ? [shared] : []), ...own.map((measurement) => [measurement])]
}

/** What is wrong already when the subject starts. */
export function startFaults(measurement: Pick<MeasurementSpec, 'faults'>): TimedFault[] {
  return measurement.faults.filter((fault) => fault.beforeStart)
}

/** Is the subject one of those asked for? `openvpn` also selects `openvpn:b`. */
export function isSelected(subject: Pick<SubjectSpec, 'id'>, wanted: readonly string[]): boolean {
  return wanted.some((id) => subject.id === id || subject.id.startsWith(`${id}:`))
}

function matches({ id, label }: MeasurementSpec, grep: string): boolean {
  const wanted = grep.toLowerCase()
  return id.toLowerCase().includes(wanted) || label.toLowerCase().includes(wanted)
}

/**
 * Does this subject run this measurement? `direct:X` has nothing to show where faults touch only other paths, and a
 * subject all of whose paths are dead before it starts cannot come up.
 */
export function applies(measurement: MeasurementSpec, subject: SubjectSpec): boolean {
  if (measurement.subjects !== null && !measurement.subjects.includes(subject.id)) return false
  if (subject.paths.length > 0 && subject.paths.every((path) => deadAtStart(measurement, path))) return false
  if (subject.kind !== 'direct' || measurement.faults.length === 0) return true
  return measurement.faults.some(({ action }) => 'path' in action && subject.paths.includes(action.path))
}

function deadAtStart(measurement: MeasurementSpec, path: string): boolean {
  return startFaults(measurement).some(
    ({ action }) =>
      'path' in action &&
      action.path === path &&
      (action.verb === 'down' || action.verb === 'blackhole' || (action.verb === 'carrier' && !action.on)),
  )
}
