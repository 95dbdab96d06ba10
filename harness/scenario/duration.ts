/** How long a run takes, for `list`, `--dry-run` and progress. An estimate: what is not the traffic itself is a typical value. */
import type { PlannedRun } from './plan.js'
import type { MeasurementSpec, Scenario } from './types.js'

/** Building the lab, the probe's own timing, and the delay of all paths at once. */
export const CALIBRATION_BASE_MS = 3000
/** The rate of one direction of one path. */
export const CALIBRATION_RATE_MS = 2300
/** The loss of one direction, where some is configured. */
export const CALIBRATION_LOSS_MS = 3300
/** Fresh hosts and links, start and readiness of the subject, and its end. */
export const COLD_START_MS = 700
/** Idle delay, start and end of the load programs, reading their output. */
export const MEASUREMENT_OVERHEAD_MS = 800

/** One measurement of one subject, ms. */
export function measurementMs({ durationMs, omitMs }: Pick<MeasurementSpec, 'durationMs' | 'omitMs'>): number {
  // iperf3 runs for whole seconds; what is too much is left out of the figures.
  return Math.ceil((durationMs + omitMs) / 1000) * 1000 + MEASUREMENT_OVERHEAD_MS
}

/** One cold start with its measurements, ms. */
export function runMs(run: Pick<PlannedRun, 'measurements'>): number {
  return COLD_START_MS + run.measurements.reduce((sum, measurement) => sum + measurementMs(measurement), 0)
}

/** Calibration and the whole plan, ms. */
export function estimateMs(scenario: Pick<Scenario, 'paths'>, plan: readonly PlannedRun[]): number {
  const directions = scenario.paths.flatMap(({ up, down }) => [up, down])
  const lossy = directions.filter(({ loss }) => loss !== null).length
  const calibration = CALIBRATION_BASE_MS + CALIBRATION_RATE_MS * directions.length + CALIBRATION_LOSS_MS * lossy
  return plan.reduce((sum, run) => sum + runMs(run), calibration)
}
