/** One table per measurement: the figures that the terminal, Markdown and HTML print alike. */
import type { Measurement, MetricName, Result, SubjectInfo } from '../../harness/results/schema.js'
import { findBaseline, findRow, findWorstRow, pathShares, samplesOf, subjectsOf } from './lookup.js'
import { digits, inUnit, percent, withInterval } from './metrics.js'

export interface Column {
  key: string
  /** Short heading. */
  head: string
  /** What the column means, as a sentence. */
  meaning: string
  /** Columns with the highest number go first when there is no room. */
  rank: number
}

export interface TableRow {
  subject: SubjectInfo
  /** direct: a baseline rather than a contender. */
  baseline: boolean
  /** One text per column; `–` where there is nothing. */
  cells: string[]
  /** Repeats that failed, of all. */
  failed: number
  repeats: number
}

export interface MeasurementTable {
  measurement: Measurement
  columns: Column[]
  rows: TableRow[]
  /** `best path a 286 · sum 362 · headers leave 363 Mbit/s`; empty without baselines. */
  references: string
}

export const NOTHING = '–'
/** In the heads of columns with intervals; dropped where no cell has one. */
const INTERVAL = ' [95 %]'

interface Source extends Column {
  cell: (result: Result, subject: string, measurement: Measurement) => string
}

export function measurementTables(result: Result): MeasurementTable[] {
  return result.measurements
    .map((measurement) => measurementTable(result, measurement))
    .filter((table) => table.rows.length > 0)
}

export function measurementTable(result: Result, measurement: Measurement): MeasurementTable {
  const subjects = subjectsOf(result, measurement.id)
  const sources = sourcesFor(result, measurement)
  const filled = sources.map((source) => subjects.map((subject) => source.cell(result, subject.id, measurement)))
  const kept = sources.flatMap((source, index) => {
    const cells = filled[index] ?? []
    return source.rank === 0 || cells.some((cell) => cell !== NOTHING) ? [{ source, cells }] : []
  })
  return {
    measurement,
    columns: kept.map(({ source: { key, head, meaning, rank }, cells }) => ({
      key,
      head: cells.some((cell) => cell.includes('[')) ? head : head.replace(INTERVAL, ''),
      meaning,
      rank,
    })),
    rows: subjects.map((subject, index) => {
      const samples = samplesOf(result, subject.id, measurement.id)
      return {
        subject,
        baseline: subject.kind === 'direct',
        cells: kept.map(({ cells }) => cells[index] ?? NOTHING),
        failed: samples.filter((sample) => sample.status === 'failed').length,
        repeats: samples.length,
      }
    }),
    references: references(result, measurement),
  }
}

function sourcesFor(result: Result, measurement: Measurement): Source[] {
  const names = measurement.windows.map((window) => window.name)
  const first = names[0] ?? 'healthy'
  const broken = measurement.faults.length > 0
  return [
    ...(measurement.protocol === 'probe' ? [] : goodputSources(names, broken)),
    ...(broken ? outageSources() : []),
    ...(broken ? [] : delaySources(first)),
    ...(measurement.protocol === 'udp' ? udpSources(first) : []),
    ...(broken ? [] : [cpuSource(first)]),
    bytesSource(result),
  ]
}

function goodputSources(windows: readonly string[], broken: boolean): Source[] {
  const [first = 'healthy', ...later] = windows
  const row = (result: Result, subject: string, measurement: Measurement, window: string) =>
    findRow(result, subject, measurement, window, 'goodput')
  const main: Source = {
    key: `goodput:${first}`,
    head: broken ? `${first} Mbit/s${INTERVAL}` : `Mbit/s${INTERVAL}`,
    meaning: 'Goodput: median of the repeats and its interval, which covers the true median in at least 95 % of cases.',
    rank: 0,
    cell: (result, subject, measurement) => withInterval('goodput', row(result, subject, measurement, first)?.estimate),
  }
  if (broken) {
    const others = later.map((window): Source => ({
      key: `goodput:${window}`,
      head: window,
      meaning: `Goodput in the window “${window}”, Mbit/s, median.`,
      rank: 1,
      cell: (result, subject, measurement) =>
        inUnit('goodput', row(result, subject, measurement, window)?.estimate.median),
    }))
    return [main, ...others]
  }
  return [
    main,
    {
      key: 'ofBest',
      head: 'of best',
      meaning: 'Goodput against the best single path, measured in the same run without a VPN.',
      rank: 1,
      cell: (result, subject, measurement) => percent(row(result, subject, measurement, first)?.ofBest),
    },
    {
      key: 'ofSum',
      head: 'of sum',
      meaning: 'Goodput against the sum of all single paths, measured in the same run without a VPN.',
      rank: 1,
      cell: (result, subject, measurement) => percent(row(result, subject, measurement, first)?.ofSum),
    },
  ]
}

function outageSources(): Source[] {
  return [
    {
      key: 'outage',
      head: `outage ms${INTERVAL}`,
      meaning: 'Longest time without a probe packet after the fault.',
      rank: 0,
      cell: (result, subject, measured) => {
        // Where nothing arrives there are no two arrivals to measure a gap between: it lasts the whole window.
        const silent = measured.windows
          .slice(1)
          .filter(({ name }) => {
            const lost = findRow(result, subject, measured, name, 'lost')?.estimate.median ?? 0
            return lost > 0 && findRow(result, subject, measured, name, 'outage') === undefined
          })
          .map(({ startMs, endMs }) => endMs - startMs)
        if (silent.length > 0) return `≥ ${digits(Math.max(...silent))}`
        return withInterval('outage', findWorstRow(result, subject, measured, 'outage')?.estimate)
      },
    },
    {
      key: 'lost',
      head: 'lost',
      meaning: 'Probe packets lost in the worst window after the fault, median.',
      rank: 2,
      cell: (result, subject, measured) =>
        inUnit('lost', findWorstRow(result, subject, measured, 'lost')?.estimate.median),
    },
  ]
}

function delaySources(window: string): Source[] {
  return [
    {
      key: 'delayP95',
      head: 'delay p95 ms',
      meaning: 'One-way delay under load, 95th percentile; in brackets what the load added to the idle delay.',
      rank: 2,
      cell: (result, subject, measurement) => {
        const loaded = findRow(result, subject, measurement, window, 'delayP95')
        const added = findRow(result, subject, measurement, window, 'delayAdded')
        if (loaded === undefined) return NOTHING
        const extra = added === undefined ? '' : ` (+${digits(Math.max(0, added.estimate.median))})`
        return digits(loaded.estimate.median) + extra
      },
    },
  ]
}

function udpSources(window: string): Source[] {
  const median = (metric: MetricName) => (result: Result, subject: string, measurement: Measurement) =>
    inUnit(metric, findRow(result, subject, measurement, window, metric)?.estimate.median)
  return [
    { key: 'udpLoss', head: 'loss %', meaning: 'Share of datagrams lost.', rank: 1, cell: median('udpLoss') },
    { key: 'udpJitter', head: 'jitter ms', meaning: 'Jitter (RFC 3550).', rank: 3, cell: median('udpJitter') },
  ]
}

function cpuSource(window: string): Source {
  return {
    key: 'cpu',
    head: 'CPU s/GB',
    meaning: "CPU seconds of the subject's own processes per 10^9 bytes of goodput; – where the kernel does the work.",
    rank: 4,
    cell: (result, subject, measurement) =>
      inUnit('cpuPerGigabyte', findRow(result, subject, measurement, window, 'cpuPerGigabyte')?.estimate.median),
  }
}

function bytesSource(result: Result): Source {
  return {
    key: 'bytes',
    head: `bytes ${result.paths.map((path) => path.name).join('/')} %`,
    meaning: 'Share of all bytes that each path carried, counted on the links.',
    rank: 3,
    cell: (_, subject, measurement) => {
      const shares = pathShares(result, subject, measurement)
      return shares.length === 0 ? NOTHING : shares.map(({ share }) => (share * 100).toFixed(0)).join('/')
    },
  }
}

function references(result: Result, measurement: Measurement): string {
  const base = findBaseline(result, measurement.id, measurement.windows[0]?.name ?? 'healthy')
  const parts: string[] = []
  if (base !== undefined) {
    parts.push(`best path ${base.bestPath} ${inUnit('goodput', base.bestBitsPerSecond)}`)
    parts.push(`sum ${inUnit('goodput', base.sumBitsPerSecond)}`)
  }
  const { sum } = measurement.achievable
  if (sum !== null && measurement.protocol !== 'probe') parts.push(`achievable ${inUnit('goodput', sum)}`)
  return parts.length === 0 ? '' : `${parts.join(' · ')} Mbit/s`
}
