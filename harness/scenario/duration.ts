/** How long a run takes, for `list`, `--dry-run` and progress. An estimate: what is not the traffic itself is a typical value. */
import type { PlannedRun } from './plan.js'
import type { MeasurementSpec, Scenario } from './types.js'

/** Rate, delay and loss of both directions are calibrated path by path, after the probe's own timing. */
export const CALIBRATION_BASE_MS = 2000
export const CALIBRATION_PER_PATH_MS = 6500
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
  const calibration = CALIBRATION_BASE_MS + CALIBRATION_PER_PATH_MS * scenario.paths.length
  return plan.reduce((sum, run) => sum + runMs(run), calibration)
}
