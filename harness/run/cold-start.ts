/** One cold start of one subject: what is broken from the start, start it, wait until it carries traffic, measure, end it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { monotonicMs, type AppliedFault } from '../faults/schedule.js'
import { InterruptedError, messageOf, SubjectError } from '../lab/errors.js'
import type { Lab } from '../lab/lab.js'
import type { Measurement, Sample } from '../results/schema.js'
import { startFaults, type PlannedRun } from '../scenario/plan.js'
import type { MeasurementSpec, TimedFault } from '../scenario/types.js'
import { adapterFor } from '../subjects/index.js'
import { endedEarly } from '../subjects/ready.js'
import type { RunningSubject } from '../subjects/subject.js'
import { emptySample, takeSample } from './measure.js'

export interface ColdStartInput {
  lab: Lab
  run: PlannedRun
  /** Windows and labels, by measurement id. */
  measurements: ReadonlyMap<string, Measurement>
  resultDirectory: string
  signal: AbortSignal
  onMeasurement: (measurement: MeasurementSpec) => void
  onSample: (sample: Sample) => void
}

export interface ColdStartOutput {
  samples: Sample[]
  emulatorDrops: number
  /** Why the subject failed, or null. */
  crashed: string | null
}

/** Rejects only when interrupted. */
export async function coldStart(input: ColdStartInput): Promise<ColdStartOutput> {
  const { lab, run, signal } = input
  const adapter = adapterFor(run.subject.kind)
  const atStart = run.measurements.flatMap(startFaults)
  // Several cold starts of one subject in one round: each has its own folder, as each has its own state.
  const folder = atStart.length > 0 ? `${run.repeat}-${fileName(run.measurements[0]!.id)}` : String(run.repeat)
  const directory = join(input.resultDirectory, 'runs', fileName(run.subject.id), folder)
  mkdirSync(directory, { recursive: true })
  const out: ColdStartOutput = { samples: [], emulatorDrops: 0, crashed: null }
  const keep = (sample: Sample): void => {
    out.samples.push(sample)
    input.onSample(sample)
  }
  const row = (measurement: MeasurementSpec) => ({
    subjectId: run.subject.id,
    measurement,
    repeat: run.repeat,
    order: run.order,
  })

  let subject: RunningSubject | null = null
  const left = [...run.measurements]
  try {
    const before = await applyAll(lab, atStart)
    subject = await adapter.start({ lab, spec: run.subject, workDir: directory })
    await subject.ready(signal)
    for (let measurement = left[0]; measurement; measurement = left[0]) {
      signal.throwIfAborted()
      input.onMeasurement(measurement)
      const why = adapter.cannot(run.subject, measurement)
      if (why) {
        keep(emptySample(row(measurement), 'unsupported', new Date().toISOString(), why))
        left.shift()
        continue
      }
      const samplePath = join(directory, fileName(measurement.id))
      const { sample, emulatorDrops } = await takeSample({
        ...row(measurement),
        lab,
        subject,
        before,
        windows: input.measurements.get(measurement.id)?.windows ?? [],
        directory: samplePath,
        relativeDirectory: relative(input.resultDirectory, samplePath),
        signal,
      })
      out.emulatorDrops += emulatorDrops
      keep(sample)
      left.shift()
      const dead = subject.dead()
      if (dead) throw endedEarly(run.subject.id, dead)
    }
    writeFileSync(join(directory, 'stats.json'), `${JSON.stringify(await subject.stats(), null, 2)}\n`)
  } catch (error) {
    if (signal.aborted || error instanceof InterruptedError) throw new InterruptedError('interrupted', { cause: error })
    out.crashed = messageOf(error)
    for (const measurement of left) {
      keep(emptySample(row(measurement), 'failed', new Date().toISOString(), firstLine(out.crashed)))
    }
    if (!(error instanceof SubjectError)) out.crashed = `${run.subject.id}: ${out.crashed}`
  } finally {
    try {
      await subject?.stop()
    } finally {
      // The next subject starts on whole paths, whatever happened to this one.
      await Promise.all([...lab.paths.values()].map((path) => path.restore()))
    }
  }
  return out
}

async function applyAll(lab: Lab, faults: readonly TimedFault[]): Promise<AppliedFault[]> {
  const applied: AppliedFault[] = []
  for (const { action } of faults) {
    applied.push({ atMs: monotonicMs(), action })
    if (action.verb !== 'restart') await lab.path(action.path).apply(action)
  }
  return applied
}

/** `direct:a` and `bulk/4` as one path component. */
export function fileName(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9._-]+/g, '-')
}

const firstLine = (text: string): string => text.split('\n')[0] ?? ''
