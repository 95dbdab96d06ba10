/** The exit code of a run that went to its end, or was interrupted; the order is explained in `cli/exit-codes.ts`. */
import { EXIT, type ExitCode } from '../cli/exit-codes.js'
import type { Expectation } from '../scenario/types.js'
import { measurementsNamed } from '../scenario/expectations.js'
import type { ExpectationResult, Guard, Measurement, Sample, SubjectInfo } from './schema.js'

export interface ExitInput {
  interrupted: boolean
  /** `--allow-untrusted`: failed guards are told, and do not count. */
  allowUntrusted: boolean
  subjects: readonly SubjectInfo[]
  guards: readonly Guard[]
  /** Those that this run was asked for. */
  measurements: readonly Measurement[]
  samples: readonly Sample[]
  /** Fewer measurements than the scenario has (`--grep`): a baseline may be among the others. */
  partial: boolean
  /** In the scenario's order, as `results`. */
  expectations: readonly Expectation[]
  results: readonly ExpectationResult[]
}

export function exitCodeOfRun(input: ExitInput): ExitCode {
  const { interrupted, allowUntrusted, subjects, guards, expectations, results } = input
  if (interrupted) return EXIT.interrupted
  if (subjects.some((s) => s.status === 'crashed')) return EXIT.crashed
  if (!allowUntrusted && guards.some((g) => !g.ok)) return EXIT.untrusted
  if (results.some((r) => r.status === 'failed')) return EXIT.failed
  if (results.some((r, i) => r.status === 'unknown' && shouldBeKnown(expectations[i]!, input))) return EXIT.failed
  const missing = subjects.filter((s) => s.status === 'missing').map((s) => s.id)
  // A missing VPN is a result; an expectation about it cannot be met on this machine.
  const unmet = results.some((r, i) => r.status === 'unknown' && missing.includes(expectations[i]!.subject))
  return unmet ? EXIT.missing : EXIT.ok
}

/**
 * Did the subject run what the expectation is about? Then somebody has to look: its samples failed, or what they are
 * held against did. What was not asked for, or is not supported, may stay unknown.
 */
function shouldBeKnown({ subject, measurement }: Expectation, { measurements, samples, partial }: ExitInput): boolean {
  const ids = measurementsNamed(measurement, measurements).map((m) => m.id)
  const ran = samples.filter((s) => s.subject === subject && ids.includes(s.measurement) && s.status !== 'unsupported')
  return ran.length > 0 && (!partial || ran.every((s) => s.status === 'failed'))
}
