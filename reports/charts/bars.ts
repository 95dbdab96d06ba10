/** Groups of bars, one bar per subject, with every repeat as a dot and the interval as whiskers. */
import type { Measurement, MetricName, Result, SummaryRow } from '../../harness/results/schema.js'
import { findBaseline, findRow, subjectsOf } from '../model/lookup.js'
import { inUnit, metrics, withInterval } from '../model/metrics.js'
import { axis, options } from './options.js'
import { subjectColour } from './palette.js'
import type { ChartSpec, Dataset } from './types.js'

interface Group {
  measurement: Measurement
  window: string
}

export interface BarsRequest {
  id: string
  title: string
  metric: MetricName
  groups: Group[]
  /** dots: median marks on a logarithmic axis instead of bars, for values that differ by orders of magnitude. */
  style: 'bars' | 'dots'
  references: boolean
}

/** Pixels for one bar, so that its dots can be told apart. */
const BAR_PIXELS = 30
/** Characters that fit under a group. */
const LONGEST_LABEL = 24

/** null when there is nothing to draw. */
export function barChart(result: Result, request: BarsRequest): ChartSpec | null {
  const { groups, metric, style } = request
  const unit = metrics[metric].unit
  const present = new Set(groups.flatMap((group) => subjectsOf(result, group.measurement.id).map(({ id }) => id)))
  const subjects = result.subjects.filter(({ id }) => present.has(id))
  const rowsOf = (subject: string) =>
    groups.map((group) => findRow(result, subject, group.measurement, group.window, metric))
  const series = subjects
    .map(({ id }) => ({ id, rows: rowsOf(id) }))
    .filter(({ rows }) => rows.some((row) => row !== undefined))
  if (series.length === 0) return null
  const labels = groupLabels(groups)
  const bases = groups.map((group) => findBaseline(result, group.measurement.id, group.window))
  const scale = metrics[metric].scale
  const lines = bases.map((base) => ({
    best: base === undefined || !request.references ? null : base.bestBitsPerSecond * scale,
    sum: base === undefined || !request.references ? null : base.sumBitsPerSecond * scale,
  }))
  const withLines = request.references && bases.some((base) => base !== undefined)
  return {
    id: request.id,
    title: request.title,
    alternative: alternative(request, series, labels),
    leastWidth: 90 + groups.length * (20 + series.length * BAR_PIXELS),
    table: table(request, series, labels),
    config: {
      type: 'bar',
      data: {
        labels: explained(groups, labels),
        datasets: [
          ...series.map(({ id, rows }) => dataset(id, rows, metric, style, subjectColour(result, id))),
          ...(withLines
            ? [
                legendLine('best single path (dashed)', '@muted', [7, 4]),
                legendLine('sum of paths (dotted)', '@text', [2, 3]),
              ]
            : []),
        ],
      },
      options: options({
        scales: {
          x: { ...axis(''), title: { display: false }, grid: { display: false } },
          y:
            style === 'dots'
              ? axis(unit, { type: 'logarithmic', ...decades(series.flatMap(({ rows }) => rows)) })
              : axis(unit, {
                  beginAtZero: true,
                  ...ceiling(
                    series.flatMap(({ rows }) => rows),
                    scale,
                    lines,
                  ),
                }),
        },
        plugins: { ...(withLines ? { references: { groups: lines } } : {}) },
      }),
    },
  }
}

function dataset(
  label: string,
  rows: (SummaryRow | undefined)[],
  metric: MetricName,
  style: 'bars' | 'dots',
  colour: string,
): Dataset {
  const { scale, unit } = metrics[metric]
  const estimates = rows.map((row) => row?.estimate)
  return {
    label,
    data: estimates.map((found) => (found === undefined ? null : found.median * scale)),
    hints: estimates.map((found) => (found === undefined ? null : `${withInterval(metric, found)} ${unit}`)),
    repeats: estimates.map((found) => (found?.values ?? []).map((value) => value * scale)),
    outliers: estimates.map((found) => found?.outliers ?? []),
    intervals: estimates.map((found) =>
      found === undefined || found.low === null || found.high === null ? null : [found.low * scale, found.high * scale],
    ),
    backgroundColor: style === 'dots' ? colour : `${colour}/38`,
    borderColor: colour,
    borderWidth: 1.5,
    borderRadius: 3,
    medianMark: style === 'dots',
    maxBarThickness: 56,
    categoryPercentage: 0.84,
    barPercentage: 0.88,
    pointStyle: 'rect',
    minBarLength: 1,
  }
}

/** Shows in the legend only; the plug-in `references` draws the line. */
function legendLine(label: string, colour: string, borderDash: number[]): Dataset {
  const style = { borderColor: colour, backgroundColor: colour, borderWidth: 1.6, borderDash, pointStyle: 'line' }
  return { label, type: 'line', data: [], ...style }
}

/** Room above the highest dot or line. */
function ceiling(
  rows: (SummaryRow | undefined)[],
  scale: number,
  lines: { best: number | null; sum: number | null }[],
): { suggestedMax: number } {
  const values = rows.map((row) => (row?.estimate.max ?? 0) * scale)
  return { suggestedMax: 1.04 * Math.max(0, ...values, ...lines.flatMap(({ best, sum }) => [best ?? 0, sum ?? 0])) }
}

/** Whole decades around all values, at least two. */
function decades(rows: (SummaryRow | undefined)[]): { min: number; max: number } {
  const values = rows.flatMap((row) => row?.estimate.values ?? []).filter((value) => value > 0)
  const min = 10 ** Math.floor(Math.log10(Math.min(...values, 100)))
  const max = 10 ** Math.ceil(Math.log10(Math.max(...values, 10)))
  return { min, max: Math.max(max, min * 100) }
}

/** Only what differs between the groups. */
function groupLabels(groups: readonly Group[]): string[] {
  const oneMeasurement = new Set(groups.map((group) => group.measurement.id)).size === 1
  const oneWindow = new Set(groups.map((group) => group.window)).size === 1
  return groups.map(({ measurement, window }) => {
    if (oneMeasurement && groups.length > 1) return window
    return oneWindow ? measurement.id : `${measurement.id} ${window}`
  })
}

/** Under the id of a measurement what it is, where that is short. */
function explained(groups: readonly Group[], labels: readonly string[]): (string | string[])[] {
  return labels.map((label, place) => {
    const measurement = groups[place]?.measurement
    const known = measurement !== undefined && measurement.id === label && measurement.label.length <= LONGEST_LABEL
    return known ? [label, measurement.label] : label
  })
}

type Series = { id: string; rows: (SummaryRow | undefined)[] }[]

function alternative(request: BarsRequest, series: Series, labels: string[]): string {
  const { metric } = request
  const texts = labels.map((label, place) => {
    const each = series.flatMap(({ id, rows }) => {
      const row = rows[place]
      return row === undefined ? [] : [`${id} ${inUnit(metric, row.estimate.median)}`]
    })
    return `${label}: ${each.join(', ')}`
  })
  return `${request.title}, ${metrics[metric].unit}, median of repeats. ${texts.join('. ')}.`
}

function table(request: BarsRequest, series: Series, labels: string[]): ChartSpec['table'] {
  const { metric } = request
  const rows = labels.flatMap((label, place) =>
    series.flatMap(({ id, rows: found }) => {
      const estimate = found[place]?.estimate
      if (estimate === undefined) return []
      const values = estimate.values.map((value) => inUnit(metric, value)).join(', ')
      return [[label, id, withInterval(metric, estimate), values]]
    }),
  )
  return { head: ['where', 'subject', `median [95 %], ${metrics[metric].unit}`, 'every repeat'], rows }
}
