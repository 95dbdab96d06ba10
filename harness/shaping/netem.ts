/**
 * The `netem` shaper: links made of the kernel's own tbf and netem, in a middle namespace of the lab. What the commands
 * are, and why, is in `netem-commands.ts`; this runs them.
 */
import { BenchError, MachineError, messageOf } from '../lab/errors.js'
import { runChecked, type Host, type RunResult } from '../lab/host.js'
import type { LabRecord } from '../lab/registry.js'
import type { Direction, Directions, PathSpec } from '../scenario/types.js'
import { liveSpec, type LinkCounters, type LiveSpec, type ShaperBackend } from './backend.js'
import { probeTrafficControl, type TrafficControl } from './choose-probe.js'
import {
  cannotChange,
  carrierCommand,
  changeCommands,
  middleCommands,
  netemCannot,
  pathCommands,
  type Command,
} from './netem-commands.js'
import { directionCounters, parseMiddle } from './netem-counters.js'

const NS_PER_MS = 1e6

export interface NetemOptions {
  /** Runs one command; rejects when it fails. */
  run?: (argv: readonly string[], input?: string) => Promise<RunResult>
  probe?: () => Promise<TrafficControl>
  /** Sees the commands before they run; for a kernel that lacks a part. */
  filter?: (command: Command) => boolean
}

interface LinkState {
  index: number
  specs: Record<Direction, LiveSpec>
  everLossy: Record<Direction, boolean>
  /** The nft counters are read only once there is something to read. */
  everGated: boolean
}

export class NetemShaper implements ShaperBackend {
  readonly kind = 'netem'
  readonly pid = null
  readonly #links = new Map<string, LinkState>()
  /** Changes happen one after the other: each is compared with the state before it. */
  #turn: Promise<unknown> = Promise.resolve()

  private constructor(
    readonly netns: string,
    readonly control: TrafficControl,
    readonly options: Required<Pick<NetemOptions, 'run' | 'filter'>>,
  ) {}

  /** Makes the middle namespace, after it has been written down as the lab's. */
  static async start(record: Pick<LabRecord, 'lab' | 'ownsNetns'>, options: NetemOptions = {}): Promise<NetemShaper> {
    const { run = runInShaper, filter = () => true, probe = probeTrafficControl } = options
    const control = await probe()
    for (const name of ['netem', 'tbf', 'gates'] as const) {
      const said = control[name]
      const part = name === 'gates' ? 'nftables on devices' : `sch_${name}`
      if (said !== null) throw new MachineError(`the netem shaper needs ${part}: ${said}`)
    }
    const netns = `${record.lab}-mid`
    const shaper = new NetemShaper(netns, control, { run, filter })
    record.ownsNetns(netns)
    await shaper.#runAll(middleCommands(netns))
    return shaper
  }

  cannot(path: PathSpec): string | null {
    return netemCannot(path, { codel: this.control.codel === null })
  }

  async addPath(path: PathSpec, client: Host, server: Host): Promise<void> {
    const refusal = this.cannot(path)
    if (refusal !== null) throw new BenchError(`netem shaper: ${refusal}`)
    const index = this.#links.size + 1
    await this.#runAll(pathCommands(path, index, { middle: this.netns, client: client.netns, server: server.netns }))
    this.#links.set(path.name, {
      index,
      specs: { up: liveSpec(path.up), down: liveSpec(path.down) },
      everLossy: { up: path.up.loss !== null, down: path.down.loss !== null },
      everGated: false,
    })
  }

  set(path: string, direction: Directions, change: Partial<LiveSpec>): Promise<void> {
    const turn = this.#turn.then(() => this.#set(path, direction, change))
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async carrier(path: string, on: boolean): Promise<void> {
    await this.#runAll([carrierCommand(this.netns, this.#link(path).index, on)])
  }

  async counters(): Promise<LinkCounters> {
    const gated = [...this.#links.values()].some((link) => link.everGated)
    const read = async (...argv: string[]): Promise<string> => (await this.options.run(argv)).stdout
    const [qdiscs, links, gates] = await Promise.all([
      read('tc', '-n', this.netns, '-s', '-j', 'qdisc', 'show'),
      read('ip', '-n', this.netns, '-s', '-j', 'link', 'show'),
      gated ? read('ip', 'netns', 'exec', this.netns, 'nft', '-j', 'list', 'counters') : null,
    ])
    const atMs = Number(process.hrtime.bigint()) / NS_PER_MS
    const middle = parseMiddle({ qdiscs, links, gates })
    const both = ({ index, everLossy }: LinkState): LinkCounters['paths'][string] => ({
      up: directionCounters(middle, index, 'up', everLossy.up),
      down: directionCounters(middle, index, 'down', everLossy.down),
    })
    return { atMs, paths: Object.fromEntries([...this.#links].map(([name, link]) => [name, both(link)])) }
  }

  /** The kernel keeps no marks. */
  resetMarks(): Promise<void> {
    return Promise.resolve()
  }

  /** What the kernel spends appears in the time of those who send, and of the machine. */
  cpuSeconds(): number {
    return 0
  }

  async close(): Promise<void> {
    await this.#turn
    await this.options.run(['ip', 'netns', 'del', this.netns]).catch(() => undefined)
  }

  async #set(path: string, direction: Directions, change: Partial<LiveSpec>): Promise<void> {
    const link = this.#link(path)
    const ways: Direction[] = direction === 'both' ? ['up', 'down'] : [direction]
    const wanted = { ...link.specs }
    for (const way of ways) {
      wanted[way] = { ...link.specs[way], ...change }
      const refusal = cannotChange(link.specs[way], wanted[way])
      if (refusal !== null) throw new BenchError(`path ${path}: ${refusal}`)
    }
    const commands = (specs: LinkState['specs']): Command[] =>
      ways.flatMap((way) => changeCommands(this.netns, link.index, way, specs[way]))
    const [before, after] = [commands(link.specs), commands(wanted)]
    // Telling netem what it already does would make its loss model begin anew.
    const differs = after.map((command, at) => JSON.stringify(command) !== JSON.stringify(before[at]))
    if (change.blackhole || (change.silentMtu ?? 0) > 0) link.everGated = true
    for (const way of ways) link.everLossy[way] ||= wanted[way].loss !== null
    try {
      await this.#runAll(after.filter((_command, at) => differs[at]))
    } catch (error) {
      // All or nothing.
      await this.#runAll(before.filter((_command, at) => differs[at])).catch(() => undefined)
      throw error
    }
    link.specs = wanted
  }

  #link(path: string): LinkState {
    const link = this.#links.get(path)
    if (link) return link
    throw new BenchError(`netem shaper: no path "${path}" (paths: ${[...this.#links.keys()].join(', ')})`)
  }

  async #runAll(commands: readonly Command[]): Promise<void> {
    for (const command of commands) {
      if (!this.options.filter(command)) continue
      try {
        await this.options.run(command.argv, command.input)
      } catch (error) {
        if (!command.mayFail) throw new BenchError(`netem shaper: ${messageOf(error)}`)
      }
    }
  }
}

function runInShaper(argv: readonly string[], input?: string): Promise<RunResult> {
  return runChecked('shaper', argv, input === undefined ? {} : { input })
}
