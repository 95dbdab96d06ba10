/**
 * Tells systemd how this service is (sd_notify(3)), when it was started by one: `NOTIFY_SOCKET` is in the environment
 * then. Without it every call does nothing.
 *
 *     READY=1      a server: it listens. A client: its set-up is right and the first attempt begins. Not: connected. A
 *                  machine must boot while its VPN server is away, and a client that waits for one is not broken; systemd
 *                  would kill it after a while, only to start another one that waits. STATUS= says whether it is
 *                  connected, and `mqvpn up` waits for that.
 *     STATUS=…     what `mqvpn status` says in one line, for `systemctl status`
 *     WATCHDOG=1   only after the engine has answered: a process that lives but does nothing is to be replaced
 *     RELOADING=1, STOPPING=1
 */
import { messageOf } from '../errors.js'
import type { Log } from '../log.js'
import type { Status } from '../status/render.js'
import { statusLine } from './status-line.js'

export interface ServiceDeps {
  /** Sends one datagram to a Unix socket. */
  send: (socketPath: string, text: string) => void
  log: Pick<Log, 'debug' | 'warn'>
  pid: number
  /** CLOCK_MONOTONIC, in microseconds. */
  monotonicUs: () => bigint
}

/** How often `STATUS=` follows what happens, when no watchdog asks for more. */
const STATUS_EVERY_MS = 10_000
/** A server that starts is asked so often whether it listens. */
const STARTING_EVERY_MS = 50
/** systemd shows one line; more would be cut in the middle of a word anyway. */
const STATUS_MOST_CHARS = 200

export class ServiceManager {
  readonly #socket: string | null
  /** How often systemd wants to hear from us; null: it does not. */
  readonly #watchdogMs: number | null
  readonly #deps: ServiceDeps
  #status: (() => Promise<Status>) | null = null
  #timer: NodeJS.Timeout | null = null
  #ready = false
  #stopping = false
  #complained = false
  #unheard = false
  #lastLine = ''

  /**
   * Takes its variables out of the environment: programs that mqvpn starts must not speak for it.
   *
   * @param env of this process
   */
  constructor(env: NodeJS.ProcessEnv, deps: ServiceDeps) {
    this.#socket = env['NOTIFY_SOCKET'] || null
    this.#watchdogMs = this.#socket === null ? null : watchdogOf(env, deps.pid)
    this.#deps = deps
    delete env['NOTIFY_SOCKET']
    delete env['WATCHDOG_USEC']
    delete env['WATCHDOG_PID']
  }

  /** Somebody listens. */
  get active(): boolean {
    return this.#socket !== null
  }

  /** From now on it is asked how it is: for READY, STATUS and WATCHDOG. */
  watch(status: () => Promise<Status>): void {
    if (!this.active) return
    this.#status = status
    void this.#tick()
  }

  /** Around everything that a SIGHUP makes it do; the error of `work` goes on. */
  async reload<T>(work: () => Promise<T>): Promise<T> {
    this.#tell(`RELOADING=1\nMONOTONIC_USEC=${this.#deps.monotonicUs()}`)
    try {
      return await work()
    } finally {
      // systemd.service(5): a reload ends with READY=1, whatever came of it.
      this.#tell('READY=1')
    }
  }

  /** It has begun to end; safe to call again. */
  stopping(): void {
    if (this.#stopping) return
    this.#stopping = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#tell('STOPPING=1\nSTATUS=closing')
  }

  async #tick(): Promise<void> {
    const every = this.#intervalMs()
    const status = await this.#answer(every)
    if (this.#stopping) return
    if (status !== null) {
      this.#complained = false
      const line = statusLine(status).slice(0, STATUS_MOST_CHARS)
      const words: string[] = []
      if (!this.#ready && isReady(status)) {
        this.#ready = true
        words.push('READY=1')
      }
      if (line !== this.#lastLine) words.push(`STATUS=${line}`)
      this.#lastLine = line
      if (this.#watchdogMs !== null) words.push('WATCHDOG=1')
      if (words.length > 0) this.#tell(words.join('\n'))
    }
    this.#timer = setTimeout(() => void this.#tick(), this.#intervalMs())
    this.#timer.unref()
  }

  #intervalMs(): number {
    if (!this.#ready) return STARTING_EVERY_MS
    // sd_watchdog_enabled(3): half of the time that it allows.
    return Math.min(STATUS_EVERY_MS, this.#watchdogMs ?? Infinity)
  }

  /** Null: there is none, or not in time. */
  async #answer(limitMs: number): Promise<Status | null> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), Math.max(limitMs, 1000))
      timer.unref()
    })
    try {
      const status = await Promise.race([this.#status!(), late])
      if (status === null && this.#ready) this.#complain('the engine does not answer')
      return status
    } catch (error) {
      // Before it is ready it says that it is starting.
      if (this.#ready && !this.#stopping) this.#complain(messageOf(error))
      return null
    } finally {
      clearTimeout(timer)
    }
  }

  #complain(why: string): void {
    if (this.#complained) return
    this.#complained = true
    const end = this.#watchdogMs === null ? '' : '; if that stays so, systemd ends this process and starts another'
    this.#deps.log.warn(`the service manager is told nothing: ${why}${end}`)
  }

  /** What systemd does not hear must not end the tunnel. */
  #tell(text: string): void {
    if (this.#socket === null) return
    try {
      this.#deps.send(this.#socket, text)
    } catch (error) {
      // Once: without READY=1 systemd waits and then kills, and somebody has to find out why.
      const level = this.#unheard ? 'debug' : 'warn'
      this.#unheard = true
      const [about] = text.split('\n')
      this.#deps.log[level](`NOTIFY_SOCKET ${this.#socket} did not take ${about}: ${messageOf(error)}`)
    }
  }
}

/** Half of WATCHDOG_USEC, when this process is meant (sd_watchdog_enabled(3)). */
function watchdogOf(env: NodeJS.ProcessEnv, pid: number): number | null {
  const [usec, of] = [env['WATCHDOG_USEC'] ?? '', env['WATCHDOG_PID'] ?? '']
  if (!/^[1-9]\d{0,17}$/.test(usec) || (of !== '' && of !== `${pid}`)) return null
  return Math.max(1, Number(usec) / 2000)
}

function isReady({ role, listening }: Status): boolean {
  return role === 'client' || listening != null
}
