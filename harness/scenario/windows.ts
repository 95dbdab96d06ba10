/**
 * Faults cut a measurement into windows, because a mean across a fault answers no question:
 *
 * ```
 *   0          fault            restore   +1 s                end
 *   ├ healthy ─┼── degraded ────┼─ recovering ─┼── restored ──┤
 * ```
 *
 * `recovering` is the settle time after the last fault of a period was taken back: a mean over `restored` is then not
 * about the moment of return, and what happens in that moment (the probe sees it) is not lost either.
 * Flapping is one period: a path that returns for less than the settle time has not returned. Within a period a new
 * window begins where another fault joins or one ends for good: `degraded-2`, `degraded-3`. A second period gives
 * `degraded-2`, `recovering-2`, `restored-2`.
 * A period in which links are only better than configured is called `changed`.
 * Faults that pass by themselves (`rebind`, `readdress`, `restart`) last as long as the settle time.
 */
import type { WindowInfo } from '../results/schema.js'
import { expectedLoss } from './loss.js'
import type { Direction, Directions, FaultAction, PathSpec, TimedFault } from './types.js'

/** A returned link counts as back after this; also DESIGN's target for carrying traffic again. */
export const SETTLE_MS = 1000

/** From when to when one property of a path (or the subject) is not as configured. */
interface Deviation {
  /** Same key: same fault, e.g. all downs of a flap. */
  key: string
  path: string | null
  startMs: number
  endMs: number
  worse: boolean
  /** Nothing passes in these directions. */
  dead: readonly Direction[]
}

export interface Measured {
  readonly faults: readonly TimedFault[]
  readonly durationMs: number
}

/** In order, disjoint, inside [0, durationMs]; exactly one `healthy` when there is no fault. */
export function windowsOf({ faults, durationMs }: Measured, paths: readonly PathSpec[]): WindowInfo[] {
  const namer = new Namer()
  const windows: WindowInfo[] = []
  const add = (kind: string, startMs: number, endMs: number) => {
    if (endMs > startMs) windows.push({ name: namer.name(kind), startMs, endMs })
  }
  let clean = 'healthy'
  let from = 0
  for (const period of periodsOf(deviationsOf(faults, durationMs, paths))) {
    add(clean, from, Math.min(period.startMs, durationMs))
    for (const { kind, startMs, endMs } of period.pieces) add(kind, startMs, Math.min(endMs, durationMs))
    const settled = period.momentary ? period.endMs : period.endMs + SETTLE_MS
    add('recovering', Math.min(period.endMs, durationMs), Math.min(settled, durationMs))
    clean = 'restored'
    from = Math.min(settled, durationMs)
  }
  add(clean, from, durationMs)
  return windows
}

/** What is known of a path during a window: as configured all the time, dead all the time (in that direction), or neither. */
export function pathState(
  measurement: Measured,
  paths: readonly PathSpec[],
  path: string,
  direction: Directions,
  window: Pick<WindowInfo, 'startMs' | 'endMs'>,
): 'clean' | 'dead' | 'hurt' {
  const all = deviationsOf(measurement.faults, measurement.durationMs, paths).filter((d) => d.path === path)
  const touching = all.filter((d) => d.startMs < window.endMs && d.endMs > window.startMs)
  if (touching.length === 0) return 'clean'
  const needed: Direction[] = direction === 'both' ? ['up', 'down'] : [direction]
  const covers = touching.filter((d) => d.startMs <= window.startMs && d.endMs >= window.endMs)
  return needed.every((way) => covers.some((d) => d.dead.includes(way))) ? 'dead' : 'hurt'
}

class Namer {
  readonly #count = new Map<string, number>()

  name(kind: string): string {
    const n = (this.#count.get(kind) ?? 0) + 1
    this.#count.set(kind, n)
    return n === 1 ? kind : `${kind}-${n}`
  }
}

interface Period {
  startMs: number
  endMs: number
  /** Ends with a fault that passed by itself: its settle time is already inside. */
  momentary: boolean
  pieces: { startMs: number; endMs: number; kind: 'degraded' | 'changed' | 'recovering' }[]
}

/** Groups deviations that follow each other within the settle time. */
function periodsOf(deviations: readonly Deviation[]): Period[] {
  const groups: Deviation[][] = []
  let end = -Infinity
  for (const deviation of [...deviations].sort((a, b) => a.startMs - b.startMs)) {
    if (deviation.startMs > end + SETTLE_MS) groups.push([])
    groups.at(-1)!.push(deviation)
    end = Math.max(end, deviation.endMs)
  }
  return groups.map(periodOf)
}

function periodOf(group: readonly Deviation[]): Period {
  // A flap's downs share a key: the fault lasts from the first to the last of them.
  const extents = new Map<string, { startMs: number; endMs: number; worse: boolean; momentary: boolean }>()
  for (const { key, startMs, endMs, worse, path } of group) {
    const seen = extents.get(key)
    if (seen) seen.endMs = Math.max(seen.endMs, endMs)
    else extents.set(key, { startMs, endMs, worse, momentary: path === null || key.endsWith('momentary') })
  }
  const all = [...extents.values()]
  const startMs = Math.min(...all.map((e) => e.startMs))
  const endMs = Math.max(...all.map((e) => e.endMs))
  const cuts = [...new Set(all.flatMap((e) => [e.startMs, e.endMs]))].sort((a, b) => a - b)
  const pieces = cuts.slice(1).map((cut, i): Period['pieces'][number] => {
    const active = all.filter((e) => e.startMs < cut && e.endMs > cuts[i]!)
    const kind = active.length === 0 ? 'recovering' : active.some((e) => e.worse) ? 'degraded' : 'changed'
    return { startMs: cuts[i]!, endMs: cut, kind }
  })
  return { startMs, endMs, momentary: all.every((e) => e.endMs < endMs || e.momentary), pieces }
}

const BOTH: readonly Direction[] = ['up', 'down']
const ways = (direction: Directions): readonly Direction[] => (direction === 'both' ? BOTH : [direction])

/** Follows the schedule and notes each property that leaves its configured value, and when it returns. */
function deviationsOf(faults: readonly TimedFault[], durationMs: number, paths: readonly PathSpec[]): Deviation[] {
  const done: Deviation[] = []
  const open = new Map<string, Deviation>()
  const close = (slot: string, atMs: number) => {
    const deviation = open.get(slot)
    if (deviation && atMs > deviation.startMs) done.push({ ...deviation, endMs: atMs })
    open.delete(slot)
  }
  const set = (
    slot: string,
    value: unknown,
    path: string,
    atMs: number,
    state: 'same' | 'worse' | 'better',
    dead: readonly Direction[] = [],
  ) => {
    const key = `${slot}=${JSON.stringify(value)}`
    if (open.get(slot)?.key === key) return
    close(slot, atMs)
    if (state !== 'same') open.set(slot, { key, path, startMs: atMs, endMs: Infinity, worse: state === 'worse', dead })
  }
  for (const { atMs, action } of faults) {
    const spec = 'path' in action ? paths.find((p) => p.name === action.path) : undefined
    if (action.verb === 'restart' || action.verb === 'rebind' || action.verb === 'readdress') {
      const path = 'path' in action ? action.path : null
      done.push({
        key: `${action.verb}@${atMs} momentary`,
        path,
        startMs: atMs,
        endMs: atMs + SETTLE_MS,
        worse: true,
        dead: [],
      })
    } else if (action.verb === 'restore') {
      for (const slot of [...open.keys()]) if (open.get(slot)!.path === action.path) close(slot, atMs)
    } else if (spec) apply(action, spec, atMs, set)
  }
  for (const slot of [...open.keys()]) close(slot, Math.max(durationMs, open.get(slot)!.startMs))
  return done
}

type Setter = (
  slot: string,
  value: unknown,
  path: string,
  atMs: number,
  state: 'same' | 'worse' | 'better',
  dead?: readonly Direction[],
) => void

/** One property against its configured value; `compare` > 0: worse. */
const judge = (compare: number) => (compare === 0 ? 'same' : compare > 0 ? 'worse' : 'better')

function apply(action: FaultAction, spec: PathSpec, atMs: number, set: Setter): void {
  const { name } = spec
  const slot = (what: string) => `${name} ${what}`
  switch (action.verb) {
    case 'down':
    case 'up':
      return set(slot('admin'), action.verb, name, atMs, action.verb === 'down' ? 'worse' : 'same', BOTH)
    case 'carrier':
      return set(slot('carrier'), action.on, name, atMs, action.on ? 'same' : 'worse', BOTH)
    case 'mtu':
      return set(slot('mtu'), action.mtu, name, atMs, judge(spec.mtu - action.mtu))
    case 'blackhole':
      for (const way of ways(action.direction)) set(slot(`blackhole ${way}`), true, name, atMs, 'worse', [way])
      return
    case 'loss':
      for (const way of ways(action.direction)) {
        const same = JSON.stringify(action.loss) === JSON.stringify(spec[way].loss)
        // Equal means in different bursts count as worse: the link is not as configured.
        const more = same ? 0 : expectedLoss(action.loss) - expectedLoss(spec[way].loss) || 1
        set(slot(`loss ${way}`), action.loss, name, atMs, judge(more))
      }
      return
    case 'delay':
      for (const way of ways(action.direction))
        set(slot(`delay ${way}`), action.delayMs, name, atMs, judge(action.delayMs - spec[way].delayMs))
      return
    case 'jitter':
      for (const way of ways(action.direction))
        set(slot(`jitter ${way}`), action.jitterMs, name, atMs, judge(action.jitterMs - spec[way].jitterMs))
      return
    case 'rate':
      for (const way of ways(action.direction)) {
        const less = (spec[way].bitsPerSecond ?? Infinity) - (action.bitsPerSecond ?? Infinity)
        set(slot(`rate ${way}`), action.bitsPerSecond, name, atMs, judge(Number.isNaN(less) ? 0 : less))
      }
  }
}
