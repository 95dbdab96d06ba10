/**
 * Answers the question of an authority whether this host has a name (http-01). It listens only while a certificate is
 * ordered, and has nothing to say but the tokens of that order.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { codeOf, messageOf, VpnError } from '../../errors.js'

/** RFC 8555 §8.3: "/.well-known/acme-challenge/", and the token. */
const FOLDER = '/.well-known/acme-challenge/'
/** An authority asks from a few places at once; who opens more connections is none. */
const CONNECTIONS_MOST = 64
const REQUEST_TIMEOUT_MS = 10_000
const HEADER_BYTES_MOST = 8 * 1024

export class HttpChallenge {
  readonly #server: Server
  readonly #answers: Map<string, string>

  private constructor(server: Server, answers: Map<string, string>) {
    this.#server = server
    this.#answers = answers
  }

  /** @throws VpnError with what to do when the port cannot be had */
  static async listen(port: number): Promise<HttpChallenge> {
    const answers = new Map<string, string>()
    const limits = {
      maxHeaderSize: HEADER_BYTES_MOST,
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
    }
    const server = createServer(limits, ({ method, url = '' }, response) => {
      const answer = url.startsWith(FOLDER) ? answers.get(url.slice(FOLDER.length)) : undefined
      const found = answer !== undefined && (method === 'GET' || method === 'HEAD')
      response.writeHead(found ? 200 : 404, { 'content-type': 'application/octet-stream', connection: 'close' })
      response.end(found ? answer : '')
    })
    server.maxConnections = CONNECTIONS_MOST
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => reject(refused(port, error)))
      server.listen(port, resolve)
    })
    server.on('error', () => undefined)
    return new HttpChallenge(server, answers)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** From now on a request for the token gets the answer. */
  answer(token: string, keyAuthorization: string): void {
    this.#answers.set(token, keyAuthorization)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}

function refused(port: number, error: Error): VpnError {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new VpnError(
        `TCP port ${port} is taken by another program, and the authority asks there; stop that program, or let it pass requests for ${FOLDER} on to another port, and give that one with --acme-http`,
      )
    case 'EACCES':
      return new VpnError(
        `this user may not listen on TCP port ${port}, where the authority asks; run it with sudo, or as the service does`,
      )
    default:
      return new VpnError(`cannot listen on TCP port ${port}, where the authority asks: ${messageOf(error)}`)
  }
}
