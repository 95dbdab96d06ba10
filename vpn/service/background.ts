/** A client as a process of its own, which goes on when its starter ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { VpnError, messageOf } from '../errors.js'
import { cannotWrite, removePidFile, writePidFile } from './pid-file.js'
import { isGone, startTimeOf } from './process.js'
import type { Target } from './target.js'

/** A longer log makes place for a new one at the next start. */
const LOG_MOST_BYTES = 1024 * 1024
/** Of what it said last, for the person who waits. */
const SHOWN_LINES = 10
const SHOWN_BYTES = 8192
/** It has to close its connection and to put back what it changed. */
export const STOP_LIMIT_MS = 15_000

export interface Background {
  readonly logFile: string
  /** Null while it runs. */
  readonly exit: { code: number | null } | null
  lastLines(): string[]
  /** SIGTERM, and SIGKILL to one that does not hear it. */
  stop(): Promise<void>
  release(): void
}

export async function startInBackground(
  { file, pidFile, logFile }: Target,
  control: string,
  { command, env }: { command: readonly string[]; env: NodeJS.ProcessEnv },
): Promise<Background> {
  const { fd, begin } = openLog(logFile)
  let child: ChildProcess
  try {
    child = await spawned([...command, 'client', '--config', file], env, fd)
  } finally {
    closeSync(fd)
  }
  const pid = child.pid!
  const startTime = startTimeOf(pid)
  let exit: { code: number | null } | null = null
  child.on('exit', (code) => {
    exit = { code }
    removePidFile(pidFile, pid)
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    if (!(await isGone(pid, startTime, STOP_LIMIT_MS))) child.kill('SIGKILL')
    removePidFile(pidFile, pid)
  }
  try {
    writePidFile(pidFile, pid, control)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    logFile,
    get exit() {
      return exit
    },
    lastLines: () => tail(logFile, begin),
    stop,
    release: () => child.unref(),
  }
}

/** In a session of its own: what ends the terminal does not end it. */
function spawned(argv: readonly string[], env: NodeJS.ProcessEnv, log: number): Promise<ChildProcess> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    // Whoever watches us as a service does not watch what we leave behind.
    const own = { ...env, NOTIFY_SOCKET: undefined, WATCHDOG_USEC: undefined, WATCHDOG_PID: undefined }
    const child = spawn(program, args, { detached: true, cwd: '/', env: own, stdio: ['ignore', log, log] })
    child.once('spawn', () => resolve(child))
    child.once('error', (error) => reject(new VpnError(`${program} cannot be started: ${messageOf(error)}`)))
  })
}

function openLog(file: string): { fd: number; begin: number } {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o750 })
    if (sizeOf(file) > LOG_MOST_BYTES) renameSync(file, `${file}.1`)
    const fd = openSync(file, 'a', 0o600)
    return { fd, begin: sizeOf(file) }
  } catch (error) {
    throw cannotWrite(file, error)
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/** The last lines of what was written since `begin`. */
function tail(file: string, begin: number): string[] {
  const end = sizeOf(file)
  const from = Math.max(begin, end - SHOWN_BYTES)
  if (end <= from) return []
  const fd = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(end - from)
    const count = readSync(fd, buffer, 0, buffer.length, from)
    return buffer
      .toString('utf8', 0, count)
      .split('\n')
      .filter((line) => line !== '')
      .slice(-SHOWN_LINES)
  } finally {
    closeSync(fd)
  }
}
