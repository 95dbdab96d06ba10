/**
 * What the probe felt. Pure: the records of both ends and the windows in, figures out.
 *
 * A packet belongs to the window in which it was sent; an arrival (for gaps) to the window in which it came. All times
 * of records are CLOCK_MONOTONIC ms, windows are relative to `zeroMs`.
 */
import type { ProbeResult, ProbeWindow, WindowInfo } from '../results/schema.js'
import type { Direction } from '../scenario/types.js'
import { quantileSorted } from '../stats/quantile.js'
import type { ProbeRecords, ReceivedPacket, SentPacket } from './probe-records.js'

export interface ProbeResultInput {
  records: ProbeRecords
  protocol: 'udp' | 'tcp'
  intervalMs: number
  windows: readonly WindowInfo[]
  /** 0 of the windows. */
  zeroMs: number
  /** When the probe ran alone, CLOCK_MONOTONIC ms; nothing when the two are equal. */
  idle: { fromMs: number; toMs: number }
}

/** Enough points for a curve without steps. */
export const ECDF_POINTS = 500
const DIRECTIONS = ['up', 'down'] as const
/** A packet that is under way when the probe ends is not lost; one that takes longer than this is. */
const LONGEST_WAIT_MS = 1000

export function probeResult({ records, protocol, intervalMs, windows, zeroMs, idle }: ProbeResultInput): ProbeResult {
  const flights = { up: flightsOf(records, 'up'), down: flightsOf(records, 'down') }
  const startMs = Math.min(...windows.map((window) => window.startMs)) + zeroMs
  const endMs = Math.max(...windows.map((window) => window.endMs)) + zeroMs
  const idleDelays = (direction: Direction): number[] => delaysBetween(flights[direction], idle.fromMs, idle.toMs)
  const loaded = DIRECTIONS.flatMap((direction) => delaysBetween(flights[direction], startMs, endMs))
  return {
    protocol,
    intervalMs,
    windows: windows.flatMap((window) =>
      DIRECTIONS.map((direction) => probeWindow(flights[direction], direction, window, zeroMs)),
    ),
    idleP50Ms: { up: quantileOrNull(idleDelays('up'), 0.5), down: quantileOrNull(idleDelays('down'), 0.5) },
    ecdf: { idle: thin(DIRECTIONS.flatMap(idleDelays)), loaded: thin(loaded) },
  }
}

/**
 * All packets of one direction, whole run: the delays of those that arrived, in the order of sending. Packets that may
 * still have been under way when the probe ended do not count.
 */
export function oneWayDelays(
  records: ProbeRecords,
  direction: Direction,
): { delaysMs: number[]; sent: number; lost: number } {
  const { packets } = flightsOf(records, direction)
  const delaysMs = packets.flatMap(({ delayMs }) => (delayMs === null ? [] : [delayMs]))
  return { delaysMs, sent: packets.length, lost: packets.length - delaysMs.length }
}

/** One packet that was sent, and what became of it. */
interface Flight {
  txMs: number
  /** Of its first copy; null: lost. */
  delayMs: number | null
  /** Copies that came after the first. */
  duplicates: number
  /** By how many sequence numbers it came after a later one; 0: in order. */
  depth: number
}

interface Flights {
  /** In the order of sending. */
  packets: Flight[]
  /** Every arrival, copies too, in the order of time. */
  arrivals: readonly ReceivedPacket[]
  /** Between two packets of the sender's schedule. */
  intervalMs: number
  /** From when to when arrivals are to be expected at all: the first and last sending, plus the path's least delay. */
  dueFromMs: number
  dueToMs: number
}

function flightsOf(records: ProbeRecords, direction: Direction): Flights {
  const [from, to] = direction === 'up' ? [records.client, records.server] : [records.server, records.client]
  // In the order in which they were read, which is the socket's: packets of one batch have the same time but for rounding.
  const arrivals = to.received
  const copies = new Map<number, { first: ReceivedPacket; duplicates: number; depth: number }>()
  let highest = -1
  for (const packet of arrivals) {
    const seen = copies.get(packet.seq)
    if (seen) {
      ++seen.duplicates
      continue
    }
    copies.set(packet.seq, { first: packet, duplicates: 0, depth: Math.max(0, highest - packet.seq) })
    highest = Math.max(highest, packet.seq)
  }
  const delays = [...copies.values()].map(({ first }) => first.rxMs - first.txMs)
  const leastMs = delays.reduce((a, b) => Math.min(a, b), Infinity)
  const endMs = to.header ? to.header.endNs / 1e6 : (arrivals.at(-1)?.rxMs ?? Infinity)
  const lastCertainMs = endMs - underWayMs(arrivals, endMs, leastMs)
  const sent = from.sent.filter((packet) => packet.txMs <= lastCertainMs || copies.has(packet.seq))
  const addMs = Number.isFinite(leastMs) ? leastMs : 0
  return {
    packets: sent.map((packet) => flightOf(packet, copies.get(packet.seq))),
    arrivals: arrivals.toSorted((a, b) => a.rxMs - b.rxMs),
    intervalMs: (from.header?.intervalUs ?? Infinity) / 1000,
    dueFromMs: (sent[0]?.txMs ?? Infinity) + addMs,
    dueToMs: (sent.at(-1)?.txMs ?? -Infinity) + addMs,
  }
}

/** For how long before the end a packet may have been sent and still be under way: as long as the latest ones took. */
function underWayMs(arrivals: readonly ReceivedPacket[], endMs: number, leastMs: number): number {
  const latest = arrivals.filter((packet) => packet.rxMs > endMs - LONGEST_WAIT_MS)
  const mostMs = latest.reduce((most, packet) => Math.max(most, packet.rxMs - packet.txMs), 0)
  return latest.length > 0 ? Math.min(mostMs, LONGEST_WAIT_MS) : Math.min(leastMs, LONGEST_WAIT_MS)
}

function flightOf(
  packet: SentPacket,
  copy: { first: ReceivedPacket; duplicates: number; depth: number } | undefined,
): Flight {
  return {
    txMs: packet.txMs,
    delayMs: copy ? copy.first.rxMs - packet.txMs : null,
    duplicates: copy?.duplicates ?? 0,
    depth: copy?.depth ?? 0,
  }
}

/**
 * - `sent`: packets that fell due in the window, also those that the kernel refused (no route, device down): a person
 *   talking would have lost them too. `received` of these arrived at least once; `lost` = `sent` − `received`.
 * - `duplicated`: copies beyond the first. `reordered`: packets that came after one with a higher sequence number.
 * - `longestGapMs`: see `longestGap`.
 */
function probeWindow(flights: Flights, direction: Direction, window: WindowInfo, zeroMs: number): ProbeWindow {
  const packets = between(flights, window.startMs + zeroMs, window.endMs + zeroMs)
  const delays = ascending(packets.flatMap(({ delayMs }) => (delayMs === null ? [] : [delayMs])))
  const reordered = packets.filter(({ depth }) => depth > 0)
  return {
    window: window.name,
    direction,
    sent: packets.length,
    received: delays.length,
    lost: packets.length - delays.length,
    duplicated: packets.reduce((sum, packet) => sum + packet.duplicates, 0),
    reordered: reordered.length,
    reorderDepth: reordered.reduce((most, packet) => Math.max(most, packet.depth), 0),
    longestGapMs: longestGap(flights, window.startMs + zeroMs, window.endMs + zeroMs),
    delayP50Ms: quantileOrNull(delays, 0.5),
    delayP95Ms: quantileOrNull(delays, 0.95),
    delayP99Ms: quantileOrNull(delays, 0.99),
  }
}

/**
 * The longest time in [fromMs, toMs] without an arrival. It counts from the window's start to the first arrival and from
 * the last one to its end too (a window in which nothing arrives is one gap), but only while arrivals were due: not
 * before the first packet of the run could arrive, not after the last, and less the time for which the probe itself was
 * kept from sending by a busy machine. null: none was due in the window at all.
 */
function longestGap(flights: Flights, fromMs: number, toMs: number): number | null {
  const start = Math.max(fromMs, flights.dueFromMs)
  const end = Math.min(toMs, flights.dueToMs)
  if (!(end > start)) return null
  const inside = flights.arrivals.filter(({ rxMs }) => rxMs > start && rxMs < end)
  let longest = 0
  for (let i = 0; i <= inside.length; ++i) {
    const [before, after] = [inside[i - 1], inside[i]]
    const gap = (after?.rxMs ?? end) - (before?.rxMs ?? start)
    if (gap <= longest) continue
    // What the gap is in the sender's time: between the two packets; at an edge, as long before or after the one.
    const txFrom = before?.txMs ?? (after ? after.txMs - gap : start)
    const txTo = after?.txMs ?? (before ? before.txMs + gap : end)
    longest = Math.max(longest, gap - stall(flights, txFrom, txTo))
  }
  return longest
}

/** For how long, beyond its interval, the sender paused at most between two times; those of its packets included. */
function stall({ packets, intervalMs }: Flights, txFromMs: number, txToMs: number): number {
  let longest = 0
  for (let i = firstSince(packets, txFromMs); i < packets.length; ++i) {
    const { txMs } = packets[i]!
    const before = packets[i - 1]
    if (before) longest = Math.max(longest, Math.min(txMs, txToMs) - Math.max(before.txMs, txFromMs))
    if (txMs >= txToMs) break
  }
  return Math.max(0, longest - intervalMs)
}

/** Index of the first packet sent at that time or later. */
function firstSince(packets: readonly Flight[], atMs: number): number {
  let [low, high] = [0, packets.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (packets[middle]!.txMs < atMs) low = middle + 1
    else high = middle
  }
  return low
}

function between({ packets }: Flights, fromMs: number, toMs: number): Flight[] {
  return packets.filter(({ txMs }) => txMs >= fromMs && txMs < toMs)
}

function delaysBetween(flights: Flights, fromMs: number, toMs: number): number[] {
  return ascending(between(flights, fromMs, toMs).flatMap(({ delayMs }) => (delayMs === null ? [] : [delayMs])))
}

function ascending(values: number[]): number[] {
  return values.sort((a, b) => a - b)
}

function quantileOrNull(sorted: readonly number[], p: number): number | null {
  return sorted.length > 0 ? quantileSorted(sorted, p) : null
}

/** At most `ECDF_POINTS` of the values, evenly spread over their ranks, least and greatest among them. Sorted. */
function thin(values: number[]): number[] {
  const sorted = ascending(values)
  if (sorted.length <= ECDF_POINTS) return sorted
  const step = (sorted.length - 1) / (ECDF_POINTS - 1)
  return Array.from({ length: ECDF_POINTS }, (_, index) => sorted[Math.round(index * step)]!)
}
