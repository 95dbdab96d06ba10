/** One cold start of one subject: start it, wait until it carries traffic, measure, end it. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { InterruptedError, messageOf, SubjectError } from '../lab/errors.js'
import type { Lab } from '../lab/lab.js'
import type { Measurement, Sample } from '../results/schema.js'
import type { PlannedRun } from '../scenario/plan.js'
import type { MeasurementSpec } from '../scenario/types.js'
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
  const directory = join(input.resultDirectory, 'runs', fileName(run.subject.id), String(run.repeat))
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
    await subject?.stop()
    await Promise.all([...lab.paths.values()].map((path) => path.restore()))
  }
  return out
}

/** `direct:a` and `bulk/4` as one path component. */
export function fileName(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9._-]+/g, '-')
}

const firstLine = (text: string): string => text.split('\n')[0] ?? ''
