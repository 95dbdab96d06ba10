/**
 * What the exit code of `mqvpn-bench` means. When several apply, the first of this order counts: 130, 2, 3 (of the
 * machine), 5, 4, 1, 3 (of an expectation), 0. Usage and machine end a run before anything is measured; a crash makes the
 * rest incomplete; a failed guard makes verdicts worthless, so it counts before them.
 */
import { BenchError, InterruptedError, MachineError, SubjectError, UsageError } from '../lab/errors.js'

export const EXIT = {
  ok: 0,
  /** An expectation failed, or is unknown although its subject ran; or `--fail-on regression` found one. */
  failed: 1,
  /** The command line or the scenario is wrong. */
  usage: 2,
  /** This machine lacks something that is needed. In CI: skip. */
  missing: 3,
  /** Calibration or a noise guard failed: the numbers are not to be trusted. */
  untrusted: 4,
  /** A subject crashed or never became ready. */
  crashed: 5,
  /** SIGINT or SIGTERM; everything was cleaned up. 128 + SIGINT, as shells count. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_CODE_HELP = `Exit codes:
  0    ok
  1    an expectation failed, or a regression was found
  2    the command line or the scenario is wrong
  3    this machine lacks something that is needed
  4    calibration or a noise guard failed
  5    a subject crashed
  130  interrupted; everything was cleaned up
`

/** The exit code of something that was thrown; what is not ours is a fault of this program: 5 has the nearest meaning. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof InterruptedError) return EXIT.interrupted
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof MachineError) return EXIT.missing
  if (error instanceof SubjectError) return EXIT.crashed
  return error instanceof BenchError ? EXIT.missing : EXIT.crashed
}

/** Of several scenarios in one command: the one that counts first. */
export function worstExit(a: number, b: number): number {
  const order: readonly number[] = [
    EXIT.interrupted,
    EXIT.usage,
    EXIT.missing,
    EXIT.crashed,
    EXIT.untrusted,
    EXIT.failed,
  ]
  return order.find((code) => code === a || code === b) ?? EXIT.ok
}
