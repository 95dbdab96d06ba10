/** A VPN that runs one program on the client and one on the server: what is common to all of them. */
import { messageOf, SubjectError } from '../lab/errors.js'
import type { Lab } from '../lab/lab.js'
import type { HostProcess } from '../lab/process.js'
import { fence, INNER, innerEndpoint, unfence } from './tunnel-addresses.js'
import { READY_LIMIT_MS, untilPings, type Readiness } from './ready.js'
import type { Endpoint, RunningSubject } from './subject.js'

export type Side = 'client' | 'server'
/** A client finds its server running, as in life. */
const START_ORDER: readonly Side[] = ['server', 'client']

export interface Parts {
  lab: Lab
  /** The subject's id, for messages. */
  id: string
  /** Starts one side; resolves when its program has been configured, not when the tunnel works. */
  startSide: (side: Side) => Promise<HostProcess>
  /** Default: SIGTERM, then SIGKILL. May throw. */
  stopSide?: (side: Side, process: HostProcess) => Promise<void>
  /** For one that repeats a lost handshake more slowly than others. */
  readyLimitMs?: number
  /** Default: the server answers a ping through the tunnel. */
  ready?: (readiness: Readiness) => Promise<void>
  stats?: (running: ReadonlyMap<Side, HostProcess>) => Promise<Record<string, unknown>>
  /** Default: the inner addresses of `INNER`, which are then fenced. */
  endpoint?: Endpoint
  /** A program that goes to the background by itself ends with 0 and is not to be missed. */
  mayDaemonize?: boolean
}

export class TwoSided implements RunningSubject {
  readonly endpoint: Endpoint
  readonly #parts: Parts
  readonly #running = new Map<Side, HostProcess>()
  /** Ended ones stay: their CPU time was spent as well. */
  readonly #all: HostProcess[] = []
  #stopped: Promise<void> | null = null

  private constructor(parts: Parts) {
    this.#parts = parts
    this.endpoint = parts.endpoint ?? innerEndpoint()
  }

  /** Starts both sides. When one fails, both are removed before the error is thrown. */
  static async start(parts: Parts): Promise<TwoSided> {
    const subject = new TwoSided(parts)
    try {
      if (!parts.endpoint) await fence(parts.lab.client, parts.lab.server)
      for (const side of START_ORDER) await subject.#startSide(side)
      return subject
    } catch (error) {
      await subject.stop()
      throw error
    }
  }

  get processes(): readonly HostProcess[] {
    return this.#all
  }

  dead(): HostProcess | null {
    const ended = [...this.#running.values()].find((process) => !process.running)
    return ended && !(this.#parts.mayDaemonize && ended.exit?.code === 0) ? ended : null
  }

  async ready(signal: AbortSignal): Promise<void> {
    const { id: subject, readyLimitMs: limitMs = READY_LIMIT_MS, mayDaemonize = false } = this.#parts
    const readiness = { subject, processes: [...this.#running.values()], signal, limitMs, mayDaemonize }
    if (this.#parts.ready) await this.#parts.ready(readiness)
    else await untilPings(this.#parts.lab.client, INNER.server, readiness, ['-I', INNER.client])
  }

  async stats(): Promise<Record<string, unknown>> {
    return (await this.#parts.stats?.(this.#running)) ?? {}
  }

  async restart(side: Side): Promise<void> {
    await this.#stopSide(side)
    await this.#startSide(side)
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    for (const side of [...START_ORDER].reverse()) await this.#stopSide(side)
    if (!this.#parts.endpoint) await unfence(this.#parts.lab.client, this.#parts.lab.server)
  }

  async #startSide(side: Side): Promise<void> {
    try {
      const process = await this.#parts.startSide(side)
      this.#running.set(side, process)
      this.#all.push(process)
    } catch (error) {
      if (error instanceof SubjectError) throw error
      throw new SubjectError(`${this.#parts.id}: cannot start on the ${side}: ${messageOf(error)}`)
    }
  }

  async #stopSide(side: Side): Promise<void> {
    const process = this.#running.get(side)
    if (!process) return
    this.#running.delete(side)
    await this.#parts.stopSide?.(side, process).catch(() => undefined)
    await process.stop()
  }
}
