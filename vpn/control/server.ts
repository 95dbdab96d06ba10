/**
 * The control socket: a Unix socket of mode 0600, so that only its owner (root, as a rule) can ask. It must never harm
 * the tunnel: requests, connections and idle time are bounded, and whatever comes in is answered, not thrown.
 */
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { codeOf, messageOf, UsageError, VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { answer, refusal, REQUEST_LIMIT_BYTES, type Controlled } from './protocol.js'

export interface ControlLimits {
  /** Beyond it a new one is told so and closed. */
  connections: number
  /** Between requests, and for a slow reader. */
  idleMs: number
}

/** Monitoring, a few people with `--watch`, and room. */
const LIMITS: ControlLimits = { connections: 32, idleMs: 30_000 }

export class ControlServer {
  readonly #sockets = new Set<Socket>()
  /** Of them; the others are being told that there are too many. */
  #served = 0
  #inode: bigint | null = null

  private constructor(
    readonly path: string,
    readonly server: Server,
  ) {}

  /**
   * @throws UsageError when another program answers on that path
   * @throws VpnError when the socket cannot be made
   */
  static async listen(
    path: string,
    controlled: Controlled,
    log: Pick<Log, 'debug' | 'warn'>,
    limits: ControlLimits = LIMITS,
  ): Promise<ControlServer> {
    await removeStale(path)
    // Half open: who ends after asking still gets the answer.
    const server = createServer({ allowHalfOpen: true })
    const control = new ControlServer(path, server)
    server.on('connection', (socket) => {
      const full = control.#served >= limits.connections
      if (!full) control.#served += 1
      control.#sockets.add(socket)
      socket.on('close', () => {
        if (!full) control.#served -= 1
        control.#sockets.delete(socket)
      })
      socket.setTimeout(limits.idleMs, () => socket.destroy())
      // The other end is gone: nothing to tell, and nobody to tell it to.
      socket.on('error', () => socket.destroy())
      if (full) turnAway(socket, `too many connections; ${limits.connections} are the most`)
      else serve(socket, controlled)
    })
    await bind(server, path)
    server.on('error', (error) => log.warn('the control socket failed', { path, error: messageOf(error) }))
    control.#inode = inodeOf(path)
    log.debug('control socket is open', { path })
    return control
  }

  /** Removes the socket. Safe to call again. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve())
    })
    this.removeFile()
  }

  /** Synchronously, for an exit that waits for nothing; not when another program has put its own there. */
  removeFile(): void {
    if (this.#inode !== null && inodeOf(this.path) === this.#inode) rmSync(this.path, { force: true })
    this.#inode = null
  }
}

async function bind(server: Server, path: string): Promise<void> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // bind(2) happens inside this call, and the mode of the socket must be right from its first moment.
      const before = process.umask(0o177)
      try {
        server.listen(path, () => {
          server.off('error', reject)
          resolve()
        })
      } finally {
        process.umask(before)
      }
    })
    chmodSync(path, 0o600)
  } catch (error) {
    const code = codeOf(error)
    const advice =
      code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? '; run it with sudo, or choose another path with --control'
        : ''
    throw new VpnError(`cannot open the control socket ${path}: ${messageOf(error)}${advice}`)
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
    throw new UsageError(`--control ${path}: exists and is no socket; remove it, or choose another path`)
  }
  if (await answers(path)) {
    throw new UsageError(
      `${path}: another mqvpn with this TUN name is running (\`mqvpn status --control ${path}\` shows it); choose another --tun-name, or another --control`,
    )
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

/** One request after the other; while one is being answered, no more is read than what has already come. */
function serve(socket: Socket, controlled: Controlled): void {
  let waiting: Buffer = Buffer.alloc(0)
  let busy = false
  let ended = false

  socket.on('data', (chunk: Buffer) => {
    waiting = waiting.length === 0 ? chunk : Buffer.concat([waiting, chunk])
    void work()
  })
  socket.on('end', () => {
    ended = true
    void work()
  })

  async function work(): Promise<void> {
    if (busy) return
    busy = true
    socket.pause()
    for (let line = next(); line !== null && !socket.destroyed; line = next()) {
      if (line.trim() === '') continue
      const reply = await answer(line, controlled)
      if (socket.writable && !socket.write(`${JSON.stringify(reply)}\n`)) await drained(socket)
    }
    if (waiting.length > REQUEST_LIMIT_BYTES) {
      turnAway(socket, `a request has at most ${REQUEST_LIMIT_BYTES} bytes`)
      return
    }
    busy = false
    if (ended) socket.end()
    else socket.resume()
  }

  /** The next line, or, after the end, what is left. */
  function next(): string | null {
    const newline = waiting.indexOf('\n')
    if (newline > REQUEST_LIMIT_BYTES || (newline < 0 && waiting.length > REQUEST_LIMIT_BYTES)) return null
    if (newline < 0 && !(ended && waiting.length > 0)) return null
    const line = newline < 0 ? waiting : waiting.subarray(0, newline)
    waiting = newline < 0 ? Buffer.alloc(0) : waiting.subarray(newline + 1)
    return line.toString('utf8')
  }
}

/** Tells why, and reads on without looking: a socket with unread data would be reset, and the reason lost. */
function turnAway(socket: Socket, why: string): void {
  socket.removeAllListeners('data')
  socket.removeAllListeners('end')
  socket.end(`${JSON.stringify(refusal(why))}\n`)
  socket.resume()
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.on('drain', done)
    socket.on('close', done)
  })
}
