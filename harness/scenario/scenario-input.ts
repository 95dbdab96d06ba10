/** What a scenario file hands to `defineScenario`; N are its path names, so that an editor knows them everywhere. */
import type { FaultInput } from './at.js'
import type { ExpectContext, ExpectationInput } from './expect.js'
import type { PathInput } from './path-input.js'
import type { SubjectInput } from './subject-input.js'
import type { TrafficInput } from './traffic.js'

export interface PhaseInput<N extends string> {
  /** At most one probe, which runs beside every load. Ids are `phase/variant`, or `phase/load/variant` with several loads. */
  readonly traffic: Readonly<Record<string, TrafficInput>>
  readonly faults?: readonly FaultInput<N>[]
  /** Only these subjects, by id: `['mptcp', 'direct:a']`; default all. */
  readonly subjects?: readonly string[]
}

interface Common<N extends string> {
  /** Names the result folder: letters, digits, `-`, `_` and `.` */
  readonly name: string
  /** One sentence: what it shows. It becomes the report's heading. */
  readonly description: string
  /** 1 … 8 paths between client and server. The name is also the device's. */
  readonly paths: { readonly [K in N]: PathInput }
  /** What is compared; `direct` over each path is always added. */
  readonly subjects?: readonly SubjectInput<NoInfer<N>>[]
  /** Cold starts of each subject, 1 … 1000. Default 6, the least that carries an interval. */
  readonly repeats?: number
  readonly expect?: (context: ExpectContext) => readonly ExpectationInput[]
}

/** One phase: `traffic` and `faults` at the top. Ids are `load/variant`: `bulk/4`. */
export interface OnePhaseInput<N extends string> extends Common<N>, Omit<PhaseInput<NoInfer<N>>, 'subjects'> {
  readonly phases?: never
}

/** Several phases, run one after the other on each cold start. */
export interface PhasesInput<N extends string> extends Common<N> {
  readonly phases: Readonly<Record<string, PhaseInput<NoInfer<N>>>>
  readonly traffic?: never
  readonly faults?: never
}

export type ScenarioInput<N extends string = string> = OnePhaseInput<N> | PhasesInput<N>
