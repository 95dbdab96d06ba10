/**
 * What Chart.js does not draw by itself: every repeat as a dot, whiskers, reference lines, fault marks. Stands alone: its
 * source is also written into the HTML report, so `chartPlugins` must use nothing from outside itself.
 */
import type { Chart, Plugin } from 'chart.js'
import type { Pen } from './pen.js'
import type { Dataset, Marks, ReferenceLines } from './types.js'

export function chartPlugins(): Plugin[] {
  interface Bar {
    x: number
    y: number
    base: number
    width: number
  }
  interface Colours {
    text: string
    muted: string
    card: string
    bad: string
  }
  /** `paint` leaves the theme's colours here, in every chart's options. */
  const coloursOf = (chart: Chart): Colours => {
    const given = (chart.config.options as { theme?: { [key: string]: string } }).theme ?? {}
    return {
      text: given['textColor'] ?? '#000000',
      muted: given['mutedColor'] ?? '#666666',
      card: given['cardColor'] ?? '#ffffff',
      bad: given['badColor'] ?? '#cc0000',
    }
  }
  const penOf = (chart: Chart): Pen => (chart as unknown as { ctx: Pen }).ctx
  const fontOf = (size: number, weight = ''): string =>
    `${weight} ${size}px "DejaVu Sans", system-ui, -apple-system, "Segoe UI", sans-serif`.trim()
  const optionsOf = (chart: Chart, name: string): unknown =>
    (chart.config.options?.plugins as { [key: string]: unknown } | undefined)?.[name]
  const visibleBars = (chart: Chart): { dataset: Dataset; bars: Bar[]; colour: string }[] =>
    chart.data.datasets.flatMap((each, index) => {
      const dataset = each as unknown as Dataset
      if (dataset.repeats === undefined || !chart.isDatasetVisible(index)) return []
      const bars = chart.getDatasetMeta(index).data as unknown as Bar[]
      return [{ dataset, bars, colour: String(dataset['borderColor']) }]
    })

  const repeats: Plugin = {
    id: 'repeats',
    beforeInit(chart) {
      const config = chart.config.options as unknown as {
        scales?: Record<string, Record<string, unknown>>
        plugins?: { tooltip?: Record<string, unknown> }
      }
      const y = config.scales?.['y']
      if (y?.['type'] === 'logarithmic') {
        // 1, 3, 10, 30 …: Chart.js draws more lines than it labels.
        y['afterBuildTicks'] = (scale: { ticks: { value: number }[]; min: number; max: number }) => {
          const values = Array.from(
            { length: 20 },
            (_, place) => 10 ** Math.floor(place / 2 - 3) * (place % 2 === 0 ? 1 : 3),
          )
          scale.ticks = values.filter((value) => value >= scale.min && value <= scale.max).map((value) => ({ value }))
        }
      }
      const tooltip = config.plugins?.tooltip
      if (tooltip === undefined) return
      tooltip['callbacks'] = {
        label: (item: {
          dataset: { label: string; hints?: (string | null)[] }
          dataIndex: number
          formattedValue: string
        }) => `${item.dataset.label}: ${item.dataset.hints?.[item.dataIndex] ?? item.formattedValue}`,
      }
    },
    beforeDatasetDraw(chart, { index }) {
      // Bars on a logarithmic axis have no meaningful length: only their place and width are used.
      return (chart.data.datasets[index] as unknown as Dataset | undefined)?.['medianMark'] !== true
    },
    afterDatasetsDraw(chart) {
      const scale = chart.scales['y']
      if (scale === undefined) return
      const ctx = penOf(chart)
      const { card, text } = coloursOf(chart)
      const pixel = (value: number): number =>
        scale.getPixelForValue(scale.type === 'logarithmic' ? Math.max(value, scale.min) : value)
      ctx.save()
      for (const { dataset, bars, colour } of visibleBars(chart)) {
        bars.forEach((bar, place) => {
          const values = dataset.repeats?.[place] ?? []
          const interval = dataset.intervals?.[place]
          const median = dataset.data[place]
          if (values.length === 0) return
          const half = Math.min(bar.width / 2 - 1, 22)
          if (interval) {
            const [low, high] = [pixel(interval[0]), pixel(interval[1])]
            ctx.strokeStyle = text
            ctx.lineWidth = 1.5
            ctx.beginPath()
            ctx.moveTo(bar.x, low)
            ctx.lineTo(bar.x, high)
            for (const y of [low, high]) {
              ctx.moveTo(bar.x - half * 0.35, y)
              ctx.lineTo(bar.x + half * 0.35, y)
            }
            ctx.stroke()
          }
          if (dataset['medianMark'] === true && typeof median === 'number') {
            ctx.strokeStyle = colour
            ctx.lineWidth = 3
            ctx.beginPath()
            ctx.moveTo(bar.x - half, pixel(median))
            ctx.lineTo(bar.x + half, pixel(median))
            ctx.stroke()
          }
          const radius = Math.max(1.5, Math.min(3.2, bar.width / 9))
          values.forEach((value, round) => {
            // Spread over the bar in the order of the rounds, so that a drift would show.
            const offset = values.length === 1 ? 0 : (round / (values.length - 1) - 0.5) * half * 1.3
            ctx.beginPath()
            ctx.arc(bar.x + offset, pixel(value), radius, 0, 2 * Math.PI)
            const outlier = dataset.outliers?.[place]?.includes(round) === true
            ctx.fillStyle = outlier ? card : colour
            ctx.strokeStyle = outlier ? colour : card
            ctx.lineWidth = outlier ? 1.6 : 0.9
            ctx.fill()
            ctx.stroke()
          })
          const label = dataset.hints?.[place]?.split(' ')[0] ?? ''
          const bottom = Math.max(bar.base, bar.y)
          const top = Math.min(pixel(Math.min(...values)), bar.y)
          ctx.font = fontOf(11, 'bold')
          if (dataset['medianMark'] === true) {
            ctx.fillStyle = text
            ctx.textAlign = 'center'
            ctx.textBaseline = 'bottom'
            ctx.fillText(label, bar.x, pixel(Math.max(...values)) - 7)
          } else if (bar.width > ctx.measureText(label).width + 2 && bottom - top > 34) {
            ctx.fillStyle = text
            ctx.textAlign = 'center'
            ctx.textBaseline = 'bottom'
            ctx.fillText(label, bar.x, bottom - 5)
          }
        })
      }
      ctx.restore()
    },
  }

  const references: Plugin = {
    id: 'references',
    beforeDatasetsDraw(chart) {
      const lines = optionsOf(chart, 'references') as ReferenceLines | undefined
      const [x, y] = [chart.scales['x'], chart.scales['y']]
      if (lines?.groups === undefined || x === undefined || y === undefined) return
      const ctx = penOf(chart)
      const { text, muted } = coloursOf(chart)
      const step = x.width / Math.max(1, lines.groups.length)
      ctx.save()
      lines.groups.forEach((group, place) => {
        const draw = (value: number | null, colour: string, dash: number[]): void => {
          if (value === null) return
          const [middle, height] = [x.getPixelForValue(place), y.getPixelForValue(value)]
          ctx.strokeStyle = colour
          ctx.lineWidth = 1.6
          ctx.setLineDash(dash)
          ctx.beginPath()
          ctx.moveTo(middle - step * 0.47, height)
          ctx.lineTo(middle + step * 0.47, height)
          ctx.stroke()
        }
        draw(group.best, muted, [7, 4])
        draw(group.sum, text, [2, 3])
      })
      ctx.restore()
    },
  }

  const marks: Plugin = {
    id: 'marks',
    beforeDatasetsDraw(chart) {
      const given = optionsOf(chart, 'marks') as Marks | undefined
      const x = chart.scales['x']
      if (given?.spans === undefined || x === undefined) return
      const ctx = penOf(chart)
      const area = chart.chartArea
      const { bad, muted } = coloursOf(chart)
      ctx.save()
      for (const span of given.spans) {
        const [from, to] = [x.getPixelForValue(span.from), x.getPixelForValue(span.to)]
        if (span.tone === 'plain') continue
        if (span.tone === 'loud') {
          ctx.fillStyle = `${bad}26`
          ctx.fillRect(from, area.top, Math.max(2, to - from), area.bottom - area.top)
        } else {
          ctx.fillStyle = `${muted}14`
          ctx.fillRect(from, area.top, to - from, area.bottom - area.top)
        }
      }
      ctx.restore()
    },
    afterDatasetsDraw(chart) {
      const given = optionsOf(chart, 'marks') as Marks | undefined
      const x = chart.scales['x']
      if (given?.spans === undefined || x === undefined) return
      const ctx = penOf(chart)
      const area = chart.chartArea
      const { bad, muted, card, text } = coloursOf(chart)
      const write = (label: string, left: number, top: number, colour: string, room: number): number => {
        ctx.font = fontOf(11)
        let shown = label
        while (shown.length > 2 && ctx.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`
        const wide = ctx.measureText(shown).width
        ctx.fillStyle = `${card}d0`
        ctx.fillRect(left - 2, top - 1, wide + 4, 14)
        ctx.fillStyle = colour
        ctx.textAlign = 'left'
        ctx.textBaseline = 'top'
        ctx.fillText(shown, left, top)
        return wide
      }
      ctx.save()
      for (const span of given.spans) {
        if (span.tone === 'loud') continue
        const [from, to] = [x.getPixelForValue(span.from), x.getPixelForValue(span.to)]
        ctx.font = fontOf(11)
        if (to - from > 30) write(span.label, from + 5, area.top - 16, muted, to - from - 8)
      }
      let [previous, row] = [-Infinity, 0]
      given.lines.forEach((line) => {
        const at = x.getPixelForValue(line.at)
        row = at - previous < 110 ? (row + 1) % 3 : 0
        previous = at
        ctx.strokeStyle = bad
        ctx.lineWidth = 1.5
        ctx.setLineDash([4, 3])
        ctx.beginPath()
        ctx.moveTo(at, area.top)
        ctx.lineTo(at, area.bottom)
        ctx.stroke()
        ctx.setLineDash([])
        write(line.label, at + 5, area.top + 4 + row * 17, bad, Math.max(40, area.right - at - 8))
      })
      for (const span of given.spans) {
        if (span.tone !== 'loud') continue
        const from = x.getPixelForValue(span.from)
        write(span.label, from + 5, area.top + 38 + 17 * row, text, Math.max(60, area.right - from - 8))
      }
      ctx.restore()
    },
  }

  const watermark: Plugin = {
    id: 'watermark',
    afterDraw(chart) {
      const given = optionsOf(chart, 'watermark') as { text?: string } | undefined
      if (given?.text === undefined) return
      const ctx = penOf(chart)
      const area = chart.chartArea
      ctx.save()
      ctx.translate((area.left + area.right) / 2, (area.top + area.bottom) / 2)
      ctx.rotate(-0.28)
      ctx.font = fontOf(Math.max(16, Math.min(54, (area.right - area.left) / 12)), 'bold')
      ctx.textAlign = 'center'
      ctx.textBaseline = 'middle'
      ctx.fillStyle = `${coloursOf(chart).bad}40`
      ctx.fillText(given.text, 0, 0)
      ctx.restore()
    },
  }

  return [repeats, references, marks, watermark]
}
