/** Turns what a scenario says about a path into a `PathSpec`: base units, both directions, nothing left open. */
import { z } from 'zod'
import { type Pair, both, durationBetween, percent, perDirection, queueSize, rate } from './fields.js'
import { lossSchema } from './loss.js'
import { type Key, type Problems, strict } from './problems.js'
import type { Direction, DirectionSpec, PathSpec } from './types.js'
import { type ParsedQueue, formatDuration } from './units.js'

/** Emulator's queue on an unlimited link, where it never fills. */
const IDLE_QUEUE = { packets: 1000 }
/** A full Ethernet frame: 1500 bytes of IP packet and 14 of header. */
const FULL_FRAME = 1514
/** A queue shorter than this cannot hold what one acknowledgement lets out. */
const LEAST_QUEUE_BYTES = 2 * FULL_FRAME

const pathSchema = strict({
  rate: perDirection(rate).optional(),
  trace: perDirection(z.string().min(1)).optional(),
  delay: perDirection(durationBetween('0ms', '10s')).optional(),
  jitter: perDirection(durationBetween('0ms', '10s')).optional(),
  jitterReorders: perDirection(z.boolean()).optional(),
  loss: perDirection(lossSchema).optional(),
  reorder: perDirection(percent).optional(),
  duplicate: perDirection(percent).optional(),
  queue: perDirection(queueSize).optional(),
  aqm: perDirection(z.enum(['droptail', 'codel'])).optional(),
  mtu: z.int().min(1280).max(9000).optional(),
})
type Parsed = z.output<typeof pathSchema>

/** Devices and sysctl folders that exist in every namespace, or that subjects make. */
const TAKEN = /^(lo|inet|all|default|eth\d*|tun\d*|tap\d*|wg\d*|mqvpn\d*|veth\d*)$/

/** Why `name` cannot be a path's (and so a device's) name, or null. */
export function refuseName(name: string): string | null {
  if (name.length > 15) return `the name has ${name.length} characters; a device name has at most 15`
  if (!/^[a-z][a-z0-9_-]*$/i.test(name)) return 'a path name is a device name: a letter, then letters, digits, - or _'
  return TAKEN.test(name) ? 'this device name is taken; write another, e.g. "a" or "fibre"' : null
}

/** null when there were problems, which are then in `problems`. */
export function resolvePath(name: string, input: unknown, key: Key, problems: Problems): PathSpec | null {
  const refusal = refuseName(name)
  if (refusal !== null) problems.add(key, refusal)
  const parsed = problems.parse(pathSchema, input, key)
  if (parsed === null) return null
  const delay = parsed.delay ?? both(0)
  for (const direction of ['up', 'down'] as const) {
    if (delay[direction] === undefined)
      problems.add([...key, 'delay', direction], "missing; write both directions, e.g. '10ms'")
  }
  const roundTripMs = (delay.up ?? 0) + (delay.down ?? 0)
  const up = resolveDirection(parsed, 'up', delay, roundTripMs, key, problems)
  const down = resolveDirection(parsed, 'down', delay, roundTripMs, key, problems)
  return up && down && refusal === null ? { name, up, down, mtu: parsed.mtu ?? 1500 } : null
}

function resolveDirection(
  parsed: Parsed,
  direction: Direction,
  delay: Pair<number>,
  roundTripMs: number,
  key: Key,
  problems: Problems,
): DirectionSpec | null {
  const bits = parsed.rate?.[direction]
  const trace = parsed.trace?.[direction] ?? null
  if (bits === undefined && trace === null) {
    const where = parsed.rate === undefined ? [...key, 'rate'] : [...key, 'rate', direction]
    problems.add(where, "missing; write e.g. '300mbit' or 'unlimited' (or give a trace)")
    return null
  }
  if (bits !== undefined && trace !== null) {
    problems.add([...key, 'trace'], 'a direction has a rate or a trace, not both')
    return null
  }
  const written = parsed.queue?.[direction]
  const queue = resolveQueue(written, bits ?? null, trace !== null, roundTripMs)
  if (typeof queue === 'string') {
    problems.add(
      parsed.queue === undefined || written !== undefined ? [...key, 'queue'] : [...key, 'queue', direction],
      queue,
    )
    return null
  }
  return {
    bitsPerSecond: bits ?? null,
    trace,
    delayMs: delay[direction] ?? 0,
    jitterMs: parsed.jitter?.[direction] ?? 0,
    jitterReorders: parsed.jitterReorders?.[direction] ?? false,
    loss: parsed.loss?.[direction] ?? null,
    reorder: parsed.reorder?.[direction] ?? 0,
    duplicate: parsed.duplicate?.[direction] ?? 0,
    queue,
    aqm: parsed.aqm?.[direction] ?? 'droptail',
  }
}

/** BDP in bytes: rate × round trip, the round trip being the sum of both one-way delays. */
export function bdpBytes(bitsPerSecond: number, roundTripMs: number): number {
  return Math.round((bitsPerSecond * roundTripMs) / 8000)
}

/** The queue in bytes or packets, or what is wrong. */
function resolveQueue(
  written: ParsedQueue | undefined,
  bits: number | null,
  traced: boolean,
  roundTripMs: number,
): DirectionSpec['queue'] | string {
  if (written === undefined) {
    if (bits === null && !traced) return IDLE_QUEUE
    return "missing; write '1bdp' (rate × round trip), '100p' (packets) or '64kB'"
  }
  if (!('bdp' in written)) return written
  if (bits === null) return `'${written.bdp}bdp' needs a rate; write packets or bytes, e.g. '100p'`
  if (roundTripMs === 0) {
    return `'${written.bdp}bdp' is empty: the round trip is ${formatDuration(0)}; write packets or bytes, e.g. '100p'`
  }
  return { bytes: Math.max(LEAST_QUEUE_BYTES, Math.round(written.bdp * bdpBytes(bits, roundTripMs))) }
}
