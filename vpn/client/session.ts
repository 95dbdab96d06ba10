/**
 * A client from start to end: connect, and connect again whenever the connection is lost, until it is stopped or there
 * is no point in going on.
 *
 *     connecting ──► connected ──► (lost) waiting ──► connecting …
 *          └── refused, wrong certificate: ends
 */
import { isIP } from 'node:net'
import type { ClientSettings } from '../config/settings.js'
import type { ClientEvent, Closed, CommandReply, Connected, Engine, Engines, EngineStatus } from '../engine.js'
import { messageOf, VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { isPassing, setupError } from '../setup-errors.js'
import type { Status } from '../status/render.js'
import { ServerAddresses } from './addresses.js'
import { backoffMs, EAGER_AFTER_MS, Eagerness, GOOD_AFTER_MS } from './backoff.js'
import { clientConfigOf, HANDSHAKE_TIMEOUT_MS } from './engine-config.js'
import type { SessionHost } from './host.js'
import { LookupError, type Lookup } from './resolve.js'
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
  /** Resolves early when the signal aborts, or when another try may go better than the last one. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>
  host: SessionHost
  /** Addresses of the server, from a former run. */
  knownServers?: string[]
}

export interface Secrets {
  authKey: string
  ticketDir: string | null
  clientId: string | null
}

type SessionStatus = NonNullable<Status['session']>

export class ClientSession {
  readonly #settings: ClientSettings
  readonly #secrets: Secrets
  readonly #deps: SessionDeps
  readonly #where: string
  readonly #startedAt: number
  #engine: Engine | null = null
  /** Of the last connection: it has stopped, its device is there. */
  #previous: Engine | null = null
  readonly #addresses: ServerAddresses
  #eagerness: Eagerness | null = null
  #handshakeMs = 0
  #failure: VpnError | null = null
  #onHostFailure: (() => void) | null = null
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
    this.#addresses = new ServerAddresses(address, deps.lookup, deps.log, deps.knownServers)
  }

  /**
   * Resolves when the signal has aborted and everything is removed.
   *
   * @throws VpnError when there is no point in going on; everything is removed then too
   */
  async run(signal: AbortSignal): Promise<void> {
    let byItself = true
    try {
      await this.#connectUntil(signal)
      byItself = false
    } finally {
      this.#previous?.release()
      this.#previous = null
      await this.#deps.host.atEnd(byItself)
    }
  }

  async #connectUntil(signal: AbortSignal): Promise<void> {
    const { log, now, sleep } = this.#deps
    for (;;) {
      this.#attempts += 1
      this.#state = 'connecting'
      const verdict = await this.#once(signal)
      if (signal.aborted || verdict === null) break
      this.#lastProblem = verdict.text
      if (verdict.final || !this.#settings.reconnect) throw verdict.error
      const delay = this.#waitMs(verdict)
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

  #waitMs(verdict: Verdict): number {
    const { now, random } = this.#deps
    if (this.#eagerness?.isOver(now())) this.#eagerness = null
    // Who refuses will not think better of it so soon.
    if (this.#eagerness !== null && !verdict.refused) return this.#eagerness.waitMs(random())
    const { reconnectInterval } = this.#settings
    return backoffMs(this.#failures, random(), reconnectInterval === undefined ? undefined : reconnectInterval * 1000)
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
    let verdict: Verdict | null = null
    try {
      const addresses = await this.#addresses.get()
      if (signal.aborted) return null
      await this.#deps.host.beforeConnecting(addresses)
      if (signal.aborted) return null
      // One after the other, so that a dead first address is no obstacle.
      const address = addresses[(this.#attempts - 1) % addresses.length]!
      log.debug('connecting', { server: this.#where, address, attempt: this.#attempts })
      ;({ engine, closed } = this.#start(address, addresses))
    } catch (error) {
      return this.#setupVerdict(error)
    }
    this.#engine = engine
    let onAbort = (): void => undefined
    const stopped = new Promise<null>((resolve) => (onAbort = () => resolve(null)))
    const failed = new Promise<never>((_, reject) => (this.#onHostFailure = () => reject(this.#failure!)))
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort)
    try {
      const end = await Promise.race([closed, stopped, failed])
      if (end === null) return null
      const lived = this.#connectedAt === null ? 0 : now() - this.#connectedAt
      if (lived >= GOOD_AFTER_MS) this.#failures = 0
      if (lived >= EAGER_AFTER_MS) this.#eagerness = new Eagerness(now(), this.#handshakeMs)
      verdict = judge(end, this.#settings)
      return verdict
    } catch (error) {
      const ours = error instanceof VpnError ? error : new VpnError(messageOf(error))
      return { text: ours.message, final: true, refused: false, error: ours }
    } finally {
      this.#onHostFailure = null
      signal.removeEventListener('abort', onAbort)
      this.#connectedAt = null
      this.#engine = null
      // Connections through the tunnel outlive that of the tunnel, and nothing takes another way meanwhile.
      const goesOn = !signal.aborted && this.#settings.reconnect && verdict?.final === false
      await engine.stop(goesOn)
      if (goesOn) this.#previous = engine
    }
  }

  #start(address: string, addresses: readonly string[]): { engine: Engine; closed: Promise<Closed> } {
    const { engines } = this.#deps
    this.#paths.restart()
    const handshakeTimeoutMs = this.#attemptMs(addresses.length)
    const other = addresses.find((one) => isIP(one) !== isIP(address))
    const config = clientConfigOf(this.#settings, { address, other, handshakeTimeoutMs, ...this.#secrets })
    let onClosed: (event: Closed) => void = () => undefined
    const closed = new Promise<Closed>((resolve) => (onClosed = resolve))
    const previous = this.#previous ?? undefined
    this.#previous = null
    const listener = (event: ClientEvent): void => {
      if (event.type === 'closed') onClosed(event)
      else this.#onEvent(event, config.server)
    }
    const engine = engines.startClient(config, listener, previous)
    return { engine, closed }
  }

  /** @param count addresses that there are to try */
  #attemptMs(count: number): number {
    if (this.#eagerness !== null && !this.#eagerness.isOver(this.#deps.now())) return this.#eagerness.attemptMs
    // A dead address is no obstacle to the others; a second round is patient.
    return count > 1 && this.#attempts <= count ? HANDSHAKE_TIMEOUT_MS / 4 : HANDSHAKE_TIMEOUT_MS
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
    this.#handshakeMs = event.totalMs ?? event.handshakeMs ?? 0
    const { type: _, ...fields } = event
    const addresses = event.addresses.map((address) => address.replace(/\/(32|128)$/, '')).join(', ')
    const address = server.address.includes(':') ? `[${server.address}]` : server.address
    log.announce(
      'connected',
      `connected: ${addresses} via ${address}:${server.port} (${event.tun}, MTU ${event.mtu})`,
      fields,
    )
    log.debug('connected', fields)
    void this.#deps.host.onConnected().catch((error: unknown) => this.#hostFailed(error))
  }

  /** What was asked for cannot be had (name servers, say): half of it would be a surprise. */
  #hostFailed(error: unknown): void {
    this.#failure ??= error instanceof VpnError ? error : new VpnError(messageOf(error))
    this.#onHostFailure?.()
  }

  /** At the first start a person is there to put it right; later on the network may just be away. */
  #setupVerdict(error: unknown): Verdict {
    const ours = error instanceof VpnError ? error : setupError(error, this.#settings)
    const passing =
      error instanceof LookupError ? error.passing || this.#everConnected : this.#everConnected && isPassing(error)
    return { text: messageOf(ours), final: !passing, refused: false, error: ours }
  }
}
