/**
 * From samples to verdicts: estimates, baselines, comparisons, expectations, guards and the exit code. Pure: the same
 * samples give the same summary, so that it can be made again from a result file and its scenario.
 */
import type { Expectation } from '../scenario/types.js'
import { LEAST_VALUES } from '../stats/median-interval.js'
import type { Result } from './schema.js'
import { type BaselineInput, type FaultSchedule, baselinesOf } from './summarize-baselines.js'
import { comparisonsOf } from './summarize-comparisons.js'
import { exitCodeOfRun } from './summarize-exit.js'
import { evaluate } from './summarize-expectations.js'
import { guardsOf } from './summarize-guards.js'
import { gather } from './summarize-metrics.js'
import { rowsOf } from './summarize-rows.js'

/** What the summary adds to a result. */
export type Summary = Pick<
  Result,
  'summary' | 'baselines' | 'comparisons' | 'expectations' | 'guards' | 'trusted' | 'whyNot' | 'exitCode'
>

/** A result without its summary, and what only the run knows. */
export type Draft = Omit<Result, keyof Summary> & {
  expectations: readonly Expectation[]
  /** The scenario's `measurements`: the faults in full, of which results keep marks only. */
  schedules: readonly FaultSchedule[]
  /** Frames that the emulator itself lost. */
  emulatorDrops: number
  /** `--allow-untrusted`: failed guards are told, but do not decide the exit code. */
  allowUntrusted: boolean
}

/** The draft and its summary. */
export function summarize({
  expectations: expected,
  schedules,
  emulatorDrops,
  allowUntrusted,
  ...draft
}: Draft): Result {
  const { paths, measurements, subjects, samples, calibration, interrupted } = draft
  const series = gather(samples, measurements)
  const baselineInput: BaselineInput = { paths, measurements, schedules, series }
  const baselines = baselinesOf(baselineInput)
  const summary = rowsOf(baselineInput, subjects, baselines)
  const context = { subjects, rows: summary, baselines, samples, baselineInput }
  const expectations = expected.map((expectation) => evaluate(expectation, context))
  const guards = guardsOf({ calibration, measurements, samples, emulatorDrops, series, paths })
  const whyNot = reasons(draft.repeats, interrupted, guards)
  return {
    ...draft,
    summary,
    baselines,
    comparisons: comparisonsOf(baselineInput, baselines),
    expectations,
    guards,
    trusted: whyNot.length === 0,
    whyNot,
    exitCode: exitCodeOfRun({
      interrupted,
      allowUntrusted,
      subjects,
      guards,
      measurements,
      samples,
      partial: measurements.length < schedules.length,
      expectations: expected,
      results: expectations,
    }),
  }
}

/** Why the numbers are not a measurement, one sentence each; none: they are. */
function reasons(repeats: number, interrupted: boolean, guards: Summary['guards']): string[] {
  return [
    ...(repeats < LEAST_VALUES
      ? [`Not a measurement: ${repeats} repeat${repeats === 1 ? '' : 's'}, and an interval needs ${LEAST_VALUES}.`]
      : []),
    ...(interrupted ? ['The run was interrupted.'] : []),
    ...guards.filter((guard) => !guard.ok).map((guard) => `Guard ${guard.name}: ${guard.detail}.`),
  ]
}
