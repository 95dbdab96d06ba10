/**
 * A subject is a VPN (or something that stands in its place) behind one adapter:
 * `version · supports · start → { ready · endpoint · stats · restart · stop }`.
 *
 * An adapter knows the lab's hosts and addresses; it does not know traffic, faults, repeats or statistics.
 */
import type { Lab } from '../lab/lab.js'
import type { HostProcess } from '../lab/process.js'
import type { MeasurementSpec, Scenario, SubjectSpec } from '../scenario/types.js'

export interface SubjectContext {
  lab: Lab
  spec: SubjectSpec
  /** Fresh directory of this repeat: keys, configuration, logs. Kept with the results, so no secret that matters outside the lab. */
  workDir: string
}

/** Between which addresses the traffic runs. */
export interface Endpoint {
  /** Where the server's load programs listen, and what the client's connect to. */
  serverAddress: string
  /** Source address of the client's load programs, or null for the kernel's choice. */
  clientAddress: string | null
  /** Device that the client's load programs bind to (SO_BINDTODEVICE), or null. */
  clientDevice: string | null
  /** What the path carries: mptcp carries no UDP, so the probe runs over TCP there. */
  probeProtocol: 'udp' | 'tcp'
  /** Words put in front of every load program: `['mptcpize', 'run']`. */
  wrap: readonly string[]
}

/** One cold start. */
export interface RunningSubject {
  readonly endpoint: Endpoint
  /** The subject's own processes, for CPU accounting, also those that a restart has ended; empty for `direct`. */
  readonly processes: readonly HostProcess[]
  /** One that should run and does not, or null. */
  dead(): HostProcess | null
  /** Resolves when traffic can flow: a condition that is polled, never a sleep. Rejects with SubjectError (with the tail of its log) when it ended or never became ready. */
  ready(signal: AbortSignal): Promise<void>
  /** Whatever it says about itself, for the raw results; `{}` when it says nothing. */
  stats(): Promise<Record<string, unknown>>
  /** Ends and starts one side again, as a crash or an upgrade would. */
  restart(side: 'client' | 'server'): Promise<void>
  /** Ends its processes and removes what it made in the hosts. Does not throw. */
  stop(): Promise<void>
}

export type Unsupported = { status: 'unsupported' | 'missing'; reason: string; remedy: string | null }

export interface SubjectAdapter {
  readonly kind: SubjectSpec['kind']
  /** Version line, or why it cannot be had. */
  version(spec: SubjectSpec): Promise<string | null>
  /** null: it can run here and do this scenario. */
  supports(spec: SubjectSpec, scenario: Scenario): Promise<Unsupported | null>
  /** null: it can do this measurement; else why not (`carries no UDP`). */
  cannot(spec: SubjectSpec, measurement: MeasurementSpec): string | null
  start(context: SubjectContext): Promise<RunningSubject>
}
