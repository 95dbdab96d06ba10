/** Paths for tests, without going through a scenario file. */
import type { DirectionSpec, PathSpec } from '../scenario/types.js'

export function directionOf(change: Partial<DirectionSpec> = {}): DirectionSpec {
  return {
    bitsPerSecond: 100e6,
    trace: null,
    delayMs: 5,
    jitterMs: 0,
    jitterReorders: false,
    loss: null,
    reorder: 0,
    duplicate: 0,
    queue: { packets: 200 },
    aqm: 'droptail',
    ...change,
  }
}

/** The same in both directions. */
export function pathOfTest(name: string, change: Partial<DirectionSpec> = {}): PathSpec {
  return { name, up: directionOf(change), down: directionOf(change), mtu: 1500 }
}
