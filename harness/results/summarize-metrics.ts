/** Takes samples apart into single numbers, and gathers these by subject, measurement, window, metric and direction. */
import type { Measurement, MetricName, Sample } from './schema.js'

export interface Value {
  metric: MetricName
  window: string
  /** Only for what the probe measured. */
  direction: 'up' | 'down' | null
  value: number
}

/** One number in every round that has it. */
export interface Series {
  subject: string
  measurement: string
  window: string
  metric: MetricName
  direction: 'up' | 'down' | null
  /** By repeat. */
  values: Map<number, number>
}

/** Name of the window of figures that exist for a whole measurement only. */
export const WHOLE = 'all'

/** Every number of one sample; none when it failed. */
export function valuesOf(sample: Sample, measurement: Measurement): Value[] {
  if (sample.status !== 'ok') return []
  const whole = measurement.windows.length === 1 ? measurement.windows[0]!.name : WHOLE
  const values: Value[] = []
  const add = (metric: MetricName, window: string, direction: Value['direction'], value: number | null) => {
    if (value !== null && Number.isFinite(value)) values.push({ metric, window, direction, value })
  }
  for (const { window, bitsPerSecond } of sample.goodput?.windows ?? []) add('goodput', window, null, bitsPerSecond)
  for (const felt of sample.probe?.windows ?? []) {
    const { window, direction } = felt
    const idle = sample.probe!.idleP50Ms[direction]
    // With fewer than two arrivals the whole window was one gap.
    add('outage', window, direction, felt.longestGapMs ?? lengthOf(measurement, window))
    add('lost', window, direction, felt.lost)
    add('delayP50', window, direction, felt.delayP50Ms)
    add('delayP95', window, direction, felt.delayP95Ms)
    add('delayP99', window, direction, felt.delayP99Ms)
    if (felt.delayP95Ms !== null && idle !== null) add('delayAdded', window, direction, felt.delayP95Ms - idle)
  }
  add('cpuPerGigabyte', whole, null, sample.cpuSecondsPerGigabyte)
  if (sample.udp !== null) {
    add('udpLoss', whole, null, sample.udp.lostShare)
    add('udpJitter', whole, null, sample.udp.jitterMs)
  }
  return values
}

function lengthOf({ windows }: Measurement, name: string): number | null {
  const window = windows.find((w) => w.name === name)
  return window ? window.endMs - window.startMs : null
}

/** In order of first appearance; samples in order of their round. */
export function gather(samples: readonly Sample[], measurements: readonly Measurement[]): Series[] {
  const byKey = new Map<string, Series>()
  const known = new Map(measurements.map((m) => [m.id, m]))
  for (const sample of samples.toSorted((a, b) => a.repeat - b.repeat)) {
    const measurement = known.get(sample.measurement)
    if (!measurement) continue
    for (const { metric, window, direction, value } of valuesOf(sample, measurement)) {
      const key = JSON.stringify([sample.subject, sample.measurement, window, metric, direction])
      let series = byKey.get(key)
      if (!series) {
        series = {
          subject: sample.subject,
          measurement: sample.measurement,
          window,
          metric,
          direction,
          values: new Map(),
        }
        byKey.set(key, series)
      }
      series.values.set(sample.repeat, value)
    }
  }
  return [...byKey.values()]
}

export function find(series: readonly Series[], wanted: Partial<Omit<Series, 'values'>>): Series | undefined {
  return series.find((s) => Object.entries(wanted).every(([key, value]) => s[key as keyof Series] === value))
}

/** Whether more of the metric is better. */
export function higherIsBetter(metric: MetricName): boolean {
  return metric === 'goodput'
}
