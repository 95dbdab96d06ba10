/**
 * The fault schedule: `at('10s').blackhole('a', 'up')`. Times count from the start of the measured traffic (after what is
 * omitted); `at('start')` is before the subject itself is started, which then has to come up in spite of the fault.
 * Builders of plain data; `faults.ts` validates and resolves it.
 */
import type { LossInput } from './loss.js'
import type { Directions } from './types.js'
import type { Duration, Percent, Rate } from './units.js'

export interface FlapOptions {
  /** One cycle: first down, then up. */
  period: Duration
  /** Share of each cycle in which the path works. Default `'50%'`. */
  duty?: Percent
  /** How long it goes on; the path is up afterwards. */
  for: Duration
}

type Verbs<N extends string> =
  | { verb: 'down' | 'up' | 'restore' | 'rebind' | 'readdress'; path: N }
  | { verb: 'carrier'; path: N; state: 'on' | 'off' }
  | { verb: 'blackhole'; path: N; direction: Directions }
  | { verb: 'loss'; path: N; direction: Directions; loss: LossInput }
  | { verb: 'delay'; path: N; direction: Directions; delay: Duration }
  | { verb: 'rate'; path: N; direction: Directions; rate: Rate }
  | { verb: 'jitter'; path: N; direction: Directions; jitter: Duration }
  | { verb: 'mtu'; path: N; mtu: number; silent: boolean }
  | ({ verb: 'flap'; path: N } & FlapOptions)
  | { verb: 'restart'; side: 'client' | 'server' }

/** One entry of a schedule; N are the path names that it mentions. */
export type FaultInput<N extends string = string> = { readonly at: Duration | 'start' } & Readonly<Verbs<N>>

export interface At {
  /** Takes the device down on both ends, as an administrator would; addresses and routes go with it. */
  down<N extends string>(path: N): FaultInput<N>
  /** Takes it up again, with its addresses and routes. */
  up<N extends string>(path: N): FaultInput<N>
  /** Pulls the cable (`'off'`) or puts it back: the kernel is told. */
  carrier<N extends string>(path: N, state: 'on' | 'off'): FaultInput<N>
  /** Everything vanishes while carrier stays: nobody is told. Default both directions. */
  blackhole<N extends string>(path: N, direction?: Directions): FaultInput<N>
  /** Back to what the scenario configures, in every respect. */
  restore<N extends string>(path: N): FaultInput<N>
  loss<N extends string>(path: N, loss: LossInput, direction?: Directions): FaultInput<N>
  delay<N extends string>(path: N, delay: Duration, direction?: Directions): FaultInput<N>
  /** The queue keeps its size in bytes or packets. */
  rate<N extends string>(path: N, rate: Rate, direction?: Directions): FaultInput<N>
  jitter<N extends string>(path: N, jitter: Duration, direction?: Directions): FaultInput<N>
  /** Down and up in turn. */
  flap<N extends string>(path: N, options: FlapOptions): FaultInput<N>
  /** A NAT forgets: the server sees the same client on a new port. */
  rebind<N extends string>(path: N): FaultInput<N>
  /** The client's address on this path is replaced by another one. */
  readdress<N extends string>(path: N): FaultInput<N>
  /** silent: larger packets vanish without an ICMP message (a path-MTU black hole); else the device's MTU is set. */
  mtu<N extends string>(path: N, mtu: number, options?: { silent?: boolean }): FaultInput<N>
  /** Ends and starts one side of the subject. */
  restart(side: 'client' | 'server'): FaultInput<never>
}

/** What can be there before anything else is: the condition of a path. */
export type AtStart = Pick<At, 'down' | 'carrier' | 'blackhole' | 'loss' | 'delay' | 'rate' | 'jitter' | 'mtu'>

/** @param time after the start of the measured traffic; `'start'`: before the subject starts, for which it starts anew */
export function at(time: 'start'): AtStart
export function at(time: Duration): At
export function at(time: Duration | 'start'): At {
  return {
    down: (path) => ({ at: time, verb: 'down', path }),
    up: (path) => ({ at: time, verb: 'up', path }),
    carrier: (path, state) => ({ at: time, verb: 'carrier', path, state }),
    blackhole: (path, direction = 'both') => ({ at: time, verb: 'blackhole', path, direction }),
    restore: (path) => ({ at: time, verb: 'restore', path }),
    loss: (path, loss, direction = 'both') => ({ at: time, verb: 'loss', path, loss, direction }),
    delay: (path, delay, direction = 'both') => ({ at: time, verb: 'delay', path, delay, direction }),
    rate: (path, rate, direction = 'both') => ({ at: time, verb: 'rate', path, rate, direction }),
    jitter: (path, jitter, direction = 'both') => ({ at: time, verb: 'jitter', path, jitter, direction }),
    flap: (path, options) => ({ at: time, verb: 'flap', path, ...options }),
    rebind: (path) => ({ at: time, verb: 'rebind', path }),
    readdress: (path) => ({ at: time, verb: 'readdress', path }),
    mtu: (path, mtu, options = {}) => ({ at: time, verb: 'mtu', path, mtu, silent: options.silent ?? false }),
    restart: (side) => ({ at: time, verb: 'restart', side }),
  }
}
