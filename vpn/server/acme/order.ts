/** One order of a certificate, from the account to the chain (RFC 8555 §7), proven with http-01. */
import acme from 'acme-client'
import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf, VpnError } from '../../errors.js'
import { HttpChallenge } from './http-challenge.js'
import { challengeFailure, problemIn } from './problem.js'
import { hostOf, useTransport } from './transport.js'

/** Some seconds are usual. The service manager waits for the first start for a minute (TimeoutStartSec). */
const ORDER_MOST_MS = 50_000
const POLL_FIRST_MS = 500
const POLL_MOST_MS = 5_000

export interface OrderRequest {
  directory: string
  domains: readonly string[]
  email: string | null
  /** Where the challenge is answered. */
  httpPort: number
  /** PEM. */
  accountKey: string
  certificateKey: string
  signal: AbortSignal
  pollMs?: number
  mostMs?: number
}

export function defaultDirectory(): string {
  return acme.directory.letsencrypt.production
}

/** @returns the certificate and those that lead to the authority, PEM. @throws VpnError with what was wrong */
export async function orderCertificate(request: OrderRequest): Promise<string> {
  const limit = AbortSignal.timeout(request.mostMs ?? ORDER_MOST_MS)
  const signal = AbortSignal.any([request.signal, limit])
  useTransport(signal)
  const challenge = await HttpChallenge.listen(request.httpPort)
  try {
    return await new Order({ ...request, signal }, challenge).run()
  } catch (error) {
    if (limit.aborted)
      throw new VpnError(`${hostOf(request.directory)} has not decided in time; it is asked again later`)
    if (error instanceof VpnError) throw error
    throw new VpnError(`${hostOf(request.directory)} answers what was not expected: ${messageOf(error)}`)
  } finally {
    await challenge.close()
  }
}

class Order {
  readonly #request: OrderRequest
  readonly #challenge: HttpChallenge
  readonly #client: acme.Client
  readonly #host: string

  constructor(request: OrderRequest, challenge: HttpChallenge) {
    this.#request = request
    this.#challenge = challenge
    this.#client = new acme.Client({ directoryUrl: request.directory, accountKey: request.accountKey })
    this.#host = hostOf(request.directory)
  }

  async run(): Promise<string> {
    const { domains, email, certificateKey } = this.#request
    const contact = email === null ? {} : { contact: [`mailto:${email}`] }
    await this.#client.createAccount({ termsOfServiceAgreed: true, ...contact })
    const order = await this.#client.createOrder({ identifiers: domains.map((value) => ({ type: 'dns', value })) })
    await this.#prove(order)
    const [, csr] = await acme.crypto.createCsr({ altNames: [...domains] }, certificateKey)
    await this.#client.finalizeOrder(order, csr)
    return this.#client.getCertificate(await this.#issued(order))
  }

  /** RFC 8555 §7.5.1: every name is shown to lead to this host; those that were lately need not be again. */
  async #prove(order: acme.Order): Promise<void> {
    for (const { status, identifier, challenges } of await this.#client.getAuthorizations(order)) {
      if (status === 'valid') continue
      const http = challenges.find(({ type }) => type === 'http-01')
      if (http === undefined) {
        throw new VpnError(`${this.#host} offers no http-01 for ${identifier.value}, which is all that mqvpn can do`)
      }
      this.#challenge.answer(http.token, await this.#client.getChallengeKeyAuthorization(http))
      await this.#client.completeChallenge(http)
    }
    await this.#poll(async () => {
      const all = await this.#client.getAuthorizations(order)
      for (const { status, identifier, challenges } of all) {
        if (status === 'valid' || status === 'pending') continue
        const { error } = (challenges.find((one) => 'error' in one) as { error?: unknown } & object) ?? {}
        throw challengeFailure(this.#host, identifier.value, this.#request.httpPort, problemIn(error))
      }
      return all.every(({ status }) => status === 'valid') ? true : null
    })
  }

  #issued(order: acme.Order): Promise<acme.Order> {
    return this.#poll(async () => {
      const found = await this.#client.getOrder(order)
      if (found.status === 'invalid') {
        throw new VpnError(`${this.#host} has not issued the certificate: ${problemIn(found.error).detail}`)
      }
      return found.status === 'valid' ? found : null
    })
  }

  /** Until there is something. It ends with the signal. */
  async #poll<T>(look: () => Promise<T | null>): Promise<T> {
    for (let waitMs = this.#request.pollMs ?? POLL_FIRST_MS; ; waitMs = Math.min(waitMs * 2, POLL_MOST_MS)) {
      const found = await look()
      if (found !== null) return found
      await sleep(waitMs, undefined, { signal: this.#request.signal })
    }
  }
}
