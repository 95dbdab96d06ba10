/** The fixture's samples: one subject, one measurement, one repeat, with series, probe and byte counts. */
import type { Measurement, PathUse, ProbeResult, Sample } from '../../harness/results/schema.js'
import { type Behaviour, brokenPath, goodputOf } from './behaviour.js'
import type { Random } from './random.js'

const Mbit = 1e6
/** Between two points of a series, ms. */
const STEP_MS = 200
/** Between two probe packets, ms. */
const PROBE_MS = 10

export interface Place {
  repeat: number
  order: number
  startedAt: string
  /** A slow repeat: the outlier. */
  slow: boolean
}

export function makeSample(behaviour: Behaviour, measurement: Measurement, place: Place, random: Random): Sample {
  const luck = random.normal(1, 0.004) * (place.slow ? 0.86 : 1)
  const windows = measurement.windows.map((window) => ({
    window: window.name,
    bitsPerSecond: Math.round(goodputOf(behaviour, measurement, window.name) * Mbit * luck),
  }))
  const series = goodputSeries(behaviour, measurement, luck, random)
  const bytes = (windows[0]?.bitsPerSecond ?? 0) * (measurement.durationMs / 8000)
  const cpu = behaviour.cpuPerGigabyte === null ? null : behaviour.cpuPerGigabyte * random.normal(1, 0.02)
  return {
    subject: behaviour.id,
    measurement: measurement.id,
    ...{ repeat: place.repeat, order: place.order, startedAt: place.startedAt },
    status: 'ok',
    reason: null,
    goodput: { windows, series, retransmits: Math.round(80 + 200 * random.uniform()) },
    udp: null,
    probe: makeProbe(behaviour, measurement, random),
    paths: pathUses(behaviour, measurement, series, random),
    processes: [
      { process: 'iperf3', side: 'client', role: 'traffic', cpuSeconds: 1.4 },
      { process: 'mqvpn-link', side: 'lab', role: 'lab', cpuSeconds: 2.1 },
      ...(cpu === null
        ? []
        : [
            {
              process: behaviour.kind,
              side: 'client' as const,
              role: 'subject' as const,
              cpuSeconds: (cpu * bytes) / 2e9,
            },
          ]),
    ],
    cpuSecondsPerGigabyte: cpu,
    busiestCore: 0.52 + 0.1 * random.uniform(),
    faultsAppliedMs: measurement.faults.map((fault) => fault.atMs + 2 + 3 * random.uniform()),
    files: [`runs/${behaviour.id.replace(':', '-')}/${place.repeat}/${measurement.id.replace('/', '-')}.iperf.json`],
  }
}

/** A sample that came to nothing. */
export function failedSample(subject: string, measurement: string, place: Place, reason: string): Sample {
  return {
    subject,
    measurement,
    ...{ repeat: place.repeat, order: place.order, startedAt: place.startedAt },
    status: 'failed',
    reason,
    goodput: null,
    udp: null,
    probe: null,
    paths: [],
    processes: [],
    cpuSecondsPerGigabyte: null,
    busiestCore: 0.1,
    faultsAppliedMs: [],
    files: [],
  }
}

type Series = { atMs: number; bitsPerSecond: number }[]

function goodputSeries(behaviour: Behaviour, measurement: Measurement, luck: number, random: Random): Series {
  const series: Series = []
  const broken = brokenPath(measurement)
  const outageMs = broken === null ? 0 : (behaviour.outageMs[broken] ?? 0)
  const faultMs = measurement.faults[0]?.atMs ?? Infinity
  for (let atMs = STEP_MS; atMs <= measurement.durationMs; atMs += STEP_MS) {
    const silent = Math.max(0, Math.min(atMs, faultMs + outageMs) - Math.max(atMs - STEP_MS, faultMs)) / STEP_MS
    const ramp = atMs > 11_000 && broken !== null ? Math.min(1, (atMs - 11_000) / 1000) : 1
    const name = atMs <= faultMs ? 'healthy' : atMs <= 11_000 ? 'degraded' : 'restored'
    const from = goodputOf(behaviour, measurement, 'degraded')
    const mean = name === 'restored' ? from + (goodputOf(behaviour, measurement, name) - from) * ramp : 0
    const rate = (name === 'restored' ? mean : goodputOf(behaviour, measurement, name)) * luck
    series.push({ atMs, bitsPerSecond: Math.max(0, Math.round(rate * (1 - silent) * random.normal(1, 0.02) * Mbit)) })
  }
  return series
}

function pathUses(behaviour: Behaviour, measurement: Measurement, goodput: Series, random: Random): PathUse[] {
  const broken = brokenPath(measurement)
  const use = (path: string, direction: 'up' | 'down'): PathUse => {
    const series = goodput.map(({ atMs, bitsPerSecond }) => {
      const down = broken !== null && atMs > 5000 && atMs <= 11_000
      const both = path === 'a' ? behaviour.shareOfA : 1 - behaviour.shareOfA
      const share = down ? (path === broken ? 0 : behaviour.paths.includes(path) ? 1 : 0) : both
      const acks = direction === measurement.direction ? 1.055 : 0.021
      return { atMs, bitsPerSecond: Math.round(bitsPerSecond * share * acks * random.normal(1, 0.01)) }
    })
    const bytes = Math.round(series.reduce((sum, point) => sum + (point.bitsPerSecond * STEP_MS) / 8000, 0))
    return {
      path,
      direction,
      packets: Math.round(bytes / 1400),
      bytes,
      drops: {
        queue: Math.round(random.uniform() * 60),
        loss: 0,
        aqm: 0,
        blackhole: path === broken ? 37 : 0,
        other: 0,
      },
      queueHighWaterBytes: 600_000,
      sojournMaxMs: 19.2,
      series,
    }
  }
  return ['a', 'b'].flatMap((path) => [use(path, 'up'), use(path, 'down')])
}

function makeProbe(behaviour: Behaviour, measurement: Measurement, random: Random): ProbeResult {
  const broken = brokenPath(measurement)
  const windows = measurement.windows.flatMap((window) =>
    (['up', 'down'] as const).map((direction) => {
      const sent = Math.round((window.endMs - window.startMs) / PROBE_MS)
      const outage = window.name === 'degraded' && broken !== null ? (behaviour.outageMs[broken] ?? 0) : 0
      const gap = outage > 0 ? Math.min(outage * random.normal(1, 0.08), window.endMs - window.startMs) : 0
      const lost = Math.min(sent, Math.floor(gap / PROBE_MS))
      const loaded = (direction === 'up' ? behaviour.loadedMs : behaviour.idleMs + 3) * random.normal(1, 0.03)
      const none = lost >= sent
      return {
        window: window.name,
        direction,
        sent,
        received: sent - lost,
        lost,
        duplicated: 0,
        reordered: behaviour.paths.length > 1 ? Math.round(random.uniform() * 12) : 0,
        reorderDepth: behaviour.paths.length > 1 ? 3 : 0,
        longestGapMs: none ? null : Math.max(gap, PROBE_MS + 2 * random.uniform()),
        delayP50Ms: none ? null : (loaded + behaviour.idleMs) / 2,
        delayP95Ms: none ? null : loaded,
        delayP99Ms: none ? null : loaded * 1.12,
      }
    }),
  )
  const draw = (mean: number, deviation: number): number[] =>
    Array.from(
      { length: 200 },
      () => Math.round(Math.max(behaviour.idleMs, random.normal(mean, deviation)) * 1000) / 1000,
    ).sort((x, y) => x - y)
  return {
    protocol: 'udp',
    intervalMs: PROBE_MS,
    windows,
    idleP50Ms: { up: behaviour.idleMs, down: behaviour.idleMs },
    ecdf: {
      idle: draw(behaviour.idleMs + 0.1, 0.15),
      loaded: draw((behaviour.loadedMs + behaviour.idleMs) / 2, (behaviour.loadedMs - behaviour.idleMs) / 3.3),
    },
  }
}
