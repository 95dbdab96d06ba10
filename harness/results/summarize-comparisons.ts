/**
 * Who is better: every pair of VPNs, and every VPN against the best single path, by differences that are paired by round.
 * Of probe metrics the worse direction of each round counts.
 */
import { type ByRound, detectionLimit, pairedEstimate, verdictOf } from '../stats/paired.js'
import type { Baseline, Comparison, MetricName } from './schema.js'
import { type BaselineInput, pathGoodput } from './summarize-baselines.js'
import type { Series } from './summarize-metrics.js'

const COMPARED: readonly MetricName[] = [
  'goodput',
  'outage',
  'lost',
  'delayP95',
  'delayAdded',
  'cpuPerGigabyte',
  'udpLoss',
  'udpJitter',
]

export function comparisonsOf(input: BaselineInput, baselines: readonly Baseline[]): Comparison[] {
  const comparisons: Comparison[] = []
  for (const measurement of input.measurements) {
    const inMeasurement = input.series.filter((s) => s.measurement === measurement.id)
    const windows = [...new Set(inMeasurement.map((s) => s.window))]
    for (const window of windows) {
      for (const metric of COMPARED) {
        const subjects = worseDirection(inMeasurement.filter((s) => s.window === window && s.metric === metric))
        const place = { measurement: measurement.id, window, metric }
        const vpns = [...subjects].filter(([id]) => !id.startsWith('direct:'))
        vpns.forEach(([a, valuesA], i) => {
          for (const [b, valuesB] of vpns.slice(i + 1)) push(comparisons, place, a, valuesA, b, valuesB)
        })
        if (metric !== 'goodput') continue
        const best = bestPath(input, baselines, measurement.id, window)
        for (const [b, valuesB] of best ? vpns : []) push(comparisons, place, best!.id, best!.values, b, valuesB)
      }
    }
  }
  return comparisons
}

function push(
  comparisons: Comparison[],
  place: Pick<Comparison, 'measurement' | 'window' | 'metric'>,
  a: string,
  valuesA: ByRound,
  b: string,
  valuesB: ByRound,
): void {
  const difference = pairedEstimate(valuesA, valuesB)
  if (difference === null) return
  comparisons.push({
    ...place,
    a,
    b,
    difference,
    detectionLimit: detectionLimit(difference),
    verdict: verdictOf(difference),
  })
}

/** By subject; of two directions the larger value of each round (of every probe metric, more is worse). */
function worseDirection(series: readonly Series[]): Map<string, Map<number, number>> {
  const bySubject = new Map<string, Map<number, number>>()
  for (const { subject, values } of series) {
    const worst = bySubject.get(subject) ?? new Map<number, number>()
    for (const [round, value] of values) worst.set(round, Math.max(value, worst.get(round) ?? -Infinity))
    bySubject.set(subject, worst)
  }
  return bySubject
}

function bestPath(
  input: BaselineInput,
  baselines: readonly Baseline[],
  measurementId: string,
  windowName: string,
): { id: string; values: ByRound } | null {
  const baseline = baselines.find((b) => b.measurement === measurementId && b.window === windowName)
  const measurement = input.measurements.find((m) => m.id === measurementId)
  const window = measurement?.windows.find((w) => w.name === windowName)
  if (!baseline || !measurement || !window) return null
  const goodput = pathGoodput(input, measurement, window, baseline.bestPath)
  return goodput && goodput.values.size > 0 ? { id: `direct:${baseline.bestPath}`, values: goodput.values } : null
}
