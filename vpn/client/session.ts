/**
 * A client from start to end: connect, and connect again whenever the connection is lost, until it is stopped or there
 * is no point in going on.
 *
 *     connecting ──► connected ──► (lost) waiting ──► connecting …
 *          └── refused, wrong certificate: ends
 */
import type { ClientSettings } from '../config/settings.js'
import type { ClientEvent, Closed, CommandReply, Connected, Engine, Engines, EngineStatus } from '../engine.js'
import { messageOf, VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { isPassing, setupError } from '../setup-errors.js'
import type { Status } from '../status/render.js'
import { backoffMs, GOOD_AFTER_MS } from './backoff.js'
import { clientConfigOf } from './engine-config.js'
import { addressesOf, LookupError, type Lookup } from './resolve.js'
import { PathLog } from './path-log.js'
import { judge, type Verdict } from './verdict.js'

export interface SessionDeps {
  engines: Engines
  lookup: Lookup
  log: Log
  /** Milliseconds, never going back. */
  now: () => number
  /** 0 … 1. */
  random: () => number
  /** Resolves early when the signal aborts. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

export interface Secrets {
  authKey: string
  ticketDir: string | null
}

type SessionStatus = NonNullable<Status['session']>

export class ClientSession {
  readonly #settings: ClientSettings
  readonly #secrets: Secrets
  readonly #deps: SessionDeps
  readonly #where: string
  readonly #startedAt: number
  #engine: Engine | null = null
  #state: SessionStatus['state'] = 'connecting'
  #connectedAt: number | null = null
  readonly #paths = new PathLog()
  #everConnected = false
  #attempts = 0
  #failures = 0
  #retryAt: number | null = null
  #lastProblem: string | null = null

  constructor(settings: ClientSettings, secrets: Secrets, deps: SessionDeps) {
    this.#settings = settings
    this.#secrets = secrets
    this.#deps = deps
    const { address, port } = settings.server
    this.#where = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
    this.#startedAt = deps.now()
  }

  /**
   * Resolves when the signal has aborted and everything is removed.
   *
   * @throws VpnError when there is no point in going on; everything is removed then too
   */
  async run(signal: AbortSignal): Promise<void> {
    const { log, now, random, sleep } = this.#deps
    for (;;) {
      this.#attempts += 1
      this.#state = 'connecting'
      const verdict = await this.#once(signal)
      if (signal.aborted || verdict === null) break
      this.#lastProblem = verdict.text
      if (verdict.final || !this.#settings.reconnect) throw verdict.error
      const delay = backoffMs(this.#failures, random())
      this.#failures += 1
      this.#state = 'waiting'
      this.#retryAt = now() + delay
      log.warn(`${verdict.text}; trying again`, {
        inSeconds: Math.round(delay / 100) / 10,
        attempt: this.#attempts + 1,
      })
      await sleep(delay, signal)
      this.#retryAt = null
      if (signal.aborted) break
    }
    this.#state = 'stopped'
  }

  async status(): Promise<EngineStatus & { session: SessionStatus }> {
    const { now } = this.#deps
    const engine: EngineStatus = this.#engine
      ? await this.#engine.status()
      : { role: 'client', uptimeSeconds: 0, tun: null, connections: [] }
    return {
      ...engine,
      // Of the program, not of the engine, which is another one after every loss.
      uptimeSeconds: (now() - this.#startedAt) / 1000,
      session: {
        state: this.#state,
        server: this.#where,
        attempts: this.#attempts,
        retryInSeconds: this.#retryAt === null ? null : Math.max(0, (this.#retryAt - now()) / 1000),
        lastProblem: this.#lastProblem,
      },
    }
  }

  async command(): Promise<CommandReply> {
    return { ok: false, error: 'this is a client; only a server has clients to disconnect' }
  }

  /** One connection, to its end; null when it was stopped. */
  async #once(signal: AbortSignal): Promise<Verdict | null> {
    const { log, now } = this.#deps
    let engine: Engine
    let closed: Promise<Closed>
    try {
      const addresses = await addressesOf(this.#settings.server.address, this.#deps.lookup)
      if (signal.aborted) return null
      // One after the other, so that a dead first address is no obstacle.
      const address = addresses[(this.#attempts - 1) % addresses.length]!
      log.debug('connecting', { server: this.#where, address, attempt: this.#attempts })
      ;({ engine, closed } = this.#start(address))
    } catch (error) {
      return this.#setupVerdict(error)
    }
    this.#engine = engine
    let onAbort = (): void => undefined
    const stopped = new Promise<null>((resolve) => (onAbort = () => resolve(null)))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
    try {
      const end = await Promise.race([closed, stopped])
      if (end === null) return null
      if (this.#connectedAt !== null && now() - this.#connectedAt >= GOOD_AFTER_MS) this.#failures = 0
      return judge(end, this.#settings)
    } finally {
      signal.removeEventListener('abort', onAbort)
      this.#connectedAt = null
      this.#engine = null
      await engine.stop()
    }
  }

  #start(address: string): { engine: Engine; closed: Promise<Closed> } {
    const { engines } = this.#deps
    this.#paths.restart()
    const config = clientConfigOf(this.#settings, { address, ...this.#secrets })
    let onClosed: (event: Closed) => void = () => undefined
    const closed = new Promise<Closed>((resolve) => (onClosed = resolve))
    const engine = engines.startClient(config, (event) => {
      if (event.type === 'closed') onClosed(event)
      else this.#onEvent(event, config.server)
    })
    return { engine, closed }
  }

  #onEvent(event: Exclude<ClientEvent, Closed>, server: { address: string; port: number }): void {
    const { log } = this.#deps
    switch (event.type) {
      case 'log': {
        const { type: _, level, message, ...fields } = event
        log[level](message, fields)
        return
      }
      case 'connected':
        this.#onConnected(event, server)
        return
      case 'state':
        log.debug('connection', { state: event.state })
        return
      case 'mtu':
        log.info('the MTU of the tunnel follows the path', { mtu: event.mtu })
        return
      case 'path': {
        const line = this.#paths.line(event, this.#deps.now())
        if (line !== null) log[line.level](line.message, { path: event.path })
        return
      }
    }
  }

  #onConnected(event: Connected, server: { address: string; port: number }): void {
    const { log, now } = this.#deps
    this.#state = 'connected'
    this.#connectedAt = now()
    this.#everConnected = true
    this.#lastProblem = null
    const { type: _, ...fields } = event
    const addresses = event.addresses.map((address) => address.replace(/\/(32|128)$/, '')).join(', ')
    const address = server.address.includes(':') ? `[${server.address}]` : server.address
    log.announce(
      'connected',
      `connected: ${addresses} via ${address}:${server.port} (${event.tun}, MTU ${event.mtu})`,
      fields,
    )
    log.debug('connected', fields)
  }

  /** At the first start a person is there to put it right; later on the network may just be away. */
  #setupVerdict(error: unknown): Verdict {
    const ours = error instanceof VpnError ? error : setupError(error, this.#settings)
    const passing =
      error instanceof LookupError ? error.passing || this.#everConnected : this.#everConnected && isPassing(error)
    return { text: messageOf(ours), final: !passing, error: ours }
  }
}
