/** Turns the `traffic` of one phase into measurements: lists multiply, and each gets an id such as `bulk/4`. */
import { z } from 'zod'
import { duration, durationBetween, rate, size } from './fields.js'
import { type Key, type Problems, choose, strict } from './problems.js'
import type { Directions, LoadSpec, MeasurementSpec, ProbeSpec } from './types.js'
import { formatDuration, formatRate } from './units.js'

/** Longest measured part of one measurement. */
const MAX_DURATION = '60m'

const directions = z.enum(['up', 'down', 'both'])
const list = <T>(one: z.ZodType<T>) =>
  choose<T[]>((value) => (Array.isArray(value) ? z.array(one).min(1) : one.transform((v) => [v])))
const streams = z.int().min(1).max(128)

const iperf = strict({
  kind: z.literal('iperf'),
  direction: list(directions),
  streams: list(streams).optional(),
  duration: durationBetween('100ms', MAX_DURATION),
  omit: durationBetween('0s', '60s').optional(),
  congestion: z
    .string()
    .regex(/^[a-z0-9_-]+$/, "write a congestion control's name, e.g. 'bbr'")
    .optional(),
})
const udp = strict({
  kind: z.literal('udp'),
  direction: list(directions),
  rate: list(rate.refine((bits) => bits !== null, { error: "an offered load has a limit, e.g. '100mbit'" })),
  payload: size.refine((bytes) => bytes >= 16 && bytes <= 8900, { error: "write '16B' to '8900B'" }).optional(),
  streams: streams.optional(),
  duration: durationBetween('100ms', MAX_DURATION),
  omit: durationBetween('0s', '60s').optional(),
})
const probe = strict({
  kind: z.literal('probe'),
  every: durationBetween('1ms', '1s'),
  payload: size.refine((bytes) => bytes >= 32 && bytes <= 1200, { error: "write '32B' to '1200B'" }).optional(),
  duration: duration.pipe(z.number().min(100).max(3600e3)).optional(),
})

interface Variant {
  /** What tells this measurement from the others of the same traffic: `4`, `100mbit`, `4-down`. */
  name: string
  label: string
  load: LoadSpec
}
interface Load {
  name: string
  variants: Variant[]
}
interface Probe extends ProbeSpec {
  durationMs: number | null
}
/** A measurement that does not yet know its faults and subjects. */
export type Bare = Omit<MeasurementSpec, 'faults' | 'subjects'>

/**
 * @param phase null in a scenario without phases: each load is then a phase of its own name
 * @returns [] when there were problems
 */
export function expandTraffic(phase: string | null, input: unknown, key: Key, problems: Problems): Bare[] {
  const entries = problems.parse(z.record(z.string(), z.unknown()), input, key)
  if (entries === null) return []
  if (Object.keys(entries).length === 0) problems.add(key, 'empty; write e.g. { bulk: traffic.iperf({…}) }')
  const loads: Load[] = []
  let probeSpec: Probe | null = null
  let probeName = ''
  for (const [name, value] of Object.entries(entries)) {
    const at = [...key, name]
    if (!/^[a-z][a-z0-9._-]*$/i.test(name)) problems.add(at, 'write a name of letters, digits, ., - or _')
    const kind = typeof value === 'object' && value !== null ? (value as { kind?: unknown }).kind : undefined
    if (kind === 'iperf') {
      const parsed = problems.parse(iperf, value, at)
      if (parsed) loads.push({ name, variants: tcpVariants(parsed) })
    } else if (kind === 'udp') {
      const parsed = problems.parse(udp, value, at)
      if (parsed) loads.push({ name, variants: udpVariants(parsed) })
    } else if (kind === 'probe') {
      if (probeSpec) problems.add(at, `a second probe; "${probeName}" already runs beside every load here`)
      const parsed = problems.parse(probe, value, at)
      if (parsed) [probeSpec, probeName] = [toProbe(parsed), name]
    } else problems.add(at, 'write traffic.iperf({…}), traffic.udp({…}) or traffic.udpProbe({…})')
  }
  if (loads.length === 0)
    return probeSpec ? probeOnly(phase ?? probeName, probeSpec, [...key, probeName], problems) : []
  if (probeSpec?.durationMs != null) {
    problems.add([...key, probeName, 'duration'], 'the probe runs as long as the load beside it; leave duration out')
  }
  return loads.flatMap((load) => measurementsOf(phase, load, loads.length > 1, probeSpec))
}

function measurementsOf(phase: string | null, load: Load, several: boolean, probeSpec: Probe | null): Bare[] {
  const prefix = phase === null ? load.name : several ? `${phase}/${load.name}` : phase
  return load.variants.map((variant) => ({
    id: `${prefix}/${variant.name}`,
    phase: phase ?? load.name,
    label: variant.label,
    load: variant.load,
    probe: probeSpec && { everyMs: probeSpec.everyMs, payloadBytes: probeSpec.payloadBytes },
    durationMs: variant.load.durationMs,
    omitMs: variant.load.omitMs,
  }))
}

function probeOnly(id: string, spec: Probe, key: Key, problems: Problems): Bare[] {
  if (spec.durationMs === null) {
    problems.add([...key, 'duration'], "missing; a probe without a load beside it needs one, e.g. '10s'")
    return []
  }
  const { everyMs, payloadBytes, durationMs } = spec
  const label = `probe every ${formatDuration(everyMs)}`
  return [{ id, phase: id, label, load: null, probe: { everyMs, payloadBytes }, durationMs, omitMs: 0 }]
}

function toProbe(parsed: z.output<typeof probe>): Probe {
  return { everyMs: parsed.every, payloadBytes: parsed.payload ?? 64, durationMs: parsed.duration ?? null }
}

function tcpVariants(parsed: z.output<typeof iperf>): Variant[] {
  const { duration: durationMs, omit: omitMs = 1000, congestion = null } = parsed
  return parsed.direction.flatMap((direction) =>
    (parsed.streams ?? [1]).map((n) => ({
      name: parsed.direction.length > 1 ? `${n}-${direction}` : String(n),
      label: `${n} TCP stream${n === 1 ? '' : 's'} ${words(direction)}${congestion ? ` (${congestion})` : ''}`,
      load: { kind: 'tcp', direction, streams: n, durationMs, omitMs, congestion },
    })),
  )
}

function udpVariants(parsed: z.output<typeof udp>): Variant[] {
  const { duration: durationMs, omit: omitMs = 0, payload: payloadBytes = 1200, streams: n = 1 } = parsed
  return parsed.direction.flatMap((direction) =>
    parsed.rate.map((bits) => ({
      name: formatRate(bits) + (parsed.direction.length > 1 ? `-${direction}` : ''),
      label: `UDP ${formatRate(bits)} ${words(direction)}, ${payloadBytes} bytes${n === 1 ? '' : ` in ${n} flows`}`,
      load: { kind: 'udp', direction, streams: n, durationMs, omitMs, bitsPerSecond: bits, payloadBytes },
    })),
  )
}

function words(direction: Directions): string {
  return direction === 'both' ? 'both ways' : direction
}
