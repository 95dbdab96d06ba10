import { axis, options } from './options.js'

/** Shared by all time lines; `timeline` adds the marks. */
export function timelineOptions(): Record<string, unknown> {
  return options({
    interaction: { mode: 'index', intersect: false },
    layout: { padding: { top: 18 } },
    scales: {
      x: axis('seconds since the traffic began', { type: 'linear', min: 0 }),
      y: axis('Mbit/s', { beginAtZero: true, stacked: true }),
    },
  })
}
