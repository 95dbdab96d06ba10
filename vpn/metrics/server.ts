/**
 * `GET /metrics` over HTTP, for Prometheus. It must never harm the tunnel: connections, headers, time and the questions
 * to the engine are bounded, and nothing is asked of it but this one page.
 */
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createConnection, isIP, type AddressInfo, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { codeOf, messageOf, UsageError, VpnError } from '../errors.js'
import type { Log } from '../log.js'
import type { Status } from '../status/render.js'
import { endpointText, isLoopback, type MetricsEndpoint } from './endpoint.js'
import { renderMetrics } from './render.js'
import { CONTENT_TYPE } from './text.js'

export interface MetricsLimits {
  connections: number
  /** For a whole request; also how long a connection may be idle. */
  requestMs: number
  /** For the engine's answer. */
  statusMs: number
}

/** A few collectors, and room; they ask every 15 s or so. */
const LIMITS: MetricsLimits = { connections: 16, requestMs: 5000, statusMs: 5000 }
/** A request for this page has a few hundred. */
const HEADER_BYTES = 8192
/** Group too: the collector is not root, and gets in by the group of the socket's folder or file. */
const SOCKET_MODE = 0o660

export class MetricsServer {
  #asked: Promise<Status> | null = null
  #inode: bigint | null = null
  #endpoint: MetricsEndpoint

  private constructor(
    endpoint: MetricsEndpoint,
    readonly server: Server,
    readonly limits: MetricsLimits,
  ) {
    this.#endpoint = endpoint
  }

  /** As it is: port 0 has become the one that the kernel chose. */
  get endpoint(): MetricsEndpoint {
    return this.#endpoint
  }

  /** @throws VpnError when it cannot listen there */
  static async listen(
    endpoint: MetricsEndpoint,
    status: () => Promise<Status>,
    log: Pick<Log, 'debug' | 'info' | 'warn'>,
    limits: MetricsLimits = LIMITS,
  ): Promise<MetricsServer> {
    const server = createServer({
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: limits.requestMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.requestMs,
      connectionsCheckingInterval: Math.min(1000, limits.requestMs),
    })
    // A slow reader, and one who never asks.
    server.setTimeout(limits.requestMs + limits.statusMs, (socket: Socket) => socket.destroy())
    server.maxConnections = limits.connections
    server.maxHeadersCount = 64
    const metrics = new MetricsServer(endpoint, server, limits)
    server.on('request', (request, response) => {
      void metrics.#answer(request, response, status)
    })
    if (endpoint.kind === 'unix') await removeStale(endpoint.path)
    await bind(server, endpoint)
    server.on('error', (error) => log.warn('metrics are not served any more', { error: messageOf(error) }))
    if (endpoint.kind === 'unix') metrics.#inode = inodeOf(endpoint.path)
    else metrics.#endpoint = { ...endpoint, port: (server.address() as AddressInfo).port }
    log.info('metrics are served', { at: endpointText(metrics.#endpoint), path: '/metrics' })
    if (endpoint.kind === 'tcp' && !isLoopback(endpoint.address)) {
      log.warn(
        `--metrics ${endpointText(endpoint)}: everybody who reaches this address can read users, addresses and traffic of this VPN; a firewall rule, or 127.0.0.1, keeps them out`,
      )
    }
    return metrics
  }

  /** Safe to call again. */
  async close(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve())
    })
    this.removeFile()
  }

  /** Synchronously, for an exit that waits for nothing; not when another program has put its own there. */
  removeFile(): void {
    if (this.#endpoint.kind !== 'unix' || this.#inode === null) return
    if (inodeOf(this.#endpoint.path) === this.#inode) rmSync(this.#endpoint.path, { force: true })
    this.#inode = null
  }

  async #answer(request: IncomingMessage, response: ServerResponse, status: () => Promise<Status>): Promise<void> {
    // What comes in a body is thrown away, and with it the connection.
    request.resume()
    const refuse = (code: number, why: string, headers: Record<string, string> = {}): void => {
      response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8', connection: 'close', ...headers })
      response.end(request.method === 'HEAD' ? undefined : `${why}\n`)
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      refuse(405, 'only GET is served here', { allow: 'GET, HEAD' })
      return
    }
    if ((request.url ?? '').split('?')[0] !== '/metrics') {
      refuse(404, 'there is only /metrics here')
      return
    }
    if (!this.#isMeant(request.headers.host)) {
      refuse(403, 'ask for this host by its address, or as localhost')
      return
    }
    try {
      const text = renderMetrics(await within(this.#ask(status), this.limits.statusMs))
      response.writeHead(200, { 'content-type': CONTENT_TYPE, 'content-length': Buffer.byteLength(text) })
      response.end(request.method === 'HEAD' ? undefined : text)
    } catch (error) {
      refuse(503, messageOf(error))
    }
  }

  /**
   * On loopback a browser of this host could be led here under a foreign name that suddenly means 127.0.0.1; then that
   * name is what it asks for.
   */
  #isMeant(host: string | undefined): boolean {
    if (this.#endpoint.kind === 'unix' || !isLoopback(this.#endpoint.address) || host === undefined) return true
    const name = host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1')
    return name.toLowerCase() === 'localhost' || isIP(name) !== 0
  }

  /** Many who ask at once get one answer. */
  #ask(status: () => Promise<Status>): Promise<Status> {
    this.#asked ??= status().finally(() => (this.#asked = null))
    return this.#asked
  }
}

function within<T>(promise: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new VpnError(`no status within ${limitMs / 1000} s`)), limitMs)
    promise.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

async function bind(server: Server, endpoint: MetricsEndpoint): Promise<void> {
  const where = `--metrics ${endpointText(endpoint)}`
  try {
    if (endpoint.kind === 'unix') mkdirSync(dirname(endpoint.path), { recursive: true, mode: 0o755 })
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        server.off('error', reject)
        resolve()
      }
      server.once('error', reject)
      if (endpoint.kind === 'tcp') {
        server.listen({ host: endpoint.address, port: endpoint.port, ipv6Only: true }, done)
        return
      }
      // bind(2) happens inside this call, and nobody else may get in before the mode is right.
      const before = process.umask(0o777 & ~SOCKET_MODE)
      try {
        server.listen(endpoint.path, done)
      } finally {
        process.umask(before)
      }
    })
    if (endpoint.kind === 'unix') chmodSync(endpoint.path, SOCKET_MODE)
  } catch (error) {
    throw new VpnError(`${where}: ${why(error)}`)
  }
}

function why(error: unknown): string {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return 'another program listens there (`ss -tlnp` shows which); choose another port'
    case 'EADDRNOTAVAIL':
      return 'this host does not have that address; 127.0.0.1 is always there'
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `${messageOf(error)}; run it with sudo, or choose another place`
    default:
      return messageOf(error)
  }
}

/** A socket that nobody listens on is what a crash left; anything else is not ours to remove. */
async function removeStale(path: string): Promise<void> {
  let isSocket: boolean
  try {
    isSocket = lstatSync(path).isSocket()
  } catch {
    return
  }
  if (!isSocket) {
    throw new UsageError(`--metrics unix:${path}: exists and is no socket; remove it, or choose another path`)
  }
  if (await answers(path)) {
    throw new UsageError(`--metrics unix:${path}: another program listens there; choose another path`)
  }
  rmSync(path, { force: true })
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path)
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    // Only a refused connection says that nobody is there.
    socket.on('error', (error) => resolve(codeOf(error) !== 'ECONNREFUSED' && codeOf(error) !== 'ENOENT'))
  })
}

function inodeOf(path: string): bigint | null {
  try {
    return lstatSync(path, { bigint: true }).ino
  } catch {
    return null
  }
}
