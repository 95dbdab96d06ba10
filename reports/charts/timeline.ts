/**
 * What each path carried over time, stacked, with the goodput, the faults and the outage. The reader chooses the sample
 * in the browser, so `timeline` stands alone: its source is also written into the HTML report.
 */
import type { Measurement, Result, Sample } from '../../harness/results/schema.js'
import type { ChartConfig, Dataset, Point } from './types.js'

export interface Timeline {
  config: ChartConfig
  alternative: string
  /** Means per window, Mbit/s. */
  table: { head: string[]; rows: string[][] }
}

/** `base`: the shared options, made by `timelineOptions`; filled with marks here. */
export function timeline(
  paths: Pick<Result, 'paths'>['paths'],
  measurement: Measurement,
  sample: Sample,
  base: Record<string, unknown>,
): Timeline {
  /** Most points of one curve; longer series are averaged for drawing only. */
  const MOST_POINTS = 240
  type Series = { atMs: number; bitsPerSecond: number }[]

  /** Means of equal stretches of time, Mbit/s over seconds. */
  const thin = (series: Series): Point[] => {
    const per = Math.max(1, Math.ceil(series.length / MOST_POINTS))
    const points: Point[] = []
    for (let from = 0; from < series.length; from += per) {
      const part = series.slice(from, from + per)
      const mean = part.reduce((sum, point) => sum + point.bitsPerSecond, 0) / part.length
      const last = part[part.length - 1]
      points.push({ x: (last?.atMs ?? 0) / 1000, y: Math.round(mean / 1e4) / 100 })
    }
    return points
  }
  /** Both directions are added where the load goes both ways. */
  const seriesOf = (path: string): Series => {
    const uses = sample.paths.filter(
      (use) => use.path === path && (measurement.direction === 'both' || use.direction === measurement.direction),
    )
    const sums = new Map<number, number>()
    for (const use of uses) {
      for (const point of use.series) sums.set(point.atMs, (sums.get(point.atMs) ?? 0) + point.bitsPerSecond)
    }
    return [...sums].sort((x, y) => x[0] - y[0]).map(([atMs, bitsPerSecond]) => ({ atMs, bitsPerSecond }))
  }
  const meanOf = (series: Series, from: number, to: number): number => {
    const inside = series.filter((point) => point.atMs > from && point.atMs <= to)
    return inside.length === 0 ? NaN : inside.reduce((sum, point) => sum + point.bitsPerSecond, 0) / inside.length / 1e6
  }
  const number = (value: number): string => (Number.isFinite(value) ? value.toFixed(value < 100 ? 1 : 0) : '–')

  const perPath = paths.map((path) => ({ name: path.name, series: seriesOf(path.name) }))
  const goodput: Series = sample.goodput?.series ?? []
  const lines = measurement.faults.map((fault, place) => ({
    // One that was there before the subject started has a negative time.
    at: Math.max(0, sample.faultsAppliedMs[place] ?? fault.atMs) / 1000,
    label: fault.label,
  }))
  const outages = (sample.probe?.windows ?? []).filter(
    (window) => measurement.direction === 'both' || window.direction === measurement.direction,
  )
  const spans: { from: number; to: number; label: string; tone: 'plain' | 'quiet' | 'loud' }[] = []
  const told: string[] = []
  if (measurement.windows.length > 1) {
    for (const window of measurement.windows) {
      spans.push({
        from: window.startMs / 1000,
        to: window.endMs / 1000,
        label: window.name,
        tone: /^(healthy|restored)/.test(window.name) ? 'plain' : 'quiet',
      })
    }
  }
  measurement.windows.forEach((window) => {
    const felt = outages.filter((found) => found.window === window.name)
    // Three probe intervals: less is ordinary jitter.
    const gap = Math.max(
      0,
      ...felt.map((found) => found.longestGapMs ?? (found.lost > 0 ? window.endMs - window.startMs : 0)),
    )
    if (/^(healthy|restored)/.test(window.name) || gap < 3 * (sample.probe?.intervalMs ?? 10)) return
    const start = lines.map((line) => line.at).filter((at) => at <= window.startMs / 1000 + 0.5)
    const from = Math.max(start[start.length - 1] ?? 0, window.startMs / 1000 - 1)
    spans.push({ from, to: from + gap / 1000, label: `outage ${Math.round(gap)} ms`, tone: 'loud' })
    told.push(`Outage in ${window.name}: ${Math.round(gap)} ms.`)
  })

  const datasets: Dataset[] = [
    {
      label: 'goodput',
      data: thin(goodput),
      borderColor: '@text',
      backgroundColor: '@text',
      borderWidth: 1.8,
      pointRadius: 0,
      pointStyle: 'line',
      stack: 'goodput',
    },
    ...perPath.map((path, place) => ({
      label: `path ${path.name}`,
      data: thin(path.series),
      borderColor: `@p${place % 4}`,
      backgroundColor: `@p${place % 4}/45`,
      borderWidth: 1,
      pointRadius: 0,
      pointStyle: 'rect',
      stack: 'paths',
      fill: place === 0 ? 'origin' : '-1',
    })),
  ].filter((dataset) => dataset.data.length > 0)
  const plugins = base['plugins'] as Record<string, unknown>
  const scales = base['scales'] as Record<string, Record<string, unknown>>
  const rows = measurement.windows.map((window) => [
    window.name,
    `${window.startMs / 1000}–${window.endMs / 1000} s`,
    number((sample.goodput?.windows.find((found) => found.window === window.name)?.bitsPerSecond ?? NaN) / 1e6),
    ...perPath.map((path) => number(meanOf(path.series, window.startMs, window.endMs))),
  ])
  return {
    alternative:
      `Throughput over time of ${sample.subject}, ${measurement.label}, repeat ${sample.repeat}. ` +
      [...rows.map((row) => `${row[0] ?? ''}: goodput ${row[2] ?? ''} Mbit/s.`), ...told].join(' '),
    table: { head: ['window', 'time', 'goodput Mbit/s', ...perPath.map((path) => `path ${path.name} Mbit/s`)], rows },
    config: {
      type: 'line',
      data: { datasets },
      options: {
        ...base,
        scales: { ...scales, x: { ...scales['x'], max: measurement.durationMs / 1000 } },
        plugins: { ...plugins, marks: { lines, spans } },
      },
    },
  }
}
