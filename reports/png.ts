/**
 * The charts of the HTML report as PNG files, for slides, README files and pull requests. Drawn by Chart.js on a canvas
 * that needs no browser, no display and no installed font.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { ChartJSNodeCanvas } from 'chartjs-node-canvas'
import type { Result } from '../harness/results/schema.js'
import { cpuChart, delayCharts, goodputCharts, outageChart } from './charts/index.js'
import { paint } from './charts/paint.js'
import { themes } from './charts/palette.js'
import { chartPlugins } from './charts/plugins.js'
import { slug } from './charts/slug.js'
import { timeline } from './charts/timeline.js'
import { timelineOptions } from './charts/timeline-options.js'
import type { ChartConfig } from './charts/types.js'
import { watermarked } from './charts/watermark.js'

export interface Png {
  /** Without a directory: `goodput-1-bulk.png`. */
  name: string
  data: Buffer
}

/** CSS pixels; the files have twice as many, for sharp text on any screen. */
const WIDTH = 1000
const HEIGHT = 460
const PIXEL_RATIO = 2
/** More time lines than these are left to the HTML report, where one can choose. */
const MOST_TIMELINES = 12

export async function renderPngs(result: Result): Promise<Png[]> {
  const wanted = [...standing(result), ...timelines(result)]
  if (wanted.length === 0) return []
  const canvas = await newCanvas()
  const images: Png[] = []
  for (const { id, title, config } of wanted) {
    images.push({ name: `${id}.png`, data: await draw(canvas, titled(watermarked(config, result), title, result)) })
  }
  return images
}

interface Wanted {
  id: string
  title: string
  config: ChartConfig
}

function standing(result: Result): Wanted[] {
  const charts = [...goodputCharts(result), ...delayCharts(result), outageChart(result), cpuChart(result)]
  return charts.filter((chart) => chart !== null)
}

/** One per measurement with faults and contender: its first good repeat. */
function timelines(result: Result): Wanted[] {
  const contenders = result.subjects.filter((subject) => subject.kind !== 'direct')
  const found = result.measurements
    .filter((measurement) => measurement.faults.length > 0)
    .flatMap((measurement) =>
      contenders.flatMap((subject, place): Wanted[] => {
        const sample = result.samples.find(
          (each) => each.measurement === measurement.id && each.subject === subject.id && each.status === 'ok',
        )
        if (sample === undefined) return []
        const id = `timeline-${slug(measurement.id)}-${place + 1}-${slug(subject.id)}`
        const title = `${subject.id}, ${measurement.id}, repeat ${sample.repeat}`
        return [{ id, title, config: timeline(result.paths, measurement, sample, timelineOptions()).config }]
      }),
    )
  return found.slice(0, MOST_TIMELINES)
}

/** An image stands alone: it says what it shows, of which scenario, and where it comes from. */
function titled(config: ChartConfig, title: string, result: Result): ChartConfig {
  const { plugins, ...options } = config.options
  const subtitle = `${result.scenario.name} · ${result.tool.name} ${result.tool.version} · seed ${result.seed} · ${result.repeats} ${
    result.repeats === 1 ? 'repeat' : 'repeats'
  }`
  const start = { align: 'start', display: true }
  return {
    ...config,
    options: {
      layout: { padding: 18 },
      ...options,
      ...(options['layout'] === undefined ? {} : { layout: { padding: 18 } }),
      plugins: {
        ...(plugins as Record<string, unknown>),
        title: { ...start, text: title, color: '@text', font: { size: 17, weight: 'bold' }, padding: { bottom: 2 } },
        subtitle: { ...start, text: subtitle, color: '@muted', font: { size: 12 }, padding: { bottom: 26 } },
      },
    },
  }
}

async function draw(canvas: ChartJSNodeCanvas, config: ChartConfig): Promise<Buffer> {
  const painted = paint(config, themes.light)
  const options = { ...painted.options, devicePixelRatio: PIXEL_RATIO }
  return canvas.renderToBuffer({ ...painted, options })
}

/** Loaded when an image is wanted: the canvas is a native library, and the other reports do without it. */
async function newCanvas(): Promise<ChartJSNodeCanvas> {
  const { ChartJSNodeCanvas } = await import('chartjs-node-canvas')
  const canvas = new ChartJSNodeCanvas({
    width: WIDTH,
    height: HEIGHT,
    backgroundColour: themes.light.card,
    chartCallback: (Chart) => {
      Chart.defaults.font.family = 'DejaVu Sans'
      Chart.defaults.font.size = 12
      Chart.register(...chartPlugins())
    },
  })
  const fonts = join(dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf')
  for (const name of ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf']) {
    canvas.registerFont(join(fonts, name), { family: 'DejaVu Sans' })
  }
  return canvas
}
