/** SIGINT, SIGTERM and SIGHUP as one AbortSignal: the run then cleans up and ends with 130. */
import { InterruptedError } from '../lab/errors.js'

let controller: AbortController | null = null

/** Installs the handlers once. A second signal ends the process at once (the lab is still removed, synchronously). */
export function onInterrupt(): AbortSignal {
  if (controller) return controller.signal
  const abort = new AbortController()
  controller = abort
  const handle = (signal: NodeJS.Signals): void => {
    if (abort.signal.aborted) process.exit(130)
    process.stderr.write(`\nmqvpn-bench: ${signal}: cleaning up (again to stop at once)\n`)
    abort.abort(new InterruptedError(`interrupted by ${signal}`))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, handle)
  return abort.signal
}
