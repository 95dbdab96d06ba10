/** How `mqvpn client` and `mqvpn server` are stopped. */
import { EXIT, type ExitCode } from './exit-codes.js'

export interface Life {
  readonly signal: AbortSignal
  /** Resolves when it is to stop. */
  stopped(): Promise<void>
  /** Run, synchronously, at the very end of the process, however that comes. */
  atExit(clean: () => void): void
  /** SIGHUP no longer ends it, but does this, which never fails. */
  onReload(reload: () => unknown): void
  /** What the process ends with after a stop. */
  exitCode(): ExitCode
}

/** The part of `process` that is needed, for tests. */
export interface Signals {
  on(event: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown
  on(event: 'exit', listener: () => void): unknown
  exit(code: number): void
}

/**
 * SIGTERM asks for a clean end, which is a success; SIGINT and SIGHUP interrupt, unless SIGHUP means something. A second signal ends the process at
 * once: the kernel removes the TUN device, with its addresses and routes, when its owner is gone.
 *
 * @param say for a person at a terminal
 */
export function createLife(signals: Signals, say: (text: string) => void): Life {
  const controller = new AbortController()
  let code: ExitCode = EXIT.ok
  let reload: (() => unknown) | null = null
  const handle = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGHUP' && reload !== null) {
      if (!controller.signal.aborted) void reload()
      return
    }
    if (controller.signal.aborted) {
      signals.exit(EXIT.interrupted)
      return
    }
    code = signal === 'SIGTERM' ? EXIT.ok : EXIT.interrupted
    say(`${signal}: closing (again to end at once)`)
    controller.abort()
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) signals.on(signal, handle)
  return {
    signal: controller.signal,
    stopped: () =>
      new Promise((resolve) => {
        if (controller.signal.aborted) resolve()
        else controller.signal.addEventListener('abort', () => resolve(), { once: true })
      }),
    onReload: (action) => (reload = action),
    atExit: (clean) => signals.on('exit', clean),
    exitCode: () => code,
  }
}
