/** Runs iperf3 between two hosts. What each end prints, and why, is in `iperf-args.ts`. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../faults/schedule.js'
import { BenchError, messageOf } from '../lab/errors.js'
import type { HostProcess } from '../lab/process.js'
import type { LoadSpec } from '../scenario/types.js'
import { endedEarly, until } from '../subjects/ready.js'
import { formatOf, iperfClientArgs, iperfServerArgs, receives, testSeconds, type IperfPlace } from './iperf-args.js'
import { loadResult, type Flow } from './iperf-result.js'
import { IperfSide } from './iperf-side.js'
import { listens } from './listening.js'
import { nextPort } from './port.js'
import type { LoadResult, LoadRun, StartLoad, TrafficContext } from './types.js'

const CONNECT_TIMEOUT_MS = 10_000
const LISTEN_LIMIT_MS = 5000
/** From the client's start until data flows: a few round trips, and one more per stream. */
const BEGIN_LIMIT_MS = 10_000
const BEGIN_PER_STREAM_MS = 1000
/** iperf3 opens a UDP stream with one datagram each way and waits 30 s for a lost one (esnet/iperf#351): better again. */
const UDP_BEGIN_LIMIT_MS = 3000
const ATTEMPTS = 4
/** Until the ends have exchanged their results; on a dead path they never do. */
const END_LIMIT_MS = 3000
const KILL_AFTER_MS = 1500
/** So many lines make the time of the beginning certain, when there is time for them. */
const CERTAIN_LINES = 3
/** Half of what DESIGN's fastest UDP load needs for a stall of 20 ms. The kernel may allow less. */
const UDP_BUFFER_BYTES = 2 << 20

type Side = 'client' | 'server'
type Sides = Readonly<Record<Side, IperfSide>>

export const startLoad: StartLoad = async (context, load) => {
  for (let attempt = 1; ; ++attempt) {
    const files: Record<Side, string> = {
      client: fileName(load, 'client', attempt),
      server: fileName(load, 'server', attempt),
    }
    const sides = await spawnBoth(context, load, files)
    try {
      await begun(sides, load, context.signal)
      return new IperfRun(load, sides, Object.values(files))
    } catch (error) {
      await stopBoth(sides)
      context.signal.throwIfAborted()
      if (attempt === ATTEMPTS || !(error instanceof NotBegun)) throw error
    }
  }
}

/** Nothing has failed, yet no data flows. */
class NotBegun extends BenchError {}

class IperfRun implements LoadRun {
  readonly zeroMs: Promise<number>
  readonly finished: Promise<LoadResult>

  constructor(
    readonly load: LoadSpec,
    readonly sides: Sides,
    files: string[],
  ) {
    this.zeroMs = this.#zero()
    this.finished = this.#finish(files)
  }

  get processes(): readonly HostProcess[] {
    return [this.sides.server.process, this.sides.client.process]
  }

  async stop(): Promise<void> {
    await stopBoth(this.sides)
    await this.finished
  }

  get #receivers(): IperfSide[] {
    return (['server', 'client'] as const).filter((side) => receives(this.load, side)).map((side) => this.sides[side])
  }

  /** Data has begun to arrive everywhere when it does at the last receiver. */
  get #beganMs(): number {
    return Math.max(...this.#receivers.map((side) => side.beganMs))
  }

  async #zero(): Promise<number> {
    const { omitMs } = this.load
    const certain = (): boolean => this.#receivers.every((side) => side.intervalCount >= CERTAIN_LINES)
    // Faults may be due right at zero.
    while (!certain() && monotonicMs() < this.#beganMs + omitMs - 50) await sleep(20)
    return this.#beganMs + omitMs
  }

  async #finish(files: string[]): Promise<LoadResult> {
    const zeroMs = await this.zeroMs
    const { client, server } = this.sides
    const endMs = this.#beganMs + testSeconds(this.load) * 1000
    const overdue = new AbortController()
    const wait = async (ms: number): Promise<void> => {
      await sleep(Math.max(0, ms), undefined, { signal: overdue.signal }).catch(() => undefined)
    }
    const ended = client.process.exited.then(() => Promise.race([server.process.exited, wait(KILL_AFTER_MS)]))
    await Promise.race([ended, wait(endMs + END_LIMIT_MS - monotonicMs())])
    overdue.abort()
    const hung = client.process.running
    await stopBoth(this.sides)
    return {
      ...loadResult(this.load, this.#flows(zeroMs)),
      problem: this.#problem(hung),
      files,
    }
  }

  #flows(zeroMs: number): Flow[] {
    const { client, server } = this.sides
    const flow = (to: IperfSide, from: IperfSide): Flow => ({
      received: to.intervals('received'),
      sent: from.intervals('sent'),
      zeroMs: zeroMs - to.beganMs,
    })
    return [
      ...(receives(this.load, 'server') ? [flow(server, client)] : []),
      ...(receives(this.load, 'client') ? [flow(client, server)] : []),
    ]
  }

  /** The client's reason first: a server mostly says that the client has gone. */
  #problem(hung: boolean): string | null {
    if (hung) return `iperf3 did not end within ${END_LIMIT_MS / 1000} s after the test: its control connection is dead`
    const { client, server } = this.sides
    const said = client.problem ?? server.problem
    return said === null ? null : `iperf3: ${said}`
  }
}

async function spawnBoth(context: TrafficContext, load: LoadSpec, files: Record<Side, string>): Promise<Sides> {
  const { client, server, endpoint, workDir } = context
  const place: IperfPlace = {
    serverAddress: endpoint.serverAddress,
    port: nextPort(),
    clientAddress: endpoint.clientAddress,
    clientDevice: endpoint.clientDevice,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    udpBufferBytes: load.kind === 'udp' ? udpBufferBytes() : null,
  }
  const spawn = (side: Side, args: string[]): IperfSide => {
    const [program = 'iperf3', ...words] = [...endpoint.wrap, 'iperf3', ...args]
    const options = { name: 'iperf3', role: 'traffic', logFile: join(workDir, files[side]) } as const
    const process = (side === 'client' ? client : server).spawn(program, words, options)
    return new IperfSide(process, formatOf(load, side), {
      protocol: load.kind,
      streams: load.streams,
      direction: receives(load, side) ? 'received' : 'sent',
    })
  }
  const serverSide = spawn('server', iperfServerArgs(load, place))
  try {
    const { process } = serverSide
    await until(() => listens(process.pid, place.port), {
      subject: 'iperf3 server',
      processes: [process],
      signal: context.signal,
      limitMs: LISTEN_LIMIT_MS,
    })
  } catch (error) {
    await serverSide.process.stop(KILL_AFTER_MS)
    throw error
  }
  return { server: serverSide, client: spawn('client', iperfClientArgs(load, place)) }
}

/** Resolves when every receiver has seen its first interval. */
async function begun(sides: Sides, load: LoadSpec, signal: AbortSignal): Promise<void> {
  const perStream = BEGIN_PER_STREAM_MS * load.streams
  const limitMs = load.kind === 'udp' ? UDP_BEGIN_LIMIT_MS + perStream : BEGIN_LIMIT_MS + perStream
  const deadline = monotonicMs() + limitMs
  const receivers = (['server', 'client'] as const).filter((side) => receives(load, side)).map((side) => sides[side])
  while (!receivers.every((side) => side.beganMs < Infinity)) {
    signal.throwIfAborted()
    const ended = [sides.client, sides.server].find((side) => !side.process.running)
    if (ended) {
      await stopBoth(sides)
      const said = sides.client.problem ?? sides.server.problem
      throw said === null ? endedEarly('load', ended.process) : new BenchError(`load: iperf3: ${said}`)
    }
    if (monotonicMs() > deadline) throw new NotBegun(`load: iperf3 sent no data within ${limitMs / 1000} s`)
    await sleep(10)
  }
}

async function stopBoth({ client, server }: Sides): Promise<void> {
  // The client first: it tells the server, which then prints its results in peace.
  await client.process.stop(KILL_AFTER_MS)
  await server.process.stop(KILL_AFTER_MS)
}

function fileName(load: LoadSpec, side: Side, attempt: number): string {
  const again = attempt === 1 ? '' : `-${attempt}`
  return `iperf3-${side}${again}.${formatOf(load, side) === 'json' ? 'json' : 'txt'}`
}

/** iperf3 refuses to run when the kernel grants less than asked; twice its limit is what it reports as granted. */
function udpBufferBytes(): number | null {
  try {
    const limits = ['rmem_max', 'wmem_max'].map((name) => Number(readFileSync(`/proc/sys/net/core/${name}`, 'utf8')))
    return Math.min(UDP_BUFFER_BYTES, ...limits.map((limit) => limit * 2))
  } catch (error) {
    throw new BenchError(`cannot read the limits of socket buffers: ${messageOf(error)}`)
  }
}
