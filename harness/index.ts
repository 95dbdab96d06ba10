/**
 * What scenario files import: `import { defineScenario, at, profiles, subjects, traffic } from 'mqvpn-bench'`.
 * This module knows how scenarios are written and read; building labs and running is the command's.
 */
export { at, type At, type AtStart, type FaultInput, type FlapOptions } from './scenario/at.js'
export { defineScenario, isScenario } from './scenario/define.js'
export type {
  Baseline,
  ExpectationInput,
  ExpectContext,
  IdleDelay,
  MeasurementExpectations,
  MetricExpectation,
  ProbeExpectations,
  Rival,
  SubjectExpectations,
} from './scenario/expect.js'
export { gilbert, type GilbertOptions, type LossInput } from './scenario/loss.js'
export type { PathInput, PerDirection, PerDirectionOptional } from './scenario/path-input.js'
export { ScenarioError } from './scenario/problems.js'
export { profiles, type ProfileName } from './scenario/profiles.js'
export type { OnePhaseInput, PhaseInput, PhasesInput, ScenarioInput } from './scenario/scenario-input.js'
export {
  subjects,
  type CommandOptions,
  type CommandSide,
  type FastdOptions,
  type MptcpOptions,
  type MqvpnOptions,
  type OnePath,
  type OpenvpnOptions,
  type ReadyWhen,
  type SubjectInput,
} from './scenario/subject-input.js'
export {
  traffic,
  type IperfOptions,
  type ProbeOptions,
  type TrafficInput,
  type UdpOptions,
} from './scenario/traffic.js'
export type {
  Direction,
  Directions,
  Expectation,
  FaultAction,
  MeasurementSpec,
  PathSpec,
  Scenario,
  SubjectSpec,
  TimedFault,
} from './scenario/types.js'
export type { Duration, Percent, QueueSize, Rate, Size } from './scenario/units.js'
