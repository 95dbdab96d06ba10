/**
 * The addresses of the server. Those that are known are used at once for a reconnect, and looked up anew meanwhile: the
 * name servers may be behind the very tunnel that is lost.
 */
import type { Log } from '../log.js'
import { addressesOf, type Lookup } from './resolve.js'

export class ServerAddresses {
  readonly #host: string
  readonly #look: Lookup
  readonly #log: Log
  #known: string[]
  #looking = false

  /** @param known from a former run; empty: none */
  constructor(host: string, look: Lookup, log: Log, known: string[] = []) {
    this.#host = host
    this.#look = look
    this.#log = log
    this.#known = known
  }

  /** @throws LookupError when nothing is known, and nothing found */
  async get(): Promise<string[]> {
    if (this.#known.length === 0) this.#known = await addressesOf(this.#host, this.#look)
    else this.#refresh()
    return this.#known
  }

  #refresh(): void {
    if (this.#looking) return
    this.#looking = true
    const take = (found: string[]): void => {
      const now = found.join(', ')
      if (now !== this.#known.join(', ')) this.#log.info('the server has other addresses', { now })
      this.#known = found
    }
    void addressesOf(this.#host, this.#look)
      .then(take, () => undefined)
      .finally(() => (this.#looking = false))
  }
}
