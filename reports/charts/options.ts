/** Options that all charts share. */

/** The theme's colours, for the plug-ins; `paint` fills them in because the keys end in `Color`. */
const theme = { textColor: '@text', mutedColor: '@muted', cardColor: '@card', badColor: '@bad' }

export function axis(title: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    title: { display: true, text: title, color: '@muted' },
    ticks: { color: '@muted', maxRotation: 0, autoSkipPadding: 8 },
    grid: { color: '@grid' },
    border: { color: '@grid' },
    ...more,
  }
}

export function options(more: {
  scales: Record<string, unknown>
  plugins?: Record<string, unknown>
  [option: string]: unknown
}): Record<string, unknown> {
  const { scales, plugins, ...rest } = more
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: false,
    color: '@text',
    theme,
    ...rest,
    scales,
    plugins: {
      legend: {
        position: 'bottom',
        labels: { color: '@text', usePointStyle: true, boxHeight: 8, boxWidth: 22, pointStyleWidth: 24, padding: 14 },
      },
      tooltip: {
        backgroundColor: '@card',
        titleColor: '@text',
        bodyColor: '@text',
        borderColor: '@muted',
        borderWidth: 1,
        padding: 9,
      },
      ...plugins,
    },
  }
}
