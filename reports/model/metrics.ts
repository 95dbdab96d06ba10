/** What each metric is called, in which unit it is shown, and which way is better. */
import type { Estimate, MetricName } from '../../harness/results/schema.js'

export interface MetricInfo {
  label: string
  /** The unit on paper; the result file holds base units. */
  unit: string
  /** Multiplies a stored value into `unit`. */
  scale: number
  better: 'higher' | 'lower'
  /** One sentence for a reader who sees the name for the first time. */
  meaning: string
}

const ms = { unit: 'ms', scale: 1, better: 'lower' } as const

export const metrics: Readonly<Record<MetricName, MetricInfo>> = {
  goodput: {
    label: 'goodput',
    unit: 'Mbit/s',
    scale: 1e-6,
    better: 'higher',
    meaning: 'Application bytes that arrived, per second: no headers, no retransmissions.',
  },
  outage: { ...ms, label: 'outage', meaning: 'Longest time in which no probe packet arrived.' },
  lost: { label: 'lost', unit: 'packets', scale: 1, better: 'lower', meaning: 'Probe packets that never arrived.' },
  delayP50: { ...ms, label: 'delay p50', meaning: 'One-way delay of the probe under load, median.' },
  delayP95: {
    ...ms,
    label: 'delay p95',
    meaning: 'One-way delay of the probe under load; 95 % of packets were faster.',
  },
  delayP99: {
    ...ms,
    label: 'delay p99',
    meaning: 'One-way delay of the probe under load; 99 % of packets were faster.',
  },
  delayAdded: { ...ms, label: 'added delay', meaning: 'Delay p95 under load minus the median delay when idle.' },
  cpuPerGigabyte: {
    label: 'CPU',
    unit: 's/GB',
    scale: 1,
    better: 'lower',
    meaning: "CPU seconds of the subject's own processes, both sides, per 10^9 bytes of goodput.",
  },
  udpLoss: {
    label: 'UDP loss',
    unit: '%',
    scale: 100,
    better: 'lower',
    meaning: 'Share of UDP datagrams that were lost.',
  },
  udpJitter: { ...ms, label: 'UDP jitter', meaning: 'Variation of the time between datagrams (RFC 3550).' },
}

/** Decimals that leave three digits where there are as many: `286`, `76.1`, `2.31`. */
export function placesFor(value: number): number {
  const size = Math.abs(value)
  return size >= 99.95 || Number.isInteger(value) ? 0 : size >= 9.995 ? 1 : 2
}

/** A number on paper, with a real minus; null and what is not a number are a dash. */
export function digits(value: number | null | undefined, places?: number): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–'
  const text = value.toFixed(places ?? placesFor(value))
  return (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '−')
}

/** A stored value of a metric in its unit on paper, without the unit. */
export function inUnit(metric: MetricName, value: number | null | undefined, places?: number): string {
  return digits(typeof value === 'number' ? value * metrics[metric].scale : null, places)
}

/** The same with a sign: for differences. */
export function signed(metric: MetricName, value: number, places?: number): string {
  const text = inUnit(metric, value, places)
  return value > 0 && Number(text) !== 0 ? `+${text}` : text
}

/** `286 [284, 287]`, `+17.2 [+12.1, +22.4]`; without an interval only the median. One number of decimals throughout. */
export function withInterval(
  metric: MetricName,
  estimate: Estimate | undefined,
  format: typeof signed = inUnit,
): string {
  if (estimate === undefined) return '–'
  const { median, low, high } = estimate
  const leading = median === 0 ? Math.max(Math.abs(low ?? 0), Math.abs(high ?? 0)) : median
  const places = placesFor(leading * metrics[metric].scale)
  if (low === null || high === null) return format(metric, median)
  return `${format(metric, median, places)} [${format(metric, low, places)}, ${format(metric, high, places)}]`
}

/** `105 %` from 1.05; null is a dash. */
export function percent(share: number | null | undefined, places = 0): string {
  return typeof share === 'number' && Number.isFinite(share)
    ? `${(share * 100).toFixed(places).replace('-', '−')} %`
    : '–'
}

/** `+1.2 %`, `−0.2 %`: a relative error or change. */
export function signedPercent(share: number | null, places = 1): string {
  if (share === null || !Number.isFinite(share)) return '–'
  const text = (share * 100).toFixed(places)
  if (Number(text) === 0) return `±${Math.abs(Number(text)).toFixed(places)} %`
  return `${share > 0 ? '+' : '−'}${text.replace('-', '')} %`
}

/** A link's rate: `300 Mbit`, `1.5 Gbit`, `unlimited`, or the trace's name. */
export function rate(bitsPerSecond: number | null, trace: string | null = null): string {
  if (bitsPerSecond === null) return trace === null ? 'unlimited' : `trace ${trace}`
  if (bitsPerSecond >= 1e9) return `${digits(bitsPerSecond / 1e9)} Gbit`
  if (bitsPerSecond >= 1e6) return `${digits(bitsPerSecond / 1e6)} Mbit`
  return `${digits(bitsPerSecond / 1e3)} kbit`
}

/** `4 min 12 s` from milliseconds. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const parts = [
    [Math.floor(seconds / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ] as const
  const shown = parts.filter(([value, unit]) => value > 0 || (unit === 's' && seconds < 60))
  return shown.map(([value, unit]) => `${value} ${unit}`).join(' ')
}
