/**
 * A scenario after validation: plain data in base units, no defaults left open. What a user writes (`'300mbit'`,
 * `'10ms'`) is turned into this by `schema.ts`; the lab, the subjects and the runner know only this.
 */
import type { DirectionSpec, MetricName } from '../results/schema.js'

export type { DirectionSpec }
export type Direction = 'up' | 'down'
export type Directions = Direction | 'both'
export type Loss = NonNullable<DirectionSpec['loss']>

/** Plain data; the live thing is `Path` in `lab/path.ts`. */
export interface PathSpec {
  /** Also the device name on client and server: at most 15 characters. */
  name: string
  /** Client to server. */
  up: DirectionSpec
  /** Server to client. */
  down: DirectionSpec
  /** Device MTU in bytes. */
  mtu: number
}

/** What can happen to a live path, or to the subject. `restore` puts a path back as configured. */
export type FaultAction =
  | { verb: 'down'; path: string }
  | { verb: 'up'; path: string }
  | { verb: 'carrier'; path: string; on: boolean }
  | { verb: 'blackhole'; path: string; direction: Directions }
  | { verb: 'restore'; path: string }
  | { verb: 'loss'; path: string; direction: Directions; loss: Loss | null }
  | { verb: 'delay'; path: string; direction: Directions; delayMs: number }
  | { verb: 'rate'; path: string; direction: Directions; bitsPerSecond: number | null }
  | { verb: 'jitter'; path: string; direction: Directions; jitterMs: number }
  | { verb: 'rebind'; path: string }
  | { verb: 'readdress'; path: string }
  | { verb: 'mtu'; path: string; mtu: number; silent: boolean }
  | { verb: 'restart'; side: 'client' | 'server' }

export interface TimedFault {
  /** Milliseconds after the measured traffic has begun (the omitted part comes before 0). */
  atMs: number
  action: FaultAction
  /** Applied before the subject starts, for a cold start of its own; `atMs` is then 0, from where windows see it. */
  beforeStart?: true
}

/** The load of one measurement. */
export type LoadSpec =
  | {
      kind: 'tcp'
      direction: Directions
      streams: number
      durationMs: number
      omitMs: number
      /** TCP congestion control, or null for the system's. */
      congestion: string | null
    }
  | {
      kind: 'udp'
      direction: Directions
      streams: number
      durationMs: number
      omitMs: number
      /** Offered load of all streams together. */
      bitsPerSecond: number
      payloadBytes: number
    }

export interface ProbeSpec {
  /** 1 … 1000 ms between packets, in each direction. */
  everyMs: number
  payloadBytes: number
}

/** One thing to measure; `bulk` with `streams: [1, 4]` gives two of these. */
export interface MeasurementSpec {
  id: string
  phase: string
  label: string
  load: LoadSpec | null
  probe: ProbeSpec | null
  /** Of the measured part, without the omitted one. */
  durationMs: number
  omitMs: number
  faults: TimedFault[]
  /** Subject ids this applies to; null: all. `direct:X` never runs a measurement whose faults touch only other paths. */
  subjects: string[] | null
}

/** What a scenario file says about a subject; `subjects/` turns it into something that can run. */
export interface SubjectSpec {
  /** Unique in the scenario: `wireguard-go`, `openvpn:b`. */
  id: string
  kind: 'direct' | 'mptcp' | 'wireguard-go' | 'openvpn' | 'fastd' | 'command' | 'mqvpn'
  label: string
  /** Paths it may use, in order of preference. */
  paths: string[]
  /** Kind-specific, already validated. */
  options: Readonly<Record<string, unknown>>
}

/** A condition that a run must meet; built by `expect.ts`. */
export interface Expectation {
  subject: string
  /** A measurement id, or a phase (then every measurement of it). */
  measurement: string
  metric: MetricName
  /** null: the only window, or the worst of all. */
  window: string | null
  direction: Direction | null
  compare: 'atLeast' | 'atMost'
  /** value: in the metric's unit. Otherwise a factor on the named baseline, or an offset on the idle delay in ms. */
  limit:
    | { of: 'value' | 'best' | 'sum' | 'achievable' | 'idle'; value: number }
    /** A factor on another subject's goodput; `enough`: share of the achievable that suffices where that one reaches it. */
    | { of: 'rival'; value: number; subject: string; enough: number | null }
  /** Which of the repeats decides: their median, or the worst one. */
  over: 'median' | 'worst'
}

export interface Scenario {
  name: string
  description: string
  paths: PathSpec[]
  subjects: SubjectSpec[]
  measurements: MeasurementSpec[]
  repeats: number
  expectations: Expectation[]
}
