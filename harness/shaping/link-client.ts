/** Speaks the control protocol of `mqvpn-link` (native/README.md): JSON lines, requests answered in order by id. */
import { BenchError } from '../lab/errors.js'
import { HostProcess } from '../lab/process.js'

export type LinkReply = Record<string, unknown>

interface Waiting {
  op: string
  resolve: (reply: LinkReply) => void
  reject: (error: Error) => void
}

export class LinkClient {
  readonly process: HostProcess
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 1
  #ready!: (event: LinkReply) => void
  readonly #readyEvent: Promise<LinkReply>

  private constructor(program: string, seed: number, logFile: string | null) {
    this.#readyEvent = new Promise((resolve) => {
      this.#ready = resolve
    })
    this.process = HostProcess.start(
      ['setpriv', '--pdeathsig', 'KILL', '--', program, '--seed', String(seed), '--realtime'],
      { name: 'mqvpn-link', side: 'lab', role: 'lab' },
      { logFile },
    )
    this.process.onLine((line, stream) => {
      if (stream === 'stdout') this.#receive(line)
    })
    void this.process.exited.then((exit) => {
      const error = new BenchError(
        `mqvpn-link ended (code ${exit.code ?? '-'}, signal ${exit.signal ?? '-'}): ${this.process.tail(3)}`,
      )
      for (const waiting of this.#waiting.values()) waiting.reject(error)
      this.#waiting.clear()
    })
  }

  /** @param seed of every random decision of the links */
  static async start(program: string, seed: number, logFile: string | null): Promise<LinkClient> {
    const client = new LinkClient(program, seed, logFile)
    const ended = client.process.exited.then(() => {
      throw new BenchError(`mqvpn-link did not start: ${client.process.tail(3)}`)
    })
    await Promise.race([client.#readyEvent, ended])
    return client
  }

  /** Rejects with the emulator's own sentence when it refuses. */
  request(op: string, fields: Record<string, unknown> = {}): Promise<LinkReply> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      if (!this.process.running) {
        reject(new BenchError(`mqvpn-link is gone: cannot ${op}`))
        return
      }
      this.#waiting.set(id, { op, resolve, reject })
      this.process.child.stdin?.write(JSON.stringify({ id, op, ...fields }) + '\n')
    })
  }

  async close(): Promise<void> {
    this.process.child.stdin?.end()
    await this.process.stop()
  }

  #receive(line: string): void {
    let message: LinkReply
    try {
      message = JSON.parse(line) as LinkReply
    } catch {
      return // Not ours: the log file has it.
    }
    if (message['event'] === 'ready') this.#ready(message)
    const waiting = this.#waiting.get(Number(message['id']))
    if (!waiting) return
    this.#waiting.delete(Number(message['id']))
    if (message['ok'] === true) waiting.resolve(message)
    else
      waiting.reject(
        new BenchError(
          `mqvpn-link: ${typeof message['error'] === 'string' ? message['error'] : `${waiting.op} was refused`}`,
        ),
      )
  }
}
