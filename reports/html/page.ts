/**
 * The HTML report: one file, no network, no second file, readable for years. Its scripts are allowed by hash, so that
 * nothing else can run even if a name from a scenario were not escaped.
 */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Result } from '../../harness/results/schema.js'
import { cpuChart, delayCharts, goodputCharts, outageChart } from '../charts/index.js'
import { themes } from '../charts/palette.js'
import { timelineOptions } from '../charts/timeline-options.js'
import { watermark, watermarked } from '../charts/watermark.js'
import type { ClientData } from './client.js'
import { html, type Html, jsonForScript, raw } from './html.js'
import { chartLibrary, clientScript } from './script.js'
import { calibrationSection } from './sections/calibration.js'
import { cpuSection, delaySection, goodputSection, outageSection, timelineSection } from './sections/charts.js'
import { differences } from './sections/differences.js'
import { environmentSection, reproduceSection } from './sections/environment.js'
import { figures } from './sections/figures.js'
import { banner, head, verdicts } from './sections/head.js'
import { style } from './style.js'

/** Longer results are packed: about a fifth remains, at the price of being readable only by a program. */
const LONGEST_PLAIN_JSON = 2_200_000

export function renderHtml(result: Result): string {
  const goodput = goodputCharts(result)
  const delays = delayCharts(result)
  const outage = outageChart(result)
  const cpu = cpuChart(result)
  const all = [...goodput, ...delays, outage, cpu].filter((chart) => chart !== null)
  const data: ClientData = {
    themes,
    charts: Object.fromEntries(all.map((chart) => [chart.id, watermarked(chart.config, result)])),
    timelineOptions: watermark(timelineOptions(), result),
  }
  const sections: [string, string, Html | null][] = [
    ['verdict', 'Verdict', verdicts(result)],
    ['figures', 'Figures', figures(result)],
    ['goodput', 'Goodput', goodputSection(goodput)],
    ['timeline-section', 'Over time', timelineSection(result)],
    ['delay', 'Delay', delaySection(delays)],
    ['outage', 'Outage', outageSection(result, outage)],
    ['cpu', 'CPU', cpuSection(cpu)],
    ['differences', 'Differences', differences(result)],
    ['calibration', 'Calibration', calibrationSection(result)],
    ['environment', 'Environment', environmentSection(result)],
    ['reproduce', 'Run it again', reproduceSection(result)],
  ]
  const shown = sections.filter(([, , section]) => section !== null)
  const scripts = [chartLibrary(), clientScript()]
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy(scripts)}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${result.scenario.name} · ${result.tool.name}</title>
        <link rel="icon" href="data:," />
        <style>
          ${raw(style)}
        </style>
      </head>
      <body class="${result.trusted ? '' : 'untrusted'}">
        ${head(result)}
        <nav aria-label="Sections">
          <ul>
            ${shown.map(([id, name]) => html`<li><a href="#${id}">${name}</a></li>`)}
          </ul>
        </nav>
        <main>${banner(result)} ${shown.map(([, , section]) => section)}</main>
        <footer>Made by ${result.tool.name} ${result.tool.version}. Charts: Chart.js (MIT).</footer>
        ${embedded(result)}
        <script type="application/json" id="charts">
          ${jsonForScript(data)}
        </script>
        ${scripts.map(scriptTag)}
      </body>
    </html>`.text
}

function embedded(result: Result): Html {
  const json = jsonForScript(result)
  if (json.text.length <= LONGEST_PLAIN_JSON)
    return html`<script type="application/json" id="result">
      ${json}
    </script>`
  const packed = gzipSync(JSON.stringify(result), { level: 9 }).toString('base64')
  return html`<script type="application/gzip" id="result-gzip">
    ${raw(packed)}
  </script>`
}

/** Not a template: a blank that a formatter adds would change the hash. */
function scriptTag(text: string): Html {
  return raw(`<script>${text}</script>`)
}

function policy(scripts: readonly string[]): string {
  const hashes = scripts.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`)
  return [
    "default-src 'none'",
    `script-src ${hashes.join(' ')}`,
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
}
