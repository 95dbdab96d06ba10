/** A seeded source of numbers for fixtures: the same seed gives the same result on every machine. */
export interface Random {
  /** Uniform, 0 ≤ x < 1. */
  uniform(): number
  normal(mean: number, deviation: number): number
}

/** mulberry32: small, even, and good enough for data that only has to look real. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const normal = (mean: number, deviation: number): number => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
    return mean + deviation * radius * Math.cos(2 * Math.PI * uniform())
  }
  return { uniform, normal }
}
