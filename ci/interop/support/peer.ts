/** A program at one end of a test: what it says, and when it ends. */
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

const root = fileURLToPath(new URL('../../..', import.meta.url))

/** One JSON line of our peer, of the aioquic script or of the Go program. */
export interface Said {
  event: string
  [field: string]: unknown
}

export interface Ended {
  code: number | null
  /** Standard output and standard error, in the order in which they came. */
  text: string
  said: Said[]
}

/** Ended after the test, however it went. */
const running = new Set<Peer>()

export class Peer {
  readonly said: Said[] = []
  text = ''
  private readonly process
  private readonly wake = new Set<() => void>()
  private isOver = false

  constructor(argv: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
    const [program = '', ...args] = argv
    this.process = execa(program, args, { ...options, stdin: 'ignore', buffer: false, reject: false })
    for (const stream of [this.process.stdout, this.process.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        this.heard(line)
      })
    void this.process.then(() => {
      this.isOver = true
      running.delete(this)
      this.tell()
    })
    running.add(this)
  }

  private heard(line: string): void {
    this.text += `${line}\n`
    if (line.startsWith('{"')) this.said.push(JSON.parse(line) as Said)
    this.tell()
  }

  private tell(): void {
    for (const wake of this.wake) wake()
  }

  /** Waits until `found` gives something, and says what the program said when it does not. */
  async until<T>(what: string, found: () => T | undefined, milliseconds = 20_000): Promise<T> {
    const end = Date.now() + milliseconds
    for (;;) {
      const value = found()
      if (value !== undefined) return value
      const left = end - Date.now()
      if (this.isOver || left <= 0)
        throw new Error(`${what}: ${this.isOver ? 'the program ended' : 'it did not come'}\n${this.text.slice(-4000)}`)
      let wake: () => void = () => undefined
      await Promise.race([sleep(left), new Promise<void>((resolve) => this.wake.add((wake = resolve)))])
      this.wake.delete(wake)
    }
  }

  event(name: string, milliseconds?: number): Promise<Said> {
    return this.until(name, () => this.said.find((one) => one.event === name), milliseconds)
  }

  line(pattern: RegExp, milliseconds?: number): Promise<RegExpExecArray> {
    return this.until(String(pattern), () => pattern.exec(this.text) ?? undefined, milliseconds)
  }

  /** Waits for its own end. */
  async end(milliseconds = 60_000): Promise<Ended> {
    const timer = setTimeout(() => this.process.kill('SIGKILL'), milliseconds)
    const { exitCode } = await this.process
    clearTimeout(timer)
    return { code: exitCode ?? null, text: this.text, said: this.said }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.process.kill(signal)
    return this.end(5_000)
  }
}

/** For afterEach(). */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map((peer) => peer.stop()))
}

/** The sanitizer build when there is one: whatever a foreign peer sends is then looked at closely as well. */
export const ourPeer: string | undefined = [
  process.env['MQVPN_INTEROP_PEER'] ?? '',
  `${root}/build/sanitize/mqvpn-interop-peer`,
  `${root}/build/interop/mqvpn-interop-peer`,
].find((file) => file !== '' && existsSync(file))

/** Says why when a suite is left out, so that nobody takes it for a success. */
export function needs(suite: Mocha.Context, what: string, isThere: boolean): void {
  if (isThere) return
  console.warn(`      left out: ${what}`)
  suite.skip()
}

export function hasProgram(...names: string[]): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return names.every((name) => folders.some((folder) => existsSync(`${folder}/${name}`)))
}

export { root }
