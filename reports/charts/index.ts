/** All charts of a report, in the order in which they are shown. */
import type { Result } from '../../harness/results/schema.js'
import { barChart } from './bars.js'
import { delayCharts } from './delay.js'
import { slug } from './slug.js'
import type { ChartSpec } from './types.js'

/** Goodput: one chart per phase, its measurements and windows as groups. */
export function goodputCharts(result: Result): ChartSpec[] {
  const phases = [...new Set(result.measurements.map((measurement) => measurement.phase))]
  return phases.flatMap((phase, place) => {
    const measurements = result.measurements.filter((measurement) => measurement.phase === phase)
    const groups = measurements.flatMap((measurement) =>
      measurement.windows.map((window) => ({ measurement, window: window.name })),
    )
    const id = `goodput-${place + 1}-${slug(phase)}`
    return (
      barChart(result, {
        id,
        title: `Goodput: ${phase}`,
        metric: 'goodput',
        groups,
        style: 'bars',
        references: true,
      }) ?? []
    )
  })
}

/** Longest gap after a fault, per measurement with faults. */
export function outageChart(result: Result): ChartSpec | null {
  const groups = result.measurements
    .filter((measurement) => measurement.faults.length > 0)
    .flatMap((measurement) => measurement.windows.slice(1).map((window) => ({ measurement, window: window.name })))
  const title = 'Outage: longest time without a probe packet'
  return barChart(result, { id: 'outage', title, metric: 'outage', groups, style: 'dots', references: false })
}

export function cpuChart(result: Result): ChartSpec | null {
  const groups = result.measurements.map((measurement) => ({
    measurement,
    window: measurement.windows[0]?.name ?? 'healthy',
  }))
  const drawn = groups.filter(({ measurement }) =>
    result.summary.some((row) => row.measurement === measurement.id && row.metric === 'cpuPerGigabyte'),
  )
  const title = 'CPU seconds per gigabyte of goodput'
  return barChart(result, {
    id: 'cpu',
    title,
    metric: 'cpuPerGigabyte',
    groups: drawn,
    style: 'bars',
    references: false,
  })
}

export { delayCharts }
