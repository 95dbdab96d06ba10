/**
 * `mqvpn up [NAME]`: starts a client in the background and waits until it is connected or has failed.
 *
 *     systemd runs, and has the unit: systemctl start mqvpn-client@NAME
 *     otherwise: a process of its own, its pid in /run/mqvpn/NAME.pid, its log in /var/log/mqvpn/NAME.log
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { UsageError } from '../errors.js'
import { EXIT, type ExitCode } from '../exit-codes.js'
import { startInBackground, type Background } from './background.js'
import { controlOf } from './control-of.js'
import { statusAt } from './peer.js'
import { readPidFile } from './pid-file.js'
import { argumentsOf } from './process.js'
import { statusLine } from './status-line.js'
import type { Systemd } from './systemd.js'
import { targetOf, type Places, type Target } from './target.js'

export interface UpDeps {
  places: Places
  /** Null: there is none here. */
  systemd: Systemd | null
  /** How this very program is started: node, its flags, the file. */
  command: readonly string[]
  env: NodeJS.ProcessEnv
  /** One line for the person. */
  say: (line: string) => void
  /** It is to wait no longer, and to take back what it has begun. */
  signal: AbortSignal
  waitMs: number
}

const ASK_EVERY_MS = 100

/** @throws VpnError when there is nothing to wait for */
export async function up(name: string, deps: UpDeps): Promise<ExitCode> {
  const target = targetOf(name, deps.places)
  // Wrong settings end here, before anything is started.
  const control = controlOf(target.file, deps.env, deps.say)
  const there = await statusAt(control)
  if (there !== null) {
    await checkIsOurs(there.pid, target, deps)
    deps.say(`${target.name} is up already (pid ${there.pid})`)
    return wait(new Running(), control, target, deps)
  }
  return wait(await start(target, control, deps), control, target, deps)
}

async function checkIsOurs(pid: number, { name, file, pidFile, unit }: Target, { systemd }: UpDeps): Promise<void> {
  if (readPidFile(pidFile)?.pid === pid || argumentsOf(pid).includes(file)) return
  if (systemd !== null && unit !== null && ['active', 'activating'].includes(await systemd.state(unit))) return
  throw new UsageError(
    `another mqvpn (pid ${pid}) has the device of ${name}; end it first, or choose another name with TunName in ${file}`,
  )
}

/** What is waited for. */
interface Begun {
  /** Null while it runs; otherwise what it ended with, and what it said at last. */
  ended(): Promise<{ code: ExitCode; lines: string[] } | null>
  /** Takes the start back. */
  cancel(): Promise<void>
  /** Where to read on. */
  logHint: string
  /** Nothing has to be kept here for it to go on. */
  release(): void
}

/** Somebody else has started it: it is neither ended nor cancelled here. */
class Running implements Begun {
  readonly logHint = '`mqvpn status` shows what it does'
  ended = async (): Promise<null> => null
  cancel = async (): Promise<void> => undefined
  release = (): void => undefined
}

async function start(target: Target, control: string, deps: UpDeps): Promise<Begun> {
  const { systemd, say } = deps
  if (systemd !== null && target.unit !== null) {
    if (await systemd.has(target.unit)) return startUnit(target.unit, systemd)
    say(`systemd runs here, but knows no ${target.unit} (docs/service.md says how to install it); starting without it`)
  }
  return new OwnProcess(await startInBackground(target, control, deps))
}

async function startUnit(unit: string, systemd: Systemd): Promise<Begun> {
  const failure = await systemd.start(unit)
  return {
    ended: async () => {
      if (failure === null && ['active', 'activating', 'reloading'].includes(await systemd.state(unit))) return null
      const lines = await systemd.lastLines(unit)
      return { code: asExitCode(await systemd.exitCode(unit)), lines: failure === null ? lines : [...lines, failure] }
    },
    cancel: async () => {
      await systemd.stop(unit)
    },
    logHint: `\`journalctl -u ${unit}\` shows its log`,
    release: () => undefined,
  }
}

class OwnProcess implements Begun {
  readonly logHint: string

  constructor(private readonly background: Background) {
    this.logHint = `its log is ${background.logFile}`
  }

  async ended(): Promise<{ code: ExitCode; lines: string[] } | null> {
    const { exit } = this.background
    return exit === null ? null : { code: asExitCode(exit.code), lines: this.background.lastLines() }
  }

  cancel(): Promise<void> {
    return this.background.stop()
  }

  release(): void {
    this.background.release()
  }
}

/** Ended by itself without being connected is a failure, whatever it says. */
function asExitCode(code: number | null): ExitCode {
  return code === EXIT.usage || code === EXIT.missing || code === EXIT.refused ? code : EXIT.failed
}

async function wait(begun: Begun, control: string, { name }: Target, deps: UpDeps): Promise<ExitCode> {
  const { say, signal, waitMs } = deps
  const until = performance.now() + waitMs
  for (;;) {
    const status = await statusAt(control)
    if (status?.session?.state === 'connected' && status.connections.length > 0) {
      say(statusLine(status))
      begun.release()
      return EXIT.ok
    }
    const end = await begun.ended()
    if (end !== null) {
      for (const line of end.lines) say(line)
      say(`${name} has not come up; ${begun.logHint}`)
      return end.code
    }
    if (signal.aborted) {
      say(`interrupted; ${name} is ended again`)
      await begun.cancel()
      return EXIT.interrupted
    }
    if (performance.now() >= until) {
      const doing = status === null ? 'it does not answer yet' : statusLine(status)
      say(`${doing} – after ${waitMs / 1000} s it goes on in the background; ${begun.logHint}`)
      begun.release()
      return EXIT.failed
    }
    await sleep(ASK_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
}
