/**
 * Calibration: what each path really does, in both directions, before anything is measured on it. A link that is not
 * what the scenario says makes every later number a lie.
 *
 * - delay and idle loss: the probe on all paths at once, every 5 ms
 * - rate: UDP in full frames, 5 % above the configured rate, path by path, so that two cores suffice
 * - loss: the same load at a third of the rate, so that the queue cannot be the reason
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab } from '../lab/lab.js'
import type { Path } from '../lab/path.js'
import type { Calibration, CalibrationEntry } from '../results/schema.js'
import { expectedLoss } from '../scenario/loss.js'
import type { Direction, DirectionSpec } from '../scenario/types.js'
import { binomialInterval } from '../stats/binomial.js'
import { quantile } from '../stats/quantile.js'
import { systemClock } from '../faults/schedule.js'
import type { Endpoint } from '../subjects/subject.js'
import { startLoad } from '../traffic/iperf.js'
import { oneWayDelays } from '../traffic/probe-windows.js'
import { startProbe } from '../traffic/probe.js'
import type { LoadResult, TrafficContext } from '../traffic/types.js'
import { probeJitter } from './probe-jitter.js'

export const TOLERANCE = {
  /** Share of the configured rate. */
  rate: 0.03,
  /** Of the median. */
  delayMs: 1,
} as const

const DIRECTIONS = ['up', 'down'] as const
const PROBE = { everyMs: 5, payloadBytes: 64 } as const
const DELAY_MS = 1500
const RATE_MS = 1000
const RATE_OMIT_MS = 400
const ATTEMPTS = 3
const LOSS_MS = 2000
/** Ethernet, IPv4 and UDP headers around the payload of a full frame. */
const ETHERNET = 14
const IP_UDP = 28
/** A path without a rate is tried with this much. */
const UNLIMITED_TRIAL = 500e6
/** Interval of the loss check: one false alarm in a thousand checks. */
const CONFIDENCE = 0.999

interface Delay {
  p50Ms: number
  p99Ms: number
  samples: number
  sent: number
  lost: number
}

export async function calibrate(
  lab: Lab,
  directory: string,
  signal: AbortSignal,
  onStep: (text: string) => void = () => undefined,
): Promise<Calibration> {
  mkdirSync(directory, { recursive: true })
  const paths = [...lab.paths.values()]
  onStep('probe jitter over loopback')
  const jitter = await probeJitter(lab.client)
  onStep('one-way delay of every path')
  const delays = await Promise.all(paths.map((path) => measureDelay(lab, path, directory, signal)))
  const entries: CalibrationEntry[] = []
  for (const [index, path] of paths.entries()) {
    for (const direction of DIRECTIONS) {
      const first = delays[index]?.[direction]
      if (first) entries.push(await calibrateOne({ lab, path, direction, directory, signal, onStep }, first))
    }
  }
  return {
    ok: entries.every((entry) => entry.ok),
    tolerance: { rate: TOLERANCE.rate, delayMs: TOLERANCE.delayMs },
    probeJitter: jitter,
    entries,
  }
}

interface One {
  lab: Lab
  path: Path
  direction: Direction
  directory: string
  signal: AbortSignal
  onStep: (text: string) => void
}

/**
 * One path in one direction. A part that is out of tolerance is measured again, up to `ATTEMPTS` times: a link that is
 * wrong stays wrong, a machine that was busy for a moment does not. The last attempt is what is reported.
 */
async function calibrateOne(one: One, firstDelay: Delay): Promise<CalibrationEntry> {
  const { lab, path, direction, directory, signal, onStep } = one
  const spec = path.spec[direction]
  const lossy = expectedLoss(spec.loss) > 0
  let delay = firstDelay
  let rate: number | null = null
  let loss: { sent: number; lost: number } | null = null
  for (let attempt = 1; ; attempt++) {
    const again = attempt > 1 ? `, attempt ${attempt}` : ''
    const work = join(directory, String(attempt))
    if (rate === null) {
      onStep(`rate of ${path.name} ${direction}${again}`)
      rate = await measureRate(lab, path, direction, work, signal)
    }
    if (lossy && loss === null) {
      onStep(`loss of ${path.name} ${direction}${again}`)
      loss = await measureLoss(lab, path, direction, work, signal)
    }
    const entry = entryOf(path.name, direction, spec, rate, delay, loss ?? delay)
    if (entry.ok || attempt === ATTEMPTS) return entry
    if (!entry.rate.ok) rate = null
    if (!entry.loss.ok) loss = null
    if (!entry.delay.ok || (!entry.loss.ok && !lossy)) {
      onStep(`one-way delay of ${path.name}, attempt ${attempt + 1}`)
      delay = (await measureDelay(lab, path, work, signal))[direction]
    }
  }
}

/** Holds what was measured against what was configured. */
export function entryOf(
  path: string,
  direction: Direction,
  spec: DirectionSpec,
  measuredBitsPerSecond: number,
  delay: Delay,
  loss: { sent: number; lost: number },
): CalibrationEntry {
  const fixed = spec.trace === null ? spec.bitsPerSecond : null
  const error = fixed === null ? null : measuredBitsPerSecond / fixed - 1
  const rate = {
    configuredBitsPerSecond: fixed,
    measuredBitsPerSecond,
    error,
    ok: error === null || Math.abs(error) <= TOLERANCE.rate,
  }
  const delayOk =
    delay.samples > 0 && Math.abs(delay.p50Ms - spec.delayMs) <= TOLERANCE.delayMs + jitterOfMedian(spec, delay)
  const configured = expectedLoss(spec.loss)
  const interval = binomialInterval(configured, effectiveSamples(spec, loss.sent), CONFIDENCE)
  const measured = loss.sent > 0 ? loss.lost / loss.sent : 1
  const lossOk = loss.sent > 0 && measured >= interval.low && measured <= interval.high
  return {
    path,
    direction,
    rate,
    delay: { configuredMs: spec.delayMs, p50Ms: delay.p50Ms, p99Ms: delay.p99Ms, samples: delay.samples, ok: delayOk },
    loss: { configured, measured, sent: loss.sent, low: interval.low, high: interval.high, ok: lossOk },
    ok: rate.ok && delayOk && lossOk,
  }
}

/** The median of n normal samples varies by about 1.25 σ / √n; four of those are allowed on top. */
function jitterOfMedian(spec: DirectionSpec, delay: Delay): number {
  return delay.samples > 0 ? (4 * 1.25 * spec.jitterMs) / Math.sqrt(delay.samples) : 0
}

/**
 * Bursty losses say less than independent ones: with r = 1 − toBad − toGood the correlation of one packet with the
 * next, n packets are worth n (1 − r) / (1 + r).
 */
function effectiveSamples({ loss }: DirectionSpec, sent: number): number {
  if (loss?.kind !== 'gilbert') return sent
  const correlation = Math.max(0, 1 - loss.toBad - loss.toGood)
  return Math.max(1, Math.round((sent * (1 - correlation)) / (1 + correlation)))
}

async function measureDelay(
  lab: Lab,
  path: Path,
  directory: string,
  signal: AbortSignal,
): Promise<Record<Direction, Delay>> {
  const probe = await startProbe(contextOf(lab, path, join(directory, `delay-${path.name}`), signal), PROBE)
  await systemClock.sleep(DELAY_MS, signal)
  const { records } = await probe.stop()
  signal.throwIfAborted()
  const of = (direction: Direction): Delay => {
    const { delaysMs, sent, lost } = oneWayDelays(records, direction)
    return {
      // 0 of 0 samples: the entry is then not ok, and a result file knows no NaN.
      p50Ms: delaysMs.length > 0 ? quantile(delaysMs, 0.5) : 0,
      p99Ms: delaysMs.length > 0 ? quantile(delaysMs, 0.99) : 0,
      samples: delaysMs.length,
      sent,
      lost,
    }
  }
  return { up: of('up'), down: of('down') }
}

/** Bits per second of whole frames that the link sent: what it then lost on purpose has used its time as well. */
async function measureRate(
  lab: Lab,
  path: Path,
  direction: Direction,
  directory: string,
  signal: AbortSignal,
): Promise<number> {
  const offered = (path.spec[direction].bitsPerSecond ?? UNLIMITED_TRIAL) * 1.05
  const payload = path.spec.mtu - IP_UDP
  const share = payload / (path.spec.mtu + ETHERNET)
  const result = await blast(lab, path, direction, offered * share, RATE_MS, directory, signal)
  const bits = result.series.reduce((sum, point) => sum + point.bitsPerSecond, 0)
  const kept = 1 - expectedLoss(path.spec[direction].loss)
  return result.series.length > 0 && kept > 0 ? bits / result.series.length / share / kept : 0
}

async function measureLoss(
  lab: Lab,
  path: Path,
  direction: Direction,
  directory: string,
  signal: AbortSignal,
): Promise<{ sent: number; lost: number }> {
  const offered = Math.min(path.spec[direction].bitsPerSecond ?? UNLIMITED_TRIAL, 100e6) / 3
  const { udp } = await blast(lab, path, direction, offered, LOSS_MS, directory, signal)
  return udp ?? { sent: 0, lost: 0 }
}

async function blast(
  lab: Lab,
  path: Path,
  direction: Direction,
  bitsPerSecond: number,
  durationMs: number,
  directory: string,
  signal: AbortSignal,
): Promise<LoadResult> {
  const workDir = join(directory, `udp-${path.name}-${direction}-${Math.round(bitsPerSecond)}`)
  const run = await startLoad(contextOf(lab, path, workDir, signal), {
    kind: 'udp',
    direction,
    streams: 1,
    durationMs,
    omitMs: RATE_OMIT_MS,
    bitsPerSecond: Math.round(bitsPerSecond),
    payloadBytes: path.spec.mtu - IP_UDP,
  })
  try {
    return await run.finished
  } finally {
    await run.stop()
    signal.throwIfAborted()
  }
}

function contextOf(lab: Lab, path: Path, workDir: string, signal: AbortSignal): TrafficContext {
  mkdirSync(workDir, { recursive: true })
  const endpoint: Endpoint = {
    serverAddress: path.addresses.server4,
    clientAddress: null,
    clientDevice: path.name,
    probeProtocol: 'udp',
    wrap: [],
  }
  return { client: lab.client, server: lab.server, endpoint, workDir, signal }
}
