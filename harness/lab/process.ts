/** A program that runs in a host until it ends or is stopped. */
import { createWriteStream, readFileSync, type WriteStream } from 'node:fs'
import { spawn, type ChildProcess } from 'node:child_process'
import { StringDecoder } from 'node:string_decoder'

export interface ProcessInfo {
  /** Program name for reports: `wireguard-go`. */
  name: string
  side: 'client' | 'server' | 'lab'
  role: 'subject' | 'traffic' | 'lab'
}

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

/** Clock ticks per second of /proc times: fixed in the kernel's user interface (USER_HZ). */
const USER_HZ = 100
const TAIL_LINES = 20
/** How long output may still come after the end: a grandchild that holds the pipe must not keep us waiting. */
const LAST_OUTPUT_MS = 300

export class HostProcess {
  readonly exited: Promise<Exit>
  readonly pid: number
  #tail: string[] = []
  #exit: Exit | null = null
  #cpuSeconds = 0
  #listeners: ((line: string, stream: 'stdout' | 'stderr') => void)[] = []

  private constructor(
    readonly child: ChildProcess,
    readonly info: ProcessInfo,
    log: WriteStream | null,
  ) {
    this.pid = child.pid ?? -1
    for (const stream of ['stdout', 'stderr'] as const) this.#follow(stream, log)
    child.stdin?.on('error', () => undefined)
    this.exited = new Promise((resolve) => {
      const done = (exit: Exit): void => {
        this.#exit ??= exit
        log?.end()
        resolve(this.#exit)
      }
      child.on('error', (error) => {
        this.#remember(error.message, 'stderr')
        done({ code: 127, signal: null })
      })
      child.on('close', (code, signal) => {
        done({ code, signal })
      })
      child.on('exit', (code, signal) => {
        setTimeout(() => {
          child.stdout?.destroy()
          child.stderr?.destroy()
          done({ code, signal })
        }, LAST_OUTPUT_MS)
      })
    })
  }

  /** @param logFile gets stdout and stderr, or null */
  static start(
    argv: readonly [string, ...string[]],
    info: ProcessInfo,
    options: { logFile?: string | null; env?: NodeJS.ProcessEnv } = {},
  ): HostProcess {
    const [program, ...args] = argv
    // A group of its own: Ctrl-C reaches us alone, and we end the whole group in our order.
    const child = spawn(program, args, { stdio: 'pipe', detached: true, env: options.env ?? process.env })
    const log = options.logFile ? createWriteStream(options.logFile, { flags: 'a' }) : null
    log?.on('error', () => undefined)
    return new HostProcess(child, info, log)
  }

  get running(): boolean {
    return this.#exit === null
  }

  /** Null while it runs. */
  get exit(): Exit | null {
    return this.#exit
  }

  /** Calls back for each whole line that it prints from now on. */
  onLine(listener: (line: string, stream: 'stdout' | 'stderr') => void): void {
    this.#listeners.push(listener)
  }

  /** The last lines that it printed, for error messages. */
  tail(lines = TAIL_LINES): string {
    return this.#tail.slice(-lines).join('\n')
  }

  /** User and system time so far, in seconds, of the process and of its ended children; after its end the last value that was seen. */
  cpuSeconds(): number {
    try {
      const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      // proc(5) fields 14 … 17: utime, stime, cutime, cstime; fields[0] is field 3. A zombie's are not complete.
      const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
      if (Number.isFinite(ticks)) this.#cpuSeconds = Math.max(this.#cpuSeconds, ticks / USER_HZ)
    } catch {
      // Ended: keep what was seen last.
    }
    return this.#cpuSeconds
  }

  /** Asks it to end (SIGTERM), then makes it (SIGKILL). Resolves when it has ended. */
  async stop(graceMs = 3000): Promise<Exit> {
    if (this.#exit) return this.#exit
    this.cpuSeconds()
    this.#signal('SIGTERM')
    const timer = setTimeout(() => {
      this.#signal('SIGKILL')
    }, graceMs)
    try {
      return await this.exited
    } finally {
      clearTimeout(timer)
    }
  }

  /** To the process and what it has started. */
  #signal(signal: NodeJS.Signals): void {
    if (this.pid <= 0) return
    try {
      process.kill(-this.pid, signal)
    } catch {
      // Ended already.
    }
  }

  #follow(name: 'stdout' | 'stderr', log: WriteStream | null): void {
    const decoder = new StringDecoder('utf8')
    let rest = ''
    const stream = this.child[name]
    stream?.on('error', () => undefined)
    stream?.on('data', (chunk: Buffer) => {
      if (log?.writable) log.write(chunk)
      const lines = (rest + decoder.write(chunk)).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#remember(line, name)
    })
    stream?.on('end', () => {
      if (rest) this.#remember(rest, name)
      rest = ''
    })
  }

  #remember(line: string, stream: 'stdout' | 'stderr'): void {
    this.#tail.push(line)
    if (this.#tail.length > TAIL_LINES) this.#tail.shift()
    for (const listener of this.#listeners) listener(line, stream)
  }
}
