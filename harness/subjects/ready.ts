/** Waiting until a subject carries traffic, or can be seen never to. */
import { setTimeout as sleep } from 'node:timers/promises'
import { SubjectError } from '../lab/errors.js'
import type { Host } from '../lab/host.js'
import type { HostProcess } from '../lab/process.js'

/** Slowest start seen is openvpn's, below 2 s over a clean link; lossy ones need a few retries. */
export const READY_LIMIT_MS = 15_000
const POLL_MS = 50
/** Ping's own interval: readiness is known to about this. */
const PING_SECONDS = 0.1

export interface Readiness {
  /** For messages: `openvpn`. */
  subject: string
  /** They must all live until it is ready. */
  processes: readonly HostProcess[]
  signal: AbortSignal
  limitMs?: number
  /** One that goes to the background by itself ends with 0 and is not missed. */
  mayDaemonize?: boolean
}

/** Polls a condition. Rejects when a process ended, the time is up or the signal aborts. */
export async function until(condition: () => Promise<boolean> | boolean, readiness: Readiness): Promise<void> {
  const { subject, processes, signal, limitMs = READY_LIMIT_MS, mayDaemonize = false } = readiness
  const deadline = Date.now() + limitMs
  for (;;) {
    signal.throwIfAborted()
    for (const process of processes) {
      if (!process.running && !(mayDaemonize && process.exit?.code === 0)) throw endedEarly(subject, process)
    }
    if (await condition()) return
    if (Date.now() >= deadline) throw notReady(subject, processes, limitMs)
    await sleep(POLL_MS)
  }
}

/** Waits until a program has printed a text; when it does not, the program is stopped before the error is thrown. */
export async function untilSays(process: HostProcess, text: string, subject: string): Promise<HostProcess> {
  let said = false
  process.onLine((line) => {
    said ||= line.includes(text)
  })
  try {
    await until(() => said, { subject, processes: [process], signal: new AbortController().signal })
    return process
  } catch (error) {
    await process.stop()
    throw error
  }
}

/** Waits until an address answers a ping from a host. */
export async function untilPings(
  host: Host,
  address: string,
  readiness: Readiness,
  pingOptions: readonly string[] = [],
): Promise<void> {
  const seconds = Math.ceil((readiness.limitMs ?? READY_LIMIT_MS) / 1000)
  // With -c and -w together, ping goes on until the first answer (ping(8)); it ends at once when there is no route.
  const args = ['-n', '-q', '-i', `${PING_SECONDS}`, '-c', '1', '-w', `${seconds}`, ...pingOptions, address]
  const start = (): HostProcess => host.spawn('ping', args, { role: 'lab' })
  let ping = start()
  try {
    await until(() => {
      if (ping.exit?.code === 0) return true
      if (!ping.running) ping = start()
      return false
    }, readiness)
  } finally {
    await ping.stop()
  }
}

export function endedEarly(subject: string, process: HostProcess): SubjectError {
  const exit = process.exit
  const how = exit?.signal ? `was ended by ${exit.signal}` : `ended with code ${exit?.code ?? '?'}`
  return new SubjectError(`${subject}: ${process.info.name} on the ${process.info.side} ${how}${lastLines([process])}`)
}

function notReady(subject: string, processes: readonly HostProcess[], limitMs: number): SubjectError {
  return new SubjectError(`${subject} did not become ready in ${limitMs / 1000} s${lastLines(processes)}`)
}

/** `; last lines of its log: …` or nothing. */
function lastLines(processes: readonly HostProcess[]): string {
  const said = processes.filter((process) => process.tail() !== '')
  if (said.length === 0) return ''
  const one = (process: HostProcess): string =>
    said.length === 1 ? process.tail(8) : `[${process.info.side}]\n${process.tail(8)}`
  return `; last lines of its log:\n${said.map(one).join('\n')}`
}
