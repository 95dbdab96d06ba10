/** What the exit code of `mqvpn` means. */
import { MachineError, RefusedError, UsageError } from './errors.js'

export const EXIT = {
  /** Also after SIGTERM: it was asked to stop, and left nothing behind. */
  ok: 0,
  failed: 1,
  usage: 2,
  missing: 3,
  refused: 4,
  /** SIGINT or SIGHUP; 128 + SIGINT, as shells count. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export const EXIT_CODE_HELP = `Exit codes:
  0    ok; also: stopped by SIGTERM
  1    it failed while running
  2    the command line or the configuration is wrong
  3    this machine lacks something that is needed (rights, TUN, the native addon)
  4    refused by the server (wrong key, full, not a mqvpn server), or its certificate is not trusted
  130  interrupted (Ctrl-C); everything was removed
`

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage
  if (error instanceof MachineError) return EXIT.missing
  if (error instanceof RefusedError) return EXIT.refused
  return EXIT.failed
}
