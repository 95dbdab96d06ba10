/** Keeps a certificate of a public authority: orders the first one, and renews it while the server runs. */
import type { ServerSettings } from '../../config/settings.js'
import { messageOf } from '../../errors.js'
import type { Log } from '../../log.js'
import { givenCertificate, type ServerCertificate } from '../certificate.js'
import { AcmeFiles, renewalDue, type Wanted } from './files.js'
import { defaultDirectory, orderCertificate } from './order.js'
import { AcmeRefusal } from './problem.js'
import { nextLookMs, retryMs } from './schedule.js'
import { hostOf } from './transport.js'

export interface AcmeDeps {
  now: () => Date
  log: Pick<Log, 'info' | 'warn'>
  /** Ends an order that is under way. */
  signal: AbortSignal
  random?: () => number
  /** For tests: how long to wait, of what was thought right. */
  pace?: (ms: number) => number
  pollMs?: number
}

export type AcmeSettings = Pick<ServerSettings, 'acme' | 'acmeEmail' | 'acmeDirectory' | 'acmeHttp' | 'stateDir'>

export class AcmeKeeper {
  readonly #settings: AcmeSettings
  readonly #deps: AcmeDeps
  readonly #files: AcmeFiles
  readonly #wanted: Wanted
  readonly #end = new AbortController()
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> = Promise.resolve()
  #failures = 0
  /** Ordered just now: there is nothing to look at. */
  #isNew = false

  private constructor(settings: AcmeSettings, deps: AcmeDeps) {
    this.#settings = settings
    this.#deps = deps
    this.#files = new AcmeFiles(settings.stateDir)
    this.#wanted = { domains: [...new Set(settings.acme)], directory: settings.acmeDirectory ?? defaultDirectory() }
  }

  /**
   * Resolves when there is a certificate that can be used, which may take an order.
   *
   * @returns null when the signal came first
   * @throws VpnError when there is none and the order failed
   */
  static async start(settings: AcmeSettings, deps: AcmeDeps): Promise<AcmeKeeper | null> {
    const keeper = new AcmeKeeper(settings, deps)
    const held = keeper.#files.held(keeper.#wanted)
    if (held === null || held.validTo <= deps.now()) {
      const { domains, directory } = keeper.#wanted
      deps.log.info(
        `waiting for a certificate from ${hostOf(directory)}, which asks on TCP port ${settings.acmeHttp} (http-01)`,
        { names: [...domains] },
      )
      try {
        await keeper.#order()
      } catch (error) {
        if (deps.signal.aborted) return null
        throw error
      }
      keeper.#isNew = true
    }
    return deps.signal.aborted ? null : keeper
  }

  /** From now on it is renewed, until `stop`. */
  renew(): void {
    this.#lookIn(this.#isNew ? nextLookMs(this.#random()) : 0)
  }

  /** What there is now. */
  certificate(): ServerCertificate {
    const { now, log } = this.#deps
    return givenCertificate(this.#files.certFile, this.#files.keyFile, now(), log)
  }

  /** Resolves when nothing of it listens or waits any more. */
  async stop(): Promise<void> {
    this.#end.abort()
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#running
  }

  #lookIn(ms: number): void {
    if (this.#end.signal.aborted) return
    const { pace = (same: number) => same } = this.#deps
    this.#timer = setTimeout(() => {
      this.#running = this.#look()
    }, pace(ms))
    this.#timer.unref()
  }

  /** Never fails: the certificate that there is goes on. */
  async #look(): Promise<void> {
    const { now, log } = this.#deps
    const held = this.#files.held(this.#wanted)
    try {
      if (held === null || renewalDue(held, now())) await this.#order()
      this.#failures = 0
      this.#lookIn(nextLookMs(this.#random()))
    } catch (error) {
      if (this.#end.signal.aborted || this.#deps.signal.aborted) return
      this.#failures += 1
      const waitMs = retryMs(this.#failures, this.#random(), error instanceof AcmeRefusal ? error.retryAfterMs : null)
      const until = held === null ? '' : `, the old one serves until ${held.validTo.toISOString()}`
      log.warn(`the certificate is not renewed${until}: ${messageOf(error)}`, {
        nextTry: new Date(now().getTime() + waitMs).toISOString(),
      })
      this.#lookIn(waitMs)
    }
  }

  /** The watch over the files brings it to the server. */
  async #order(): Promise<void> {
    const { acmeEmail = null, acmeHttp } = this.#settings
    const { domains, directory } = this.#wanted
    const { log, pollMs } = this.#deps
    const chain = await orderCertificate({
      directory,
      domains,
      email: acmeEmail,
      httpPort: acmeHttp,
      accountKey: this.#files.accountKey(),
      certificateKey: this.#files.nextKey(),
      signal: AbortSignal.any([this.#end.signal, this.#deps.signal]),
      ...(pollMs === undefined ? {} : { pollMs }),
    })
    this.#files.keep(chain, this.#wanted)
    const until = this.#files.held(this.#wanted)?.validTo.toISOString()
    log.info('got a certificate', { names: [...domains], from: hostOf(directory), until, file: this.#files.certFile })
  }

  #random(): number {
    return (this.#deps.random ?? Math.random)()
  }
}
