/**
 * A whole run of one scenario: examine → build → calibrate → measure → summarise → write. It knows the order of things;
 * what each step does is in its own file.
 */
import { basename, relative } from 'node:path'
import { captureEnvironment } from './environment.js'
import { calibrate } from './calibrate.js'
import { coldStart } from './cold-start.js'
import { examineSubjects } from './subjects.js'
import { InterruptedError, messageOf, UsageError } from '../lab/errors.js'
import { Lab } from '../lab/lab.js'
import { ResultTree } from '../results/tree.js'
import {
  RESULT_SCHEMA_VERSION,
  type Calibration,
  type Measurement,
  type PathInfo,
  type Result,
  type Sample,
  type SubjectInfo,
} from '../results/schema.js'
import { summarize } from '../results/summarize.js'
import { describeMeasurement } from '../scenario/describe.js'
import { runMs } from '../scenario/duration.js'
import type { LoadedScenario } from '../scenario/load.js'
import { planRun, type PlannedRun } from '../scenario/plan.js'
import { drawTopology } from '../scenario/topology.js'
import type { FaultAction, MeasurementSpec, Scenario, SubjectSpec } from '../scenario/types.js'
import { chooseShaper, type ShaperChoice } from '../shaping/choose.js'

export interface RunOptions {
  repeats: number
  seed: number
  subjects: readonly string[]
  grep: string
  shaper: ShaperChoice
  /** Results go to `<output>/<scenario>/<UTC>-<commit>/`. */
  output: string
  allowUntrusted: boolean
  /** How to repeat it, for the report. */
  command: string
  tool: Result['tool']
  /** Sentences about what this machine lacks, for the report. */
  missing: readonly string[]
  /** Called with the lab before it is closed, also after a failure: `--keep`. */
  beforeClose?: (lab: Lab) => Promise<void>
}

export type Phase = 'prepare' | 'calibrate' | 'measure'

/** What a person sees while it works. */
export interface Progress {
  /** The phases come in this order, each at most once. */
  phase(phase: Phase): void
  /** What the current phase is doing now. */
  step(text: string): void
  /** Before the first subject starts. */
  planned(coldStarts: number, estimateMs: number): void
  /** A cold start begins. */
  begin(run: PlannedRun): void
  measuring(run: PlannedRun, measurement: MeasurementSpec): void
  sampled(sample: Sample): void
  warn(text: string): void
}

export interface RunOutput {
  result: Result
  /** Of the result tree. */
  directory: string
}

/** Cold starts that fail in a row before a subject is given up: each costs up to its readiness limit. */
const GIVE_UP_AFTER = 2

/**
 * Runs a scenario. An interruption ends it early with what was measured so far (`interrupted`); what is wrong before
 * anything was measured rejects.
 */
export async function runScenario(
  loaded: LoadedScenario,
  options: RunOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<RunOutput> {
  const { scenario } = loaded
  const startedAt = new Date()
  const plan = planRun(scenario, options)
  if (plan.length === 0) {
    throw new UsageError(
      `nothing to run: no measurement matches ${options.grep ? `--grep "${options.grep}"` : 'the chosen subjects'} (see \`mqvpn-bench list ${relative('', loaded.file)}\`)`,
    )
  }
  const unknown = options.subjects.filter(
    (id) => !scenario.subjects.some((s) => s.id === id || s.id.startsWith(`${id}:`)),
  )
  if (unknown.length > 0) {
    throw new UsageError(
      `--subject ${unknown.join(',')}: not in this scenario (subjects: ${scenario.subjects.map((s) => s.id).join(', ')})`,
    )
  }

  progress.phase('prepare')
  progress.step('looking at this machine and at the subjects')
  const subjects = await examineSubjects(scenario, new Set(plan.map((run) => run.subject.id)))
  const shaper = await chooseShaper(options.shaper, scenario.paths, undefined, faultsOf(scenario))
  const environment = await captureEnvironment(options.missing)
  const tree = await ResultTree.create(options.output, scenario.name, {
    startedAt,
    commit: options.tool.commit,
  })

  const state: State = { calibration: null, samples: [], emulatorDrops: 0, interrupted: false }
  progress.step('building the lab')
  const lab = await Lab.open(scenario.paths, {
    seed: options.seed,
    shaper: shaper.kind,
    logFile: tree.path('link.log'),
    nat: pathsWithRebind(scenario),
  })
  const measurements = describeAll(scenario, plan)
  let paths: PathInfo[]
  try {
    paths = pathInfos(lab)
    progress.phase('calibrate')
    state.calibration = await calibrate(lab, tree.path('calibration'), signal, (text) => {
      progress.step(text)
    })
    await tree.writeJson('calibration.json', state.calibration)
    if (!state.calibration.ok && !options.allowUntrusted) {
      progress.warn('calibration failed: nothing is measured (--allow-untrusted goes on all the same)')
    } else {
      await measureAll({ lab, plan, measurements, subjects, tree, state, progress, signal })
    }
  } catch (error) {
    if (!signal.aborted && !(error instanceof InterruptedError)) {
      // What was written so far belongs to the user who called sudo.
      tree.handOver()
      throw error
    }
    state.interrupted = true
    paths = pathInfos(lab)
  } finally {
    if (!signal.aborted) await options.beforeClose?.(lab)
    await lab.close()
  }

  const result = summarize({
    schemaVersion: RESULT_SCHEMA_VERSION,
    tool: options.tool,
    scenario: {
      name: scenario.name,
      description: scenario.description,
      file: basename(loaded.file),
      sha256: loaded.sha256,
      topology: drawTopology(scenario),
    },
    command: options.command,
    seed: options.seed,
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    repeats: options.repeats,
    interrupted: state.interrupted,
    shaper: { backend: shaper.kind, reason: shaper.reason },
    paths,
    calibration: state.calibration,
    environment,
    subjects,
    measurements: [...measurements.values()],
    samples: state.samples,
    emulatorDrops: state.emulatorDrops,
    schedules: scenario.measurements,
    allowUntrusted: options.allowUntrusted,
    expectations: scenario.expectations,
  })
  await tree.writeJson('environment.json', environment)
  await tree.finish(result)
  return { result, directory: tree.directory }
}

interface State {
  calibration: Calibration | null
  samples: Sample[]
  emulatorDrops: number
  interrupted: boolean
}

interface MeasureInput {
  lab: Lab
  plan: readonly PlannedRun[]
  measurements: ReadonlyMap<string, Measurement>
  subjects: SubjectInfo[]
  tree: ResultTree
  state: State
  progress: Progress
  signal: AbortSignal
}

async function measureAll(input: MeasureInput): Promise<void> {
  const { lab, plan, subjects, state, progress, signal } = input
  progress.phase('measure')
  const info = new Map(subjects.map((subject) => [subject.id, subject]))
  const runnable = plan.filter((run) => info.get(run.subject.id)?.status === 'ok')
  progress.planned(
    runnable.length,
    runnable.reduce((sum, run) => sum + runMs(run), 0),
  )
  const failures = new Map<SubjectSpec['id'], number>()
  for (const run of runnable) {
    signal.throwIfAborted()
    if ((failures.get(run.subject.id) ?? 0) >= GIVE_UP_AFTER) continue
    progress.begin(run)
    const out = await coldStart({
      lab,
      run,
      measurements: input.measurements,
      resultDirectory: input.tree.directory,
      signal,
      onMeasurement: (measurement) => {
        progress.measuring(run, measurement)
      },
      onSample: (sample) => {
        state.samples.push(sample)
        progress.sampled(sample)
      },
    })
    state.emulatorDrops += out.emulatorDrops
    failures.set(run.subject.id, out.crashed ? (failures.get(run.subject.id) ?? 0) + 1 : 0)
    if (out.crashed) {
      const subject = info.get(run.subject.id)
      if (subject) Object.assign(subject, { status: 'crashed', reason: messageOf(new Error(out.crashed)) })
      progress.warn(out.crashed)
      if (failures.get(run.subject.id) === GIVE_UP_AFTER) {
        progress.warn(`${run.subject.id} failed ${GIVE_UP_AFTER} times in a row: given up`)
      }
    }
  }
}

function describeAll(scenario: Scenario, plan: readonly PlannedRun[]): Map<string, Measurement> {
  const wanted = new Set(plan.flatMap((run) => run.measurements.map((measurement) => measurement.id)))
  return new Map(
    scenario.measurements
      .filter((measurement) => wanted.has(measurement.id))
      .map((measurement) => [measurement.id, describeMeasurement(measurement, scenario)]),
  )
}

function faultsOf(scenario: Scenario): FaultAction[] {
  return scenario.measurements.flatMap((measurement) => measurement.faults.map((fault) => fault.action))
}

function pathsWithRebind(scenario: Scenario): string[] {
  return [...new Set(faultsOf(scenario).flatMap((action) => (action.verb === 'rebind' ? [action.path] : [])))]
}

function pathInfos(lab: Lab): PathInfo[] {
  return [...lab.paths.values()].map(({ spec, addresses }) => ({
    name: spec.name,
    device: spec.name,
    clientAddresses: [addresses.client4, addresses.client6],
    serverAddresses: [addresses.server4, addresses.server6],
    mtu: spec.mtu,
    up: shown(spec.up),
    down: shown(spec.down),
  }))
}

/** Without the directories of this machine. */
function shown(direction: PathInfo['up']): PathInfo['up'] {
  return { ...direction, trace: direction.trace === null ? null : basename(direction.trace) }
}
