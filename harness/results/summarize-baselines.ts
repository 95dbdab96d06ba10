/**
 * What each path carries alone, measured in the same run: the best of them and their sum are what every subject is
 * printed against. In a measurement that `direct:X` did not run (its faults touch other paths only), path X is as
 * configured, so its goodput in a comparable measurement counts; a path that is dead for a whole window counts as zero.
 */
import type { Direction, Directions, PathSpec, TimedFault } from '../scenario/types.js'
import { pathState } from '../scenario/windows.js'
import { median } from '../stats/median.js'
import type { Baseline, Measurement, WindowInfo } from './schema.js'
import { type Series, find } from './summarize-metrics.js'

/** What must be known about a measurement beyond its result form. */
export interface FaultSchedule {
  id: string
  faults: readonly TimedFault[]
  durationMs: number
}

export interface BaselineInput {
  paths: readonly PathSpec[]
  measurements: readonly Measurement[]
  schedules: readonly FaultSchedule[]
  series: readonly Series[]
}

/** Goodput of `direct:X` by round, for one window of one measurement. */
export interface PathGoodput {
  bitsPerSecond: number
  /** Empty for a dead path. */
  values: ReadonlyMap<number, number>
}

/** One for each window of each measurement with a load in which every path is known. */
export function baselinesOf(input: BaselineInput): Baseline[] {
  const baselines: Baseline[] = []
  for (const measurement of input.measurements) {
    for (const window of measurement.windows) {
      const perPath: Record<string, number> = {}
      for (const { name } of input.paths) {
        const goodput = pathGoodput(input, measurement, window, name)
        if (goodput) perPath[name] = goodput.bitsPerSecond
      }
      const entries = Object.entries(perPath)
      if (entries.length < input.paths.length) continue
      const [bestPath, bestBitsPerSecond] = entries.reduce((a, b) => (b[1] > a[1] ? b : a))
      const sum = entries.reduce((acc, [, bits]) => acc + bits, 0)
      // Nothing carries more than it is offered.
      const sumBitsPerSecond = Math.min(sum, offeredTotal(measurement))
      baselines.push({
        measurement: measurement.id,
        window: window.name,
        perPath,
        bestPath,
        bestBitsPerSecond,
        sumBitsPerSecond,
      })
    }
  }
  return baselines
}

/** null: neither measured nor known. */
export function pathGoodput(
  input: BaselineInput,
  measurement: Measurement,
  window: WindowInfo,
  path: string,
): PathGoodput | null {
  const subject = `direct:${path}`
  const own = find(input.series, { subject, measurement: measurement.id, window: window.name, metric: 'goodput' })
  if (own) return withMedian(own)
  if (measurement.protocol === 'probe') return null
  switch (stateOf(input, measurement, path, window)) {
    case 'dead':
      return { bitsPerSecond: 0, values: new Map() }
    case 'clean':
      return comparable(input, measurement, path)
    default:
      return null
  }
}

function withMedian({ values }: Series): PathGoodput {
  return { bitsPerSecond: median([...values.values()]), values }
}

/** The same traffic over `path` while it was as configured; of TCP, the nearest number of streams. */
function comparable(input: BaselineInput, wanted: Measurement, path: string): PathGoodput | null {
  const candidates = input.measurements
    .filter((m) => m.protocol === wanted.protocol && m.direction === wanted.direction)
    .filter((m) => m.offeredBitsPerSecond === wanted.offeredBitsPerSecond && m.payloadBytes === wanted.payloadBytes)
    .toSorted((a, b) => Math.abs(a.streams - wanted.streams) - Math.abs(b.streams - wanted.streams))
  for (const { id, windows } of candidates) {
    const measurement = input.measurements.find((m) => m.id === id)!
    for (const window of windows) {
      if (stateOf(input, measurement, path, window) !== 'clean') continue
      const found = find(input.series, {
        subject: `direct:${path}`,
        measurement: id,
        window: window.name,
        metric: 'goodput',
      })
      if (found) return withMedian(found)
    }
  }
  return null
}

/** Is the path as configured, dead, or hurt during the window, in the direction of the measurement's traffic? */
export function stateOf(
  { schedules, paths }: Pick<BaselineInput, 'schedules' | 'paths'>,
  measurement: Measurement,
  path: string,
  window: WindowInfo,
): 'clean' | 'dead' | 'hurt' {
  const schedule = schedules.find((s) => s.id === measurement.id)
  if (!schedule) return measurement.faults.length === 0 ? 'clean' : 'hurt'
  const direction: Direction | Directions = measurement.direction
  return pathState(schedule, paths, path, direction, window)
}

/** Goodput that headers leave on some of the paths during a window: dead ones count as zero; null when one is hurt or has no fixed rate. */
export function achievableIn(
  input: Pick<BaselineInput, 'schedules' | 'paths'>,
  measurement: Measurement,
  window: WindowInfo,
  paths: readonly string[],
): number | null {
  let sum = 0
  for (const path of paths) {
    const state = stateOf(input, measurement, path, window)
    const rate = measurement.achievable.perPath[path] ?? null
    if (state === 'hurt' || (state === 'clean' && rate === null)) return null
    if (state === 'clean') sum += rate!
  }
  return Math.min(sum, offeredTotal(measurement))
}

/** What all senders together offer, bits per second: `both` offers it in each direction. */
function offeredTotal({ offeredBitsPerSecond, direction }: Measurement): number {
  return (offeredBitsPerSecond ?? Infinity) * (direction === 'both' ? 2 : 1)
}
