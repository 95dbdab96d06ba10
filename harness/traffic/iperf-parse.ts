/**
 * Reads iperf3's JSON output, however it ended. Known ways to be broken: invalid JSON with nan and inf (esnet/iperf#613,
 * #826), text behind it (#1143, #1631), nothing or half of it after a crash (#1776), an error instead of results,
 * 2^64 − n for a negative count of datagrams.
 */
import { tile, type IperfInterval } from './iperf-interval.js'
import { parseTolerant } from './tolerant-json.js'

export interface IperfReport {
  /** Mean over the test without the omitted part, received bytes; null when no receiver's figure is there. */
  goodputBitsPerSecond: number | null
  /** What this end received (or sent, when it is only a sender), from the end of the omitted part; `atMs` ends the interval. */
  series: { atMs: number; bitsPerSecond: number }[]
  retransmits: number | null
  udp: { sent: number; lost: number; jitterMs: number } | null
  /** Everything that was printed per interval, omitted part included. */
  intervals: IperfInterval[]
  /** One line, or null. */
  problem: string | null
}

type Json = Readonly<Record<string, unknown>>

/** @param text everything that `iperf3 --json` printed; standard error may be mixed in */
export function parseIperfJson(text: string): IperfReport {
  const { documents, truncated } = parseTolerant(text)
  const objects = documents.map(object)
  // A server without `--one-off`, or a client tried twice, prints a document per test: the one with most to say counts.
  const best = objects.reduce<Json>(
    (a, b) => (list(b['intervals']).length > list(a['intervals']).length ? b : a),
    objects[0] ?? {},
  )
  const end = object(best['end'])
  const intervals = list(best['intervals']).flatMap((one) => readIntervals(object(one)))
  const measured = intervals.filter((interval) => !interval.omitted)
  const received = tile(measured.filter((interval) => interval.direction === 'received'))
  const shown = received.length > 0 ? received : tile(measured.filter((interval) => interval.direction === 'sent'))
  return {
    goodputBitsPerSecond: goodput(end, received),
    series: shown.map(({ endMs, bitsPerSecond }) => ({ atMs: endMs, bitsPerSecond })),
    retransmits: retransmits(end, measured),
    udp: datagrams(end, measured),
    intervals,
    problem: problem(objects, best, truncated, text),
  }
}

function problem(objects: Json[], best: Json, truncated: boolean, text: string): string | null {
  const error = objects.map((document) => document['error']).find((said) => typeof said === 'string' && said !== '')
  if (typeof error === 'string') return `iperf3: ${error.split('\n')[0] ?? ''}`
  const intervals = list(best['intervals']).length
  if (objects.length === 0) {
    const said = text.trim().split('\n')[0] ?? ''
    return said === '' ? 'iperf3 printed nothing' : `iperf3 printed no JSON: ${said.slice(0, 200)}`
  }
  if (truncated) return `iperf3's JSON is cut off after ${intervals} intervals`
  if (Object.keys(object(best['end'])).length === 0) return `iperf3's JSON has no end: ${intervals} intervals`
  return null
}

function readIntervals(interval: Json): IperfInterval[] {
  return [interval['sum'], interval['sum_bidir_reverse']].flatMap((value) => {
    const sum = object(value)
    const startMs = seconds(sum['start'])
    const endMs = seconds(sum['end'])
    if (startMs === null || endMs === null) return []
    const packets = count(sum['packets'])
    return [
      {
        startMs,
        endMs,
        omitted: sum['omitted'] === true,
        direction: sum['sender'] === true ? 'sent' : 'received',
        bitsPerSecond: Math.max(0, number(sum['bits_per_second']) ?? 0),
        retransmits: count(sum['retransmits']),
        udp:
          packets === null
            ? null
            : { total: packets, lost: integer(sum['lost_packets']), jitterMs: number(sum['jitter_ms']) },
      },
    ]
  })
}

function goodput(end: Json, received: readonly IperfInterval[]): number | null {
  const sums = ['sum_received', 'sum_received_bidir_reverse'].map((key) => object(end[key]))
  const total = sums.reduce((sum, one) => sum + (number(one['bits_per_second']) ?? 0), 0)
  if (total > 0) return total
  const last = received.at(-1)
  if (!last) return null
  const bits = received.reduce((sum, { startMs, endMs, bitsPerSecond }) => sum + bitsPerSecond * (endMs - startMs), 0)
  return bits / last.endMs
}

function retransmits(end: Json, measured: readonly IperfInterval[]): number | null {
  const said = ['sum_sent', 'sum_sent_bidir_reverse'].map((key) => count(object(end[key])['retransmits']))
  const ends = said.filter((value) => value !== null)
  const counts = ends.length > 0 ? ends : measured.flatMap(({ retransmits: value }) => (value === null ? [] : [value]))
  return counts.length > 0 ? counts.reduce((a, b) => a + b, 0) : null
}

function datagrams(end: Json, measured: readonly IperfInterval[]): IperfReport['udp'] {
  const sum = object(end['sum'])
  const sent = count(sum['packets'])
  const lost = integer(sum['lost_packets'])
  if (sent !== null && lost !== null) return { sent, lost: Math.max(0, lost), jitterMs: number(sum['jitter_ms']) ?? 0 }
  return sumDatagrams(measured)
}

/** What receivers counted in some intervals; null when no receiver of datagrams is among them. */
export function sumDatagrams(intervals: readonly IperfInterval[]): IperfReport['udp'] {
  const counted = intervals.flatMap(({ udp, direction }) => (udp && direction === 'received' ? [udp] : []))
  if (counted.length === 0) return null
  const jitters = counted.flatMap(({ jitterMs, total }) => (jitterMs !== null && total > 0 ? [jitterMs] : []))
  return {
    sent: counted.reduce((sum, { total }) => sum + total, 0),
    lost: Math.max(
      0,
      counted.reduce((sum, { lost }) => sum + (lost ?? 0), 0),
    ),
    jitterMs: jitters.length > 0 ? jitters.reduce((a, b) => a + b, 0) / jitters.length : 0,
  }
}

function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function number(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function integer(value: unknown): number | null {
  return Number.isSafeInteger(value) ? (value as number) : null
}

function count(value: unknown): number | null {
  const found = integer(value)
  return found !== null && found >= 0 ? found : null
}

function seconds(value: unknown): number | null {
  const found = number(value)
  return found === null ? null : found * 1000
}
