/** Numbers and metrics as the sentences of a verdict say them. */
import type { MetricName } from './schema.js'

const NAMES: Record<MetricName, string> = {
  goodput: 'goodput',
  outage: 'longest outage',
  lost: 'packets lost',
  delayP50: 'delay (p50)',
  delayP95: 'delay (p95)',
  delayP99: 'delay (p99)',
  delayAdded: 'added delay',
  cpuPerGigabyte: 'CPU time per GB',
  udpLoss: 'UDP loss',
  udpJitter: 'UDP jitter',
}

export function metricWords(metric: MetricName): string {
  return NAMES[metric]
}

/** `312 Mbit/s`, `46.1 ms`, `3 packets`, `0.12 %`, `1.7 s/GB`: three digits that count, or all before the point. */
export function formatValue(metric: MetricName, value: number): string {
  switch (metric) {
    case 'goodput':
      return value >= 1e9
        ? `${digits(value / 1e9)} Gbit/s`
        : value >= 1e6 || value === 0
          ? `${digits(value / 1e6)} Mbit/s`
          : `${digits(value / 1e3)} kbit/s`
    case 'lost':
      return `${digits(value)} packet${value === 1 ? '' : 's'}`
    case 'udpLoss':
      return `${digits(value * 100)} %`
    case 'cpuPerGigabyte':
      return `${digits(value)} s/GB`
    default:
      return `${digits(value)} ms`
  }
}

/** Three significant digits, but never fewer than the whole part: 1234.5 → 1235. */
export function digits(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}

/** 0.9 → `90 %`. */
export function percentWords(factor: number): string {
  return `${Number((factor * 100).toPrecision(4))} %`
}
