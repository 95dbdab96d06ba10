/** One-way delay as cumulative distributions, idle and loaded, one chart per measurement. */
import type { Measurement, Result } from '../../harness/results/schema.js'
import { samplesOf, subjectsOf } from '../model/lookup.js'
import { digits } from '../model/metrics.js'
import { axis, options } from './options.js'
import { subjectColour } from './palette.js'
import { slug } from './slug.js'
import type { ChartSpec, Dataset, Point } from './types.js'

/** Points of one curve: enough for every percent. */
const STEPS = 100

export function delayCharts(result: Result): ChartSpec[] {
  return result.measurements.flatMap((measurement, place) => delayChart(result, measurement, place) ?? [])
}

function delayChart(result: Result, measurement: Measurement, place: number): ChartSpec | null {
  const curves = subjectsOf(result, measurement.id).flatMap((subject) => {
    const probes = samplesOf(result, subject.id, measurement.id).flatMap((sample) => sample.probe ?? [])
    return (['idle', 'loaded'] as const).map((kind) => ({
      subject: subject.id,
      kind,
      delays: probes.flatMap((probe) => probe.ecdf[kind]).sort((x, y) => x - y),
    }))
  })
  const filled = curves.filter((curve) => curve.delays.length > 0)
  if (filled.length === 0) return null
  const smallest = Math.min(...filled.map((curve) => quantile(curve.delays, 0.01)))
  const largest = Math.max(...filled.map((curve) => quantile(curve.delays, 0.99)))
  const edge = roundUp(largest * 1.05)
  const logarithmic = smallest > 0 && largest / smallest > 40
  return {
    id: `delay-${place + 1}-${slug(measurement.id)}`,
    title: `One-way delay: ${measurement.id}`,
    alternative:
      `Share of probe packets that were at least this fast, idle and under load (${measurement.label}). Medians: ` +
      `${filled.map((curve) => `${curve.subject} ${curve.kind} ${digits(quantile(curve.delays, 0.5))} ms`).join(', ')}.`,
    leastWidth: 320,
    table: {
      head: ['subject', 'load', 'p5 ms', 'p50 ms', 'p95 ms', 'p99 ms', 'samples'],
      rows: filled.map(({ subject, kind, delays }) => [
        subject,
        kind,
        ...[0.05, 0.5, 0.95, 0.99].map((share) => digits(quantile(delays, share))),
        String(delays.length),
      ]),
    },
    config: {
      type: 'line',
      data: {
        datasets: filled.map((curve): Dataset => ({
          label: `${curve.subject}, ${curve.kind === 'idle' ? 'idle (dashed)' : 'loaded'}`,
          data: [...steps(curve.delays), { x: edge, y: 100 }],
          borderColor: subjectColour(result, curve.subject),
          backgroundColor: subjectColour(result, curve.subject),
          borderWidth: curve.kind === 'idle' ? 1.4 : 2.2,
          borderDash: curve.kind === 'idle' ? [4, 3] : [],
          pointRadius: 0,
          pointHitRadius: 6,
          pointStyle: 'line',
        })),
      },
      options: options({
        interaction: { mode: 'nearest', intersect: false },
        scales: {
          x: axis('one-way delay, ms', {
            type: logarithmic ? 'logarithmic' : 'linear',
            max: edge,
            ...(logarithmic ? {} : { min: 0 }),
          }),
          y: axis('% of packets', { min: 0, max: 100 }),
        },
      }),
    },
  }
}

/** The value below which `share` of the sorted list lies. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN
}

function steps(sorted: readonly number[]): Point[] {
  return Array.from({ length: STEPS + 1 }, (_, step) => ({
    x: Math.round(quantile(sorted, step / STEPS) * 100) / 100,
    y: step,
  }))
}

/** To two digits: 123 → 130. */
function roundUp(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1)
  return Math.ceil(value / unit) * unit
}
