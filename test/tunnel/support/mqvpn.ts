/** One `mqvpn server` or `mqvpn client`, a process as a user starts it, and what it has said. */
import { join } from 'node:path'
import { packageRoot } from '../../../common/package.js'
import type { Host } from '../../../harness/lab/host.js'
import type { HostProcess } from '../../../harness/lab/process.js'
import type { Status } from '../../../vpn/status/render.js'
import { until } from './until.js'

/** As an installation has it; a user's `mqvpn` is a link to it. */
export const MAIN = join(packageRoot(), 'dist', 'vpn', 'main.js')

/** A line of `--log-format json`: with `event` on standard output, with `level` and `message` on standard error. */
export interface Said extends Record<string, unknown> {
  event?: string
  message?: string
  time: string
}

export class Mqvpn {
  readonly said: Said[] = []
  /** Lines that are no JSON: with what it ended. */
  readonly complaints: string[] = []
  readonly #lines: string[] = []

  private constructor(
    readonly process: HostProcess,
    readonly host: Host,
    readonly control: string,
  ) {
    process.onLine((line) => {
      this.#lines.push(line)
      try {
        this.said.push(JSON.parse(line) as Said)
      } catch {
        this.complaints.push(line)
      }
    })
  }

  /** Does not wait for anything. */
  static start(host: Host, side: 'server' | 'client', control: string, args: readonly string[]): Mqvpn {
    const argv = [MAIN, side, '--control', control, '--log-format', 'json', '--log-level', 'debug', ...args]
    return new Mqvpn(host.spawn(process.execPath, argv, { name: 'mqvpn', role: 'subject' }), host, control)
  }

  /** Everything that it has printed. */
  get text(): string {
    return this.#lines.join('\n')
  }

  /** How many lines it has said: for `says(…, since)`. */
  get mark(): number {
    return this.said.length
  }

  /** The first line since `since` with which `match` agrees: an event's name, or a question about the line. */
  async says(match: string | ((said: Said) => boolean), { since = 0, deadlineMs = 15_000 } = {}): Promise<Said> {
    const agrees = typeof match === 'string' ? (said: Said) => said.event === match : match
    return until(
      `line (${String(match)}) of mqvpn`,
      () => {
        const found = this.said.slice(since).find(agrees)
        if (found === undefined && !this.process.running)
          throw new Error(`mqvpn ended without a line that was awaited (${String(match)}):\n${this.text}`)
        return found
      },
      { deadlineMs, explain: () => this.text },
    )
  }

  /** Exit code and what it said at last; fails when it does not end by itself. */
  async ends(deadlineMs = 15_000): Promise<{ code: number | null; complaint: string }> {
    await until('end of mqvpn', () => !this.process.running, { deadlineMs, explain: () => this.text })
    return { code: this.process.exit?.code ?? null, complaint: this.complaints.join('\n') }
  }

  /** SIGTERM to the program, and its exit code. */
  async terminate(): Promise<number | null> {
    process.kill(this.process.pid, 'SIGTERM')
    return (await this.ends()).code
  }

  /** SIGKILL: it can clean up nothing. */
  async kill(): Promise<void> {
    process.kill(this.process.pid, 'SIGKILL')
    await this.process.exited
  }

  /** `mqvpn status --json`. */
  async status(): Promise<Status> {
    return JSON.parse(await this.statusText('--json')) as Status
  }

  /** `mqvpn status`, as a person sees it. */
  async statusText(...args: string[]): Promise<string> {
    const argv = [MAIN, 'status', '--control', this.control, ...args]
    return (await this.host.run(process.execPath, argv)).stdout
  }

  /** A drop counter of the first connection, or of the device. */
  async drops(reason: string): Promise<number> {
    const { tun, connections } = await this.status()
    return (tun?.drops[reason] ?? 0) + connections.reduce((sum, { drops }) => sum + (drops[reason] ?? 0), 0)
  }
}
