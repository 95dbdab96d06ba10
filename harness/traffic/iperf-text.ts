/**
 * Reads a line of iperf3's text output (`--forceflush --format k --interval 0.1`). A line is printed when its interval
 * ends, so whatever happens to the test later, what was measured is there.
 */
import type { IperfInterval } from './iperf-interval.js'

// [  5]   0.10-0.20   sec   202 MBytes  16971354 Kbits/sec                  (omitted)
// [SUM][TX-C]   0.10-0.20   sec  60.0 MBytes  4854472 Kbits/sec    0   2.62 MBytes
// [  5]   0.10-0.20   sec   245 KBytes  20064 Kbits/sec  0.033 ms  0/228 (0%)
const LINE =
  /^\[\s*(\d+|SUM)\](?:\[([TR])X-[CS]\])?\s+([\d.]+)\s*-\s*([\d.]+)\s+sec\s+\S+\s+[KMGTP]?Bytes\s+(\S+)\s+([KMGTP]?)bits\/sec(.*)$/
const DATAGRAMS = /^\s*(\S+)\s+ms\s+(-?\d+)\/(-?\d+)/
/** A TCP sender prints retransmits (and its window, but not on sums), a UDP sender the number of datagrams. */
const COUNT = /^\s*(\d+)\b(?!\.)/
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 }

export interface IperfTest {
  protocol: 'tcp' | 'udp'
  /** Per direction: with several, only the sums are read. */
  streams: number
  /** What this end does in a test in one direction; lines of `--bidir` say it themselves. */
  direction: IperfInterval['direction']
}

/** @returns null for everything else that iperf3 prints */
export function parseIperfLine(line: string, test: IperfTest): IperfInterval | null {
  const match = LINE.exec(line)
  if (!match) return null
  const [, stream, way, start, end, rate, unit, rest = ''] = match
  if ((stream === 'SUM') !== test.streams > 1) return null
  if (/\b(sender|receiver)\s*$/.test(rest)) return null
  const direction = way === undefined ? test.direction : way === 'R' ? 'received' : 'sent'
  const [startMs, endMs] = [Number(start) * 1000, Number(end) * 1000]
  if (!Number.isFinite(startMs) || !Number.isFinite(endMs) || endMs < startMs) return null
  const received = DATAGRAMS.exec(rest)
  const sent = direction === 'sent' ? COUNT.exec(rest) : null
  return {
    startMs,
    endMs,
    omitted: rest.includes('(omitted)'),
    direction,
    bitsPerSecond: Math.max(0, finite(rate)) * (UNITS[unit ?? ''] ?? 1),
    retransmits: test.protocol === 'tcp' && sent ? Number(sent[1]) : null,
    udp:
      test.protocol === 'tcp'
        ? null
        : received && direction === 'received'
          ? { total: Math.max(0, Number(received[3])), lost: Number(received[2]), jitterMs: finite(received[1]) }
          : sent
            ? { total: Number(sent[1]), lost: null, jitterMs: null }
            : null,
  }
}

/**
 * When the interval of a line ended, ms after the test began; any stream's line, or the sum's. iperf3 flushes behind each
 * stream's line but not behind the sum, which so comes an interval late: only the streams' lines tell the time.
 */
export function parseIperfTime(line: string): number | null {
  const match = LINE.exec(line)
  if (!match || /\b(sender|receiver)\s*$/.test(match[7] ?? '')) return null
  const endMs = Number(match[4]) * 1000
  return Number.isFinite(endMs) ? endMs : null
}

/** What iperf3 says when it gives up, without its name; null for every other line. */
export function parseIperfError(line: string): string | null {
  return /^iperf3: (?:error - |interrupt - )?(.+)$/.exec(line)?.[1] ?? null
}

/** iperf3 prints `-nan` for a rate over no time. */
function finite(text: string | undefined): number {
  const value = Number(text)
  return Number.isFinite(value) ? value : 0
}
