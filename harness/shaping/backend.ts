/**
 * What every shaper offers. A shaper makes the device `path.name` on the client and on the server, joined by a link with
 * the path's properties, and changes those while traffic flows. Device names and semantics are the same for all.
 */
import type { DirectionSpec, Directions, PathSpec } from '../scenario/types.js'
import type { Host } from '../lab/host.js'

export type ShaperKind = 'user' | 'netem' | 'none'

/** What may change on a live link. `bdp` queues were turned into bytes when the scenario was read. */
export interface LiveSpec extends DirectionSpec {
  /** Everything offered vanishes; carrier stays up. */
  blackhole: boolean
  /** IP packets larger than this vanish without a word (a path-MTU black hole); 0: off. */
  silentMtu: number
}

/** Counted since the path was made, whole frames. A back end that cannot know a value gives 0 (packets) or null. */
export interface DirectionCounters {
  inPackets: number
  inBytes: number
  outPackets: number
  outBytes: number
  dropQueue: number
  dropLoss: number
  dropAqm: number
  dropBlackhole: number
  /** Carrier or device down, silent MTU, write errors. */
  dropOther: number
  /** Lost by the emulator itself: a run in which this grows is not to be believed. */
  dropEmulator: number
  queueHighWaterBytes: number | null
  sojournMaxMs: number | null
}

export interface LinkCounters {
  /** CLOCK_MONOTONIC, ms: comparable with `performance`-free `process.hrtime`. */
  atMs: number
  paths: Record<string, Record<'up' | 'down', DirectionCounters>>
}

export interface ShaperBackend {
  readonly kind: ShaperKind
  /** Pid of the program that does the work, or null when the kernel does. */
  readonly pid: number | null
  /** Null when this back end can do it, else why not. */
  cannot(path: PathSpec): string | null
  addPath(path: PathSpec, client: Host, server: Host): Promise<void>
  /** All or nothing. */
  set(path: string, direction: Directions, change: Partial<LiveSpec>): Promise<void>
  /** The client's kernel sees the cable pulled (`on: false`) or put back. */
  carrier(path: string, on: boolean): Promise<void>
  counters(): Promise<LinkCounters>
  /** Queue high-water marks and sojourn maxima start again. */
  resetMarks(): Promise<void>
  /** CPU seconds spent so far by `pid`; 0 when null. */
  cpuSeconds(): number
  close(): Promise<void>
}

/** A live link starts as configured, with nothing switched off. */
export function liveSpec(spec: DirectionSpec): LiveSpec {
  return { ...spec, blackhole: false, silentMtu: 0 }
}
