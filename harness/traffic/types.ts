/** What the runner asks of a load program or a probe, and what it gets back. Implemented by `iperf.ts` and `probe.ts`. */
import type { Host } from '../lab/host.js'
import type { HostProcess } from '../lab/process.js'
import type { LoadSpec, ProbeSpec } from '../scenario/types.js'
import type { Endpoint } from '../subjects/subject.js'
import type { ProbeRecords } from './probe-records.js'

export interface TrafficContext {
  client: Host
  server: Host
  /** Between which addresses, bound to which device, wrapped in which command. */
  endpoint: Endpoint
  /** Raw outputs go here. Exists, and is empty of this traffic's files. */
  workDir: string
  signal: AbortSignal
}

/** `startLoad(context, load): Promise<LoadRun>`; both ends run when it resolves, or it rejects with a BenchError. */
export interface LoadRun {
  /**
   * CLOCK_MONOTONIC ms at which the measured part begins: the first data of the load plus the omitted part.
   * Rejects when the load never began.
   */
  readonly zeroMs: Promise<number>
  /** For CPU accounting. */
  readonly processes: readonly HostProcess[]
  /** Never rejects: what went wrong is in `problem`, and what was measured until then is kept. */
  readonly finished: Promise<LoadResult>
  /** Ends both sides now; `finished` then resolves with what there is. */
  stop(): Promise<void>
}

export interface LoadResult {
  /** Received application bytes, as seen by the receiver, per interval; `atMs` is the end of the interval, 0 the end of the omitted part. For `both`, the two directions added up. */
  series: { atMs: number; bitsPerSecond: number }[]
  retransmits: number | null
  udp: { sent: number; lost: number; lostShare: number; jitterMs: number } | null
  /** One line, or null. A connection that a fault has killed is a result, so `series` is kept beside it. */
  problem: string | null
  /** Raw outputs written, names relative to `workDir`. */
  files: string[]
}

/** `startProbe(context, probe): Promise<ProbeRun>`; resolves when both ends have heard each other, or rejects with a BenchError. */
export interface ProbeRun {
  readonly processes: readonly HostProcess[]
  /** Ends both sides and reads their records. */
  stop(): Promise<{
    spec: ProbeSpec
    protocol: 'udp' | 'tcp'
    records: ProbeRecords
    files: string[]
  }>
}

export type StartLoad = (context: TrafficContext, load: LoadSpec) => Promise<LoadRun>
export type StartProbe = (context: TrafficContext, probe: ProbeSpec) => Promise<ProbeRun>
