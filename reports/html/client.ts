/**
 * What happens in the reader's browser: colours, charts, choosers, download. Stands alone: its source is written into the
 * report, so it must use nothing but its arguments and the browser's own objects.
 */
import type { paint } from '../charts/paint.js'
import type { Theme } from '../charts/palette.js'
import type { chartPlugins } from '../charts/plugins.js'
import type { timeline } from '../charts/timeline.js'
import type { ChartConfig } from '../charts/types.js'
import type { Measurement, Result, Sample } from '../../harness/results/schema.js'
import type { Browser, Element_ } from './dom.js'

export interface ClientParts {
  browser: Browser
  Chart: {
    new (canvas: Element_, config: unknown): { destroy(): void }
    register(...plugins: unknown[]): void
    defaults: { font: { family: string; size: number } }
  }
  paint: typeof paint
  chartPlugins: typeof chartPlugins
  timeline: typeof timeline
}

/** Written into the report beside the result. */
export interface ClientData {
  themes: { light: Theme; dark: Theme }
  charts: Record<string, ChartConfig>
  timelineOptions: Record<string, unknown>
}

export function client({ browser, Chart, paint, chartPlugins, timeline }: ClientParts): void {
  const { document } = browser
  const root = document.documentElement
  const dataOf = (id: string): string => document.getElementById(id)?.textContent ?? 'null'
  const data = JSON.parse(dataOf('charts')) as ClientData
  const drawn = new Map<Element_, { destroy(): void }>()
  Chart.register(...chartPlugins())
  Chart.defaults.font.family = 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif'
  Chart.defaults.font.size = 12

  /** Large results are packed; every browser that can unpack them does so here. */
  const readResult = async (): Promise<Result> => {
    if (document.getElementById('result') !== null) return JSON.parse(dataOf('result')) as Result
    const bytes = Uint8Array.from(atob(dataOf('result-gzip').trim()), (letter) => letter.charCodeAt(0))
    const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))
    return JSON.parse(await new Response(unpacked).text()) as Result
  }
  const loaded = readResult()

  const night = browser.matchMedia('(prefers-color-scheme: dark)')
  const isDark = (): boolean => (root.dataset['theme'] ?? (night.matches ? 'dark' : 'light')) === 'dark'
  const draw = (canvas: Element_, config: ChartConfig): void => {
    drawn.get(canvas)?.destroy()
    const painted = paint(config, isDark() ? data.themes.dark : data.themes.light)
    drawn.set(canvas, new Chart(canvas, painted))
  }

  const isShown = (element: Element_): boolean => element.closest('[hidden]') === null
  const drawAll = (): void => {
    for (const canvas of document.querySelectorAll('canvas[data-chart]')) {
      const config = data.charts[canvas.dataset['chart'] ?? '']
      if (config !== undefined && isShown(canvas)) draw(canvas, config)
    }
    void drawTimeline()
  }

  const select = (id: string): Element_ | null => document.getElementById(id)
  const fill = (element: Element_, entries: { value: string; text: string }[], wanted: string): void => {
    element.replaceChildren(
      ...entries.map(({ value, text }) => {
        const option = document.createElement('option')
        option.value = value
        option.textContent = text
        return option
      }),
    )
    element.value = entries.some((entry) => entry.value === wanted) ? wanted : (entries[0]?.value ?? '')
  }

  /** The selects of the time line; each offers only what was measured. */
  const choose = (result: Result): { measurement: Measurement; sample: Sample } | null => {
    const [which, who, round] = [select('timeline-measurement'), select('timeline-subject'), select('timeline-repeat')]
    if (which === null || who === null || round === null) return null
    const usable = result.samples.filter((sample) => sample.goodput !== null || sample.paths.length > 0)
    const measurements = result.measurements.filter((found) => usable.some((sample) => sample.measurement === found.id))
    const first = measurements.find((found) => found.faults.length > 0) ?? measurements[0]
    const entries = measurements.map((found) => ({ value: found.id, text: `${found.id}: ${found.label}` }))
    fill(which, entries, which.value === '' ? (first?.id ?? '') : which.value)
    const inMeasurement = usable.filter((sample) => sample.measurement === which.value)
    const subjects = result.subjects.filter((found) => inMeasurement.some((sample) => sample.subject === found.id))
    const contender = subjects.find((found) => found.kind !== 'direct') ?? subjects[0]
    const names = subjects.map((found) => ({ value: found.id, text: found.id }))
    fill(who, names, who.value === '' ? (contender?.id ?? '') : who.value)
    const rounds = inMeasurement.filter((sample) => sample.subject === who.value)
    const numbers = rounds.map((sample) => ({ value: String(sample.repeat), text: String(sample.repeat) }))
    fill(round, numbers, round.value)
    const measurement = measurements.find((found) => found.id === which.value)
    const sample = rounds.find((found) => String(found.repeat) === round.value)
    return measurement === undefined || sample === undefined ? null : { measurement, sample }
  }

  const cells = (tag: string, texts: string[]): Element_ => {
    const row = document.createElement('tr')
    row.append(
      ...texts.map((text, place) => {
        const cell = document.createElement(place === 0 && tag === 'td' ? 'th' : tag)
        cell.setAttribute('scope', tag === 'th' ? 'col' : 'row')
        if (cell.getAttribute('scope') === 'row' && place > 0) cell.removeAttribute('scope')
        cell.textContent = text
        return cell
      }),
    )
    return row
  }

  const drawTimeline = async (): Promise<void> => {
    const canvas = document.getElementById('timeline')
    if (canvas === null) return
    const result = await loaded
    const chosen = choose(result)
    if (chosen === null) return
    const made = timeline(result.paths, chosen.measurement, chosen.sample, data.timelineOptions)
    draw(canvas, made.config)
    canvas.setAttribute('aria-label', made.alternative)
    const table = document.getElementById('timeline-table')
    const head = document.createElement('thead')
    const body = document.createElement('tbody')
    head.append(cells('th', made.table.head))
    body.append(...made.table.rows.map((row) => cells('td', row)))
    table?.replaceChildren(head, body)
  }

  const setTheme = (name: string | undefined): void => {
    if (name === undefined) delete root.dataset['theme']
    else root.dataset['theme'] = name
    const button = document.getElementById('theme')
    if (button !== null) button.textContent = isDark() ? 'Light colours' : 'Dark colours'
    drawAll()
  }

  for (const id of ['timeline-measurement', 'timeline-subject', 'timeline-repeat']) {
    select(id)?.addEventListener('change', () => void drawTimeline())
  }
  select('delay-measurement')?.addEventListener('change', () => {
    for (const figure of document.querySelectorAll('figure[data-delay]')) {
      figure.hidden = figure.dataset['delay'] !== select('delay-measurement')?.value
    }
    drawAll()
  })
  document.getElementById('theme')?.addEventListener('click', () => setTheme(isDark() ? 'light' : 'dark'))
  document.getElementById('download')?.addEventListener('click', () => {
    void loaded.then((result) => {
      const link = document.createElement('a')
      link.href = URL.createObjectURL(new Blob([JSON.stringify(result, null, 2)], { type: 'application/json' }))
      link.download = 'result.json'
      link.click()
    })
  })
  document.getElementById('copy')?.addEventListener('click', () => {
    const command = document.getElementById('command')
    if (command === null) return
    browser.getSelection()?.selectAllChildren(command)
    void browser.navigator.clipboard?.writeText(command.textContent ?? '').catch(() => undefined)
  })
  night.addEventListener('change', () => setTheme(root.dataset['theme']))
  let before: string | undefined
  browser.addEventListener('beforeprint', () => {
    before = root.dataset['theme']
    setTheme('light')
  })
  browser.addEventListener('afterprint', () => setTheme(before))
  for (const element of document.querySelectorAll('[data-scripted]')) element.hidden = false
  setTheme(undefined)
}
