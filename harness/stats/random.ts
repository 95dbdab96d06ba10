/**
 * Seeded pseudo-random numbers: xoshiro128** 1.1 (Blackman and Vigna, 2018), its state filled by SplitMix32 from one
 * 32-bit seed. The same seed gives the same run order on every machine and version of Node; not for secrets.
 */

export interface Random {
  /** The next 32 bits, 0 … 2^32 − 1. */
  next(): number
  /** Whole, uniform in 0 … bound − 1. */
  below(bound: number): number
}

const rotl = (x: number, k: number) => (x << k) | (x >>> (32 - k))

/** SplitMix32: turns any seed, also 0, into well mixed words. */
function splitMix(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return (z ^ (z >>> 15)) >>> 0
  }
}

/** @param seed its low 32 bits count */
export function randomFrom(seed: number): Random {
  const mix = splitMix(seed)
  let [a, b, c, d] = [mix(), mix(), mix(), mix()]
  const next = () => {
    const result = Math.imul(rotl(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotl(d, 11)
    return result
  }
  return {
    next,
    below(bound) {
      // Values past the last whole multiple of `bound` would favour small results.
      const limit = 2 ** 32 - (2 ** 32 % bound)
      let value = next()
      while (value >= limit) value = next()
      return value % bound
    },
  }
}

/** A new list in random order (Fisher–Yates). */
export function shuffled<T>(list: readonly T[], random: Random): T[] {
  const result = [...list]
  for (let i = result.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[result[i], result[j]] = [result[j]!, result[i]!]
  }
  return result
}
