/** Progress on the terminal: a live list where there is one, plain lines where there is none (CI, a pipe). */
import { Listr, type ListrTaskWrapper, type DefaultRenderer, type SimpleRenderer } from 'listr2'
import type { Phase, Progress } from '../run/run.js'
import type { Sample } from '../results/schema.js'
import type { PlannedRun } from '../scenario/plan.js'
import type { MeasurementSpec } from '../scenario/types.js'

const TITLES: Record<Phase, string> = {
  prepare: 'Prepare',
  calibrate: 'Calibrate the links',
  measure: 'Measure',
}
const PHASES = Object.keys(TITLES) as Phase[]

export interface ProgressDisplay extends Progress {
  /** Ends the display; `ok: false` marks what was under way as failed. */
  end(ok: boolean): Promise<void>
}

export function createProgress(live: boolean): ProgressDisplay {
  return live ? new LiveProgress() : new PlainProgress((line) => process.stderr.write(`${line}\n`))
}

/** Text and counting that both displays share. */
abstract class Counting {
  #startedMs = Date.now()
  #totalMs = 0
  #total = 0
  #run: PlannedRun | null = null

  protected abstract show(text: string): void

  planned(coldStarts: number, estimateMs: number): void {
    this.#startedMs = Date.now()
    this.#total = coldStarts
    this.#totalMs = estimateMs
    this.show(`${coldStarts} cold starts, about ${span(estimateMs)}`)
  }

  begin(run: PlannedRun): void {
    this.#run = run
    this.show(`${this.#place()} ${run.subject.id}: starting`)
  }

  measuring(run: PlannedRun, measurement: MeasurementSpec): void {
    this.show(`${this.#place()} ${run.subject.id}: ${measurement.id}`)
  }

  /** `round 2, 5 of 18, 1 min 20 s left`. */
  #place(): string {
    const left = Math.max(0, this.#totalMs - (Date.now() - this.#startedMs))
    return `round ${this.#run?.repeat ?? 1} · ${this.#run?.order ?? 0}/${this.#total} · ${span(left)} left ·`
  }
}

class PlainProgress extends Counting implements ProgressDisplay {
  #last = ''

  constructor(readonly write: (line: string) => void) {
    super()
  }

  phase(phase: Phase): void {
    this.write(`${TITLES[phase]} …`)
  }

  step(text: string): void {
    this.show(text)
  }

  /** A line per cold start is enough for a log. */
  override measuring(): void {
    // Said by `begin`.
  }

  sampled(sample: Sample): void {
    if (sample.status === 'failed')
      this.write(`  ${sample.subject} ${sample.measurement}: ${sample.reason ?? 'failed'}`)
  }

  warn(text: string): void {
    this.write(`warning: ${text}`)
  }

  async end(): Promise<void> {
    // Nothing is pending.
  }

  protected show(text: string): void {
    if (text !== this.#last) this.write(`  ${text}`)
    this.#last = text
  }
}

type Task = ListrTaskWrapper<unknown, typeof DefaultRenderer, typeof SimpleRenderer>

class LiveProgress extends Counting implements ProgressDisplay {
  readonly #done: Promise<unknown>
  #task: Task | null = null
  #finish: ((error?: Error) => void) | null = null
  readonly #begin = new Map<Phase, () => void>()
  #pending: string | null = null
  #skipped = false
  #notes: string[] = []

  constructor() {
    super()
    const started = new Map(
      PHASES.map((phase) => [
        phase,
        new Promise<void>((resolve) => {
          this.#begin.set(phase, resolve)
        }),
      ]),
    )
    const list = new Listr(
      PHASES.map((phase) => ({
        title: TITLES[phase],
        task: async (_: unknown, task: Task) => {
          await started.get(phase)
          if (this.#skipped) {
            task.skip()
            return
          }
          this.#task = task
          if (this.#pending) task.output = this.#pending
          await new Promise<void>((resolve, reject) => {
            this.#finish = (error) => {
              if (error) reject(error)
              else resolve()
            }
          })
        },
      })),
      { exitOnError: false, registerSignalListeners: false, rendererOptions: { showErrorMessage: false } },
    )
    this.#done = list.run().catch(() => undefined)
  }

  phase(phase: Phase): void {
    this.#pending = null
    this.#finish?.()
    this.#begin.get(phase)?.()
  }

  step(text: string): void {
    this.show(text)
  }

  sampled(sample: Sample): void {
    if (sample.status === 'failed') this.warn(`${sample.subject} ${sample.measurement}: ${sample.reason ?? 'failed'}`)
  }

  warn(text: string): void {
    this.#notes.push(text)
  }

  async end(ok: boolean): Promise<void> {
    this.#finish?.(ok ? undefined : new Error('failed'))
    this.#skipped = true
    for (const begin of this.#begin.values()) begin()
    await this.#done
    for (const note of this.#notes) process.stderr.write(`warning: ${note}\n`)
  }

  protected show(text: string): void {
    this.#pending = text
    if (this.#task) this.#task.output = text
  }
}

/** `1 min 20 s`, `45 s`. */
export function span(ms: number): string {
  const seconds = Math.round(ms / 1000)
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
