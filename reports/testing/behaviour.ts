/**
 * How each subject of the fixture behaves: numbers close to what was seen on real kernels with
 * 300 Mbit/s 10 ms + 80 Mbit/s 30 ms. Rates in Mbit/s, times in ms.
 */
import type { Measurement } from '../../harness/results/schema.js'

export interface Behaviour {
  id: string
  kind: string
  label: string
  version: string | null
  paths: string[]
  /** Goodput per number of streams. */
  bulk: Record<number, number>
  /** Goodput while path a, or b, is down. */
  without: Record<string, number>
  /** Longest gap when path a, or b, goes down; 0: nothing is noticed. */
  outageMs: Record<string, number>
  /** One-way delay under load, 95th percentile. */
  loadedMs: number
  idleMs: number
  /** CPU seconds per gigabyte of its own processes; null: it has none. */
  cpuPerGigabyte: number | null
  /** Share of its traffic on path a while both are up. */
  shareOfA: number
}

export const behaviours: readonly Behaviour[] = [
  {
    id: 'direct:a',
    kind: 'direct',
    label: 'path a alone, no VPN',
    version: null,
    paths: ['a'],
    bulk: { 1: 284, 4: 286, 16: 286 },
    without: { a: 0, b: 286 },
    outageMs: { a: 6000, b: 0 },
    loadedMs: 48,
    idleMs: 10.1,
    cpuPerGigabyte: null,
    shareOfA: 1,
  },
  {
    id: 'direct:b',
    kind: 'direct',
    label: 'path b alone, no VPN',
    version: null,
    paths: ['b'],
    bulk: { 1: 75, 4: 76, 16: 76.2 },
    without: { a: 76, b: 0 },
    outageMs: { a: 0, b: 6000 },
    loadedMs: 112,
    idleMs: 30.1,
    cpuPerGigabyte: null,
    shareOfA: 0,
  },
  {
    id: 'mqvpn',
    kind: 'mqvpn',
    label: 'mqvpn, scheduler wlb',
    version: 'mqvpn 0.1.0',
    paths: ['a', 'b'],
    bulk: { 1: 331, 4: 341, 16: 339 },
    without: { a: 72.5, b: 271 },
    outageMs: { a: 38, b: 31 },
    loadedMs: 27,
    idleMs: 10.4,
    cpuPerGigabyte: 2.3,
    shareOfA: 0.79,
  },
  {
    id: 'mptcp',
    kind: 'mptcp',
    label: 'kernel MPTCP (mptcpize)',
    version: 'mptcpize 0.12',
    paths: ['a', 'b'],
    bulk: { 1: 342, 4: 352, 16: 356 },
    without: { a: 75.5, b: 285 },
    outageMs: { a: 212, b: 198 },
    loadedMs: 74,
    idleMs: 10.2,
    cpuPerGigabyte: null,
    shareOfA: 0.8,
  },
]

/** Mean goodput of a window, Mbit/s. */
export function goodputOf(behaviour: Behaviour, measurement: Measurement, window: string): number {
  const healthy = behaviour.bulk[measurement.streams] ?? 0
  if (window === 'degraded') return behaviour.without[brokenPath(measurement) ?? ''] ?? 0
  return window === 'restored' ? healthy * 0.965 : healthy
}

/** The path that the measurement's faults break, or null. */
export function brokenPath(measurement: Measurement): string | null {
  return measurement.faults[0]?.path ?? null
}
