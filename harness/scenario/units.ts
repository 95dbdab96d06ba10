/**
 * What a scenario file writes as `'300mbit'`, `'10ms'`, `'64kB'`, `'0.3%'`: types that an editor completes, parsers into
 * base units, and formatters back. Numbers without a unit are refused, because `300` says nothing.
 *
 * | what | units | base |
 * |---|---|---|
 * | rate | bit kbit mbit gbit (any case), `'unlimited'` | bits per second, decimal: 1 kbit = 1000 bit |
 * | duration | us ms s m | milliseconds, whole microseconds |
 * | size | B kB MB (decimal) KiB MiB (binary) | bytes |
 * | queue | a size, `'100p'` packets, `'1bdp'` | bytes or packets or multiples of rate × round trip |
 * | percent | % | 0 … 1 |
 */

type RateUnit = 'bit' | 'kbit' | 'mbit' | 'gbit' | 'Kbit' | 'Mbit' | 'Gbit'
export type Rate = `${number}${RateUnit}` | 'unlimited'
export type Duration = `${number}us` | `${number}ms` | `${number}s` | `${number}m`
export type Size = `${number}B` | `${number}kB` | `${number}MB` | `${number}KiB` | `${number}MiB`
export type QueueSize = Size | `${number}p` | `${number}bdp`
export type Percent = `${number}%`

/** A queue limit as written; `bdp` needs the path's rate and round trip to become bytes. */
export type ParsedQueue = { bytes: number } | { packets: number } | { bdp: number }

/** The one error that the parsers throw: `got …; write …`. */
export class UnitError extends Error {
  override readonly name = 'UnitError'
}

const NUMBER = /^(\d+(?:\.\d+)?)([A-Za-z%]+)$/

/** Larger values are typing mistakes: no emulated link reaches 100 Gbit/s, no run lasts a day, no queue holds 1 GB. */
export const MAX_BITS_PER_SECOND = 100e9
export const MAX_DURATION_MS = 24 * 3600e3
export const MAX_BYTES = 1e9
export const MAX_PACKETS = 1e6
export const MAX_BDP = 100

/** How a refused value is quoted: short, one line, whatever it was. */
export function quote(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 40 ? `'${value.slice(0, 37)}…'` : `'${value}'`.replace(/\s/g, ' ')
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value)
  return Array.isArray(value) ? 'a list' : 'an object'
}

/** `[amount, unit]` of `'1.5gbit'`; throws UnitError naming the likely intention. */
function split(value: unknown, example: (amount: string) => string): [number, string] {
  if (typeof value === 'number' || typeof value === 'bigint') {
    throw new UnitError(`got ${String(value)}; write a unit, e.g. '${example(String(value))}'`)
  }
  if (typeof value === 'string' && /^\d+(\.\d+)?$/.test(value.trim())) {
    throw new UnitError(`got ${quote(value)}; write a unit, e.g. '${example(value.trim())}'`)
  }
  const match = typeof value === 'string' ? NUMBER.exec(value) : null
  if (!match) throw new UnitError(`got ${quote(value)}; write a number and a unit, e.g. '${example('10')}'`)
  return [Number(match[1]), match[2]!]
}

function limited(parsed: number, value: unknown, max: number, maxText: string): number {
  if (parsed > max) throw new UnitError(`got ${quote(value)}; the most is '${maxText}'`)
  return parsed
}

const RATE_UNITS: Record<string, number> = { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 }

/** `'300mbit'` → 300e6 bits per second, whole; `'unlimited'` → null. Throws UnitError. */
export function parseRate(value: unknown): number | null {
  if (value === 'unlimited') return null
  const [amount, unit] = split(value, (n) => `${n}mbit`)
  const factor = RATE_UNITS[unit.toLowerCase()]
  if (factor === undefined) {
    throw new UnitError(`got ${quote(value)}; rates end in bit, kbit, mbit or gbit (per second), e.g. '${amount}mbit'`)
  }
  const bits = Math.round(limited(amount * factor, value, MAX_BITS_PER_SECOND, '100gbit'))
  if (bits < 1) throw new UnitError(`got ${quote(value)}; a rate is at least '1bit'; to switch a link off use a fault`)
  return bits
}

const DURATION_UNITS: Record<string, number> = { us: 1, ms: 1e3, s: 1e6, m: 60e6 }

/** `'10ms'` → 10 milliseconds, rounded to whole microseconds; zero is allowed. Throws UnitError. */
export function parseDuration(value: unknown): number {
  const [amount, unit] = split(value, (n) => `${n}ms`)
  const factor = DURATION_UNITS[unit]
  if (factor === undefined) {
    throw new UnitError(`got ${quote(value)}; durations end in us, ms, s or m (minutes), e.g. '${amount}ms'`)
  }
  return limited(Math.round(amount * factor) / 1000, value, MAX_DURATION_MS, '1440m')
}

const SIZE_UNITS: Record<string, number> = { B: 1, kB: 1e3, KB: 1e3, MB: 1e6, KiB: 1024, MiB: 1024 * 1024 }

/** `'64kB'` → 64000 bytes, whole. Throws UnitError. */
export function parseSize(value: unknown): number {
  const [amount, unit] = split(value, (n) => `${n}kB`)
  const factor = SIZE_UNITS[unit]
  if (factor === undefined) {
    throw new UnitError(`got ${quote(value)}; sizes end in B, kB, MB, KiB or MiB (bytes), e.g. '${amount}kB'`)
  }
  return Math.round(limited(amount * factor, value, MAX_BYTES, '1000MB'))
}

/** `'64kB'` → bytes, `'100p'` → packets, `'1bdp'` → multiples of the bandwidth-delay product. Throws UnitError. */
export function parseQueue(value: unknown): ParsedQueue {
  const [amount, unit] = split(value, (n) => `${n}p`)
  let parsed: ParsedQueue
  if (unit === 'p') parsed = { packets: limited(amount, value, MAX_PACKETS, '1000000p') }
  else if (unit === 'bdp') parsed = { bdp: limited(amount, value, MAX_BDP, '100bdp') }
  else if (SIZE_UNITS[unit] !== undefined) parsed = { bytes: parseSize(value) }
  else throw new UnitError(`got ${quote(value)}; write '1bdp' (rate × round trip), '100p' (packets) or '64kB'`)
  if ('packets' in parsed && !Number.isInteger(parsed.packets)) {
    throw new UnitError(`got ${quote(value)}; packets are whole, e.g. '${Math.ceil(amount)}p'`)
  }
  if (Object.values(parsed)[0]! <= 0) throw new UnitError(`got ${quote(value)}; a queue holds at least '1p'`)
  return parsed
}

/** `'0.3%'` → 0.003. Throws UnitError outside 0 … 100 %. */
export function parsePercent(value: unknown): number {
  const [amount, unit] = split(value, (n) => `${n}%`)
  if (unit !== '%') throw new UnitError(`got ${quote(value)}; write a percentage, e.g. '${amount}%'`)
  if (amount > 100) throw new UnitError(`got ${quote(value)}; the most is '100%'`)
  return tidy(amount / 100)
}

/** Removes the last bits of binary rounding: 0.1 + 0.2 → 0.3. */
function tidy(value: number): number {
  return Number(value.toPrecision(14))
}

/** The largest unit in which `value` has at most three decimals. */
function inUnits(value: number, units: Record<string, number>): string {
  const sorted = Object.entries(units).sort((a, b) => b[1] - a[1])
  for (const [unit, factor] of sorted) {
    const amount = tidy(value / factor)
    if (amount >= 1 && /^\d+(\.\d{1,3})?$/.test(String(amount))) return `${amount}${unit}`
  }
  const [unit, factor] = sorted.at(-1)!
  return `${tidy(value / factor)}${unit}`
}

/** 300e6 → `'300mbit'`; null → `'unlimited'`. */
export function formatRate(bitsPerSecond: number | null): string {
  return bitsPerSecond === null ? 'unlimited' : inUnits(bitsPerSecond, RATE_UNITS)
}

/** 10 → `'10ms'`, 2000 → `'2s'`, 0 → `'0ms'`. */
export function formatDuration(ms: number): string {
  return ms === 0
    ? '0ms'
    : inUnits(Math.round(ms * 1000), ms >= 60e3 && ms % 60e3 === 0 ? DURATION_UNITS : { us: 1, ms: 1e3, s: 1e6 })
}

/** 64000 → `'64kB'`. */
export function formatSize(bytes: number): string {
  return inUnits(bytes, { B: 1, kB: 1e3, MB: 1e6 })
}

/** `{packets: 100}` → `'100p'`, `{bytes: 64000}` → `'64kB'`. */
export function formatQueue(queue: ParsedQueue): string {
  if ('packets' in queue) return `${queue.packets}p`
  return 'bdp' in queue ? `${queue.bdp}bdp` : formatSize(queue.bytes)
}

/** 0.003 → `'0.3%'`. */
export function formatPercent(share: number): string {
  return `${tidy(share * 100)}%`
}
