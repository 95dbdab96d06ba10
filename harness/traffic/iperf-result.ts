/** What both ends of an iperf3 test saw, as one result. Pure. */
import type { LoadSpec } from '../scenario/types.js'
import { addSeries, resample, type Point } from './goodput-series.js'
import type { IperfInterval } from './iperf-interval.js'
import { sumDatagrams } from './iperf-parse.js'
import type { LoadResult } from './types.js'

/** One direction of the test. */
export interface Flow {
  /** As the receiver saw it; ms since the receiver's test began. */
  received: readonly IperfInterval[]
  /** As the sender saw it; ms since the sender's test began. Empty when its output was lost. */
  sent: readonly IperfInterval[]
  /** 0 of the result, in the receiver's time. */
  zeroMs: number
}

/** A receiver that has seen nothing for this long before the end was cut off, and does not know what it has lost. */
const SILENCE_MS = 300

export function loadResult(load: LoadSpec, flows: readonly Flow[]): Pick<LoadResult, 'series' | 'retransmits' | 'udp'> {
  const any = flows.some((flow) => flow.received.length > 0)
  return {
    series: any ? addSeries(flows.map((flow) => seriesOf(flow, load.durationMs))) : [],
    retransmits: load.kind === 'tcp' ? retransmitsOf(load, flows) : null,
    udp: load.kind === 'udp' && any ? udpOf(load, flows) : null,
  }
}

function seriesOf({ received, zeroMs }: Flow, durationMs: number): Point[] {
  const shifted = received.map(({ startMs, endMs, bitsPerSecond }) => ({
    startMs: startMs - zeroMs,
    endMs: endMs - zeroMs,
    bitsPerSecond,
  }))
  return resample(shifted, durationMs)
}

function retransmitsOf(load: LoadSpec, flows: readonly Flow[]): number | null {
  const counts = flows.flatMap(({ sent, zeroMs }) =>
    measured(sent, zeroMs, load.durationMs).flatMap(({ retransmits }) => (retransmits === null ? [] : [retransmits])),
  )
  return counts.length > 0 ? counts.reduce((a, b) => a + b, 0) : null
}

/**
 * The receiver counts by the datagrams' numbers: what is lost shows when the next one arrives. When none does until the
 * end (a path that died and stayed dead), what the sender has sent beyond that is added.
 */
function udpOf(load: LoadSpec, flows: readonly Flow[]): LoadResult['udp'] {
  let sent = 0
  let lost = 0
  const jitters: number[] = []
  for (const flow of flows) {
    const intervals = measured(flow.received, flow.zeroMs, load.durationMs)
    const counted = sumDatagrams(intervals) ?? { sent: 0, lost: 0, jitterMs: 0 }
    const lastArrivalMs = intervals.findLast(({ udp }) => udp !== null && udp.total > 0)?.endMs ?? flow.zeroMs
    const silent = flow.zeroMs + load.durationMs - lastArrivalMs > SILENCE_MS
    const known = measured(flow.sent, flow.zeroMs, load.durationMs).reduce((sum, { udp }) => sum + (udp?.total ?? 0), 0)
    const vanished = silent ? Math.max(0, known - counted.sent) : 0
    sent += counted.sent + vanished
    lost += counted.lost + vanished
    if (counted.sent > 0) jitters.push(counted.jitterMs)
  }
  return {
    sent,
    lost,
    lostShare: sent > 0 ? Math.min(1, lost / sent) : 0,
    jitterMs: jitters.length > 0 ? jitters.reduce((a, b) => a + b, 0) / jitters.length : 0,
  }
}

/** Intervals whose middle lies in the measured part: each belongs to it or not, since counts cannot be divided. */
function measured(intervals: readonly IperfInterval[], zeroMs: number, durationMs: number): IperfInterval[] {
  return intervals.filter(({ startMs, endMs }) => {
    const middle = (startMs + endMs) / 2 - zeroMs
    return middle >= 0 && middle < durationMs
  })
}
