/** A measurement as results tell it: with the marks, the windows and what the links could carry. */
import type { Measurement } from '../results/schema.js'
import { achievable } from './achievable.js'
import { faultLabel } from './fault-label.js'
import type { MeasurementSpec, Scenario } from './types.js'
import { windowsOf } from './windows.js'

export function describeMeasurement(spec: MeasurementSpec, { paths }: Pick<Scenario, 'paths'>): Measurement {
  const { load } = spec
  return {
    id: spec.id,
    phase: spec.phase,
    label: spec.label,
    protocol: load?.kind ?? 'probe',
    streams: load?.streams ?? 0,
    direction: load?.direction ?? 'both',
    offeredBitsPerSecond: load?.kind === 'udp' ? load.bitsPerSecond : null,
    payloadBytes: load?.kind === 'udp' ? load.payloadBytes : null,
    durationMs: spec.durationMs,
    omitMs: spec.omitMs,
    faults: spec.faults.map(({ atMs, action, beforeStart }) => ({
      atMs,
      verb: action.verb,
      path: 'path' in action ? action.path : null,
      label: `${faultLabel(action)}${beforeStart ? ' (before the start)' : ''}`,
    })),
    windows: windowsOf(spec, paths),
    achievable: achievable(paths, load),
  }
}
