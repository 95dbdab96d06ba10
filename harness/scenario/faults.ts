/** Validates a fault schedule and turns it into timed actions, in order of time; `flap` becomes downs and ups. */
import { z } from 'zod'
import { duration, durationBetween, percent, rate } from './fields.js'
import { lossSchema } from './loss.js'
import { type Key, type Problems, strict } from './problems.js'
import { didYouMean } from '../../common/suggest.js'
import type { FaultAction, TimedFault } from './types.js'
import { formatDuration, quote } from './units.js'

const path = z.string()
const direction = z.enum(['up', 'down', 'both'])
const plain = <V extends string>(verb: V) => strict({ at: duration, verb: z.literal(verb), path })

const schemas = {
  down: plain('down'),
  up: plain('up'),
  restore: plain('restore'),
  rebind: plain('rebind'),
  readdress: plain('readdress'),
  carrier: strict({ at: duration, verb: z.literal('carrier'), path, state: z.enum(['on', 'off']) }),
  blackhole: strict({ at: duration, verb: z.literal('blackhole'), path, direction }),
  loss: strict({ at: duration, verb: z.literal('loss'), path, direction, loss: lossSchema }),
  delay: strict({ at: duration, verb: z.literal('delay'), path, direction, delay: durationBetween('0ms', '10s') }),
  rate: strict({ at: duration, verb: z.literal('rate'), path, direction, rate }),
  jitter: strict({ at: duration, verb: z.literal('jitter'), path, direction, jitter: durationBetween('0ms', '10s') }),
  mtu: strict({ at: duration, verb: z.literal('mtu'), path, mtu: z.int().min(576).max(9000), silent: z.boolean() }),
  flap: strict({
    at: duration,
    verb: z.literal('flap'),
    path,
    period: durationBetween('20ms', '60m'),
    duty: percent.optional(),
    for: durationBetween('20ms', '60m'),
  }),
  restart: strict({ at: duration, verb: z.literal('restart'), side: z.enum(['client', 'server']) }),
} as const
export const FAULT_VERBS: readonly string[] = Object.keys(schemas)

/** `at('start')`: what can be so before the subject is there, and stays so. */
const START = 'start'
const AT_START: readonly string[] = ['down', 'carrier', 'blackhole', 'loss', 'delay', 'rate', 'jitter', 'mtu']

type Parsed = { [V in keyof typeof schemas]: z.output<(typeof schemas)[V]> }[keyof typeof schemas]

/** The schedule, sorted; entries with problems are left out. */
export function resolveFaults(input: unknown, paths: readonly string[], key: Key, problems: Problems): TimedFault[] {
  if (input === undefined) return []
  const entries = problems.parse(z.array(z.unknown()), input, key) ?? []
  const faults = entries.flatMap((entry, i) => resolveFault(entry, paths, [...key, i], problems))
  return faults.sort((a, b) => a.atMs - b.atMs || Number(b.beforeStart ?? false) - Number(a.beforeStart ?? false))
}

function resolveFault(entry: unknown, paths: readonly string[], key: Key, problems: Problems): TimedFault[] {
  const verb = typeof entry === 'object' && entry !== null ? (entry as { verb?: unknown }).verb : undefined
  if (typeof verb !== 'string' || !(verb in schemas)) {
    problems.add(
      key,
      `got ${quote(entry)}; write at('10s') or at('start') followed by one of ${FAULT_VERBS.join(', ')}`,
    )
    return []
  }
  const beforeStart = (entry as { at?: unknown }).at === START
  if (beforeStart && !AT_START.includes(verb)) {
    problems.add(key, `${verb} at('start'): only a condition can be there before; write one of ${AT_START.join(', ')}`)
    return []
  }
  const timed = beforeStart ? { ...(entry as object), at: '0s' } : entry
  const parsed = problems.parse<z.ZodType<Parsed>>(schemas[verb as keyof typeof schemas], timed, key)
  if (parsed === null) return []
  if ('path' in parsed && !paths.includes(parsed.path)) {
    problems.add([...key, 'path'], `no path "${parsed.path}"${didYouMean(parsed.path, paths)}`)
    return []
  }
  if (parsed.verb === 'flap') return expandFlap(parsed, key, problems)
  const action = toAction(parsed)
  return [beforeStart ? { atMs: 0, action, beforeStart } : { atMs: parsed.at, action }]
}

function expandFlap(flap: Extract<Parsed, { verb: 'flap' }>, key: Key, problems: Problems): TimedFault[] {
  const downMs = flap.period * (1 - (flap.duty ?? 0.5))
  if (downMs <= 0 || downMs >= flap.period) {
    problems.add([...key, 'duty'], "a path that flaps works for part of each period; write e.g. '50%'")
    return []
  }
  if (flap.for / flap.period > 1000) {
    problems.add([...key, 'period'], `${formatDuration(flap.for)} holds more than 1000 periods; write a longer period`)
    return []
  }
  const faults: TimedFault[] = []
  for (let cycle = 0; cycle * flap.period < flap.for; cycle++) {
    const start = cycle * flap.period
    faults.push({ atMs: flap.at + start, action: { verb: 'down', path: flap.path } })
    faults.push({ atMs: flap.at + Math.min(start + downMs, flap.for), action: { verb: 'up', path: flap.path } })
  }
  return faults
}

function toAction(fault: Exclude<Parsed, { verb: 'flap' }>): FaultAction {
  switch (fault.verb) {
    case 'carrier':
      return { verb: 'carrier', path: fault.path, on: fault.state === 'on' }
    case 'blackhole':
      return { verb: 'blackhole', path: fault.path, direction: fault.direction }
    case 'loss':
      return { verb: 'loss', path: fault.path, direction: fault.direction, loss: fault.loss }
    case 'delay':
      return { verb: 'delay', path: fault.path, direction: fault.direction, delayMs: fault.delay }
    case 'rate':
      return { verb: 'rate', path: fault.path, direction: fault.direction, bitsPerSecond: fault.rate }
    case 'jitter':
      return { verb: 'jitter', path: fault.path, direction: fault.direction, jitterMs: fault.jitter }
    case 'mtu':
      return { verb: 'mtu', path: fault.path, mtu: fault.mtu, silent: fault.silent }
    case 'restart':
      return { verb: 'restart', side: fault.side }
    default:
      return { verb: fault.verb, path: fault.path }
  }
}

/** Adds a problem for each fault that comes after the measured part's end. */
export function checkTimes(
  faults: readonly TimedFault[],
  durationMs: number,
  id: string,
  key: Key,
  problems: Problems,
): void {
  for (const { atMs, action } of faults) {
    if (atMs < durationMs) continue
    const what = 'path' in action ? `${action.verb} of ${action.path}` : action.verb
    problems.add(
      key,
      `${what} at ${formatDuration(atMs)} is not inside ${id}, which lasts ${formatDuration(durationMs)}`,
    )
  }
}
