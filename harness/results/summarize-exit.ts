/** The exit code of a run that went to its end, or was interrupted; the order is explained in `cli/exit-codes.ts`. */
import { EXIT, type ExitCode } from '../cli/exit-codes.js'
import type { Expectation } from '../scenario/types.js'
import type { ExpectationResult, Guard, SubjectInfo } from './schema.js'

export interface ExitInput {
  interrupted: boolean
  /** `--allow-untrusted`: failed guards are told, and do not count. */
  allowUntrusted: boolean
  subjects: readonly SubjectInfo[]
  guards: readonly Guard[]
  /** In the scenario's order, as `results`. */
  expectations: readonly Expectation[]
  results: readonly ExpectationResult[]
}

export function exitCodeOfRun({
  interrupted,
  allowUntrusted,
  subjects,
  guards,
  expectations,
  results,
}: ExitInput): ExitCode {
  if (interrupted) return EXIT.interrupted
  if (subjects.some((s) => s.status === 'crashed')) return EXIT.crashed
  if (!allowUntrusted && guards.some((g) => !g.ok)) return EXIT.untrusted
  if (results.some((r) => r.status === 'failed')) return EXIT.failed
  const missing = subjects.filter((s) => s.status === 'missing').map((s) => s.id)
  // A missing VPN is a result; an expectation about it cannot be met on this machine.
  const unmet = results.some((r, i) => r.status === 'unknown' && missing.includes(expectations[i]!.subject))
  return unmet ? EXIT.missing : EXIT.ok
}
