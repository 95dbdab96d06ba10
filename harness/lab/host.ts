/**
 * A host is a network namespace and the programs that run in it. It knows how to run commands; it does not know what a
 * path or a VPN is.
 */
import { execa } from 'execa'
import { BenchError } from './errors.js'
import { HostProcess, type ProcessInfo } from './process.js'

export type HostName = 'client' | 'server' | 'internet'

export interface SpawnOptions {
  /** Program name for reports; the program's own name when left out. */
  name?: string
  role: ProcessInfo['role']
  /** Gets everything that it prints. */
  logFile?: string | null
  env?: Record<string, string>
}

export interface RunOptions {
  /** Text for its standard input. */
  input?: string
  /** false: a failure is returned, not thrown. */
  check?: boolean
  env?: Record<string, string>
}

export interface RunResult {
  exitCode: number
  stdout: string
  stderr: string
}

/** `setpriv` makes a child end with this process, whatever kills it (prctl(2) PR_SET_PDEATHSIG). */
const DIE_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL', '--'] as const

export class Host {
  readonly #processes = new Set<HostProcess>()

  constructor(
    readonly name: HostName,
    readonly netns: string,
  ) {}

  /** Where the namespace can be opened. */
  get netnsPath(): string {
    return `/run/netns/${this.netns}`
  }

  /** Runs a command to its end. `ip netns exec` also puts the host's own /etc/resolv.conf in place. */
  async run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return runChecked(this.name, this.argv(program, args), options)
  }

  /** `ip` in this host, many commands in one process: `['link set lo up', 'route add …']`. */
  async ip(...commands: string[]): Promise<void> {
    await runChecked(this.name, ['ip', '-n', this.netns, '-batch', '-'], { input: commands.join('\n') + '\n' })
  }

  async sysctl(values: Record<string, string | number>): Promise<void> {
    const settings = Object.entries(values).map(([key, value]) => `${key}=${value}`)
    await this.run('sysctl', ['-q', '-w', ...settings])
  }

  /** Starts a program that stays; it ends at the latest with this process. */
  spawn(program: string, args: readonly string[], options: SpawnOptions): HostProcess {
    const [ip, ...rest] = this.argv(program, args)
    const spawned = HostProcess.start(
      [ip, ...rest],
      { name: options.name ?? program, side: this.name === 'client' ? 'client' : 'server', role: options.role },
      { logFile: options.logFile ?? null, env: { ...process.env, ...options.env } },
    )
    this.#processes.add(spawned)
    void spawned.exited.then(() => this.#processes.delete(spawned))
    return spawned
  }

  /** Everything that was spawned and still runs. */
  get processes(): readonly HostProcess[] {
    return [...this.#processes]
  }

  /** The words that run a program in this host. */
  argv(program: string, args: readonly string[]): [string, ...string[]] {
    return ['ip', 'netns', 'exec', this.netns, ...DIE_WITH_PARENT, program, ...args]
  }
}

/** Runs a command; a failure becomes one line that names the command and the host. */
export async function runChecked(where: string, argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const [program = '', ...args] = argv
  const result = await execa(program, args, {
    reject: false,
    ...(options.input === undefined ? { stdin: 'ignore' } : { input: options.input }),
    ...(options.env ? { env: options.env } : {}),
  })
  const exitCode = result.exitCode ?? 127
  const stdout = String(result.stdout ?? '')
  const stderr = String(result.stderr ?? '') || (result.shortMessage ?? '')
  if (exitCode !== 0 && options.check !== false) {
    const said = stderr.trim() || stdout.trim()
    const command = argv.join(' ') + (options.input ? ` <<< ${JSON.stringify(options.input.trim())}` : '')
    throw new BenchError(`${where}: \`${command}\` ended with ${exitCode}: ${said}`)
  }
  return { exitCode, stdout, stderr }
}
