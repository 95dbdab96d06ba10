/** Sections that are charts: goodput, time line, delay, outage, CPU. Each chart comes with its numbers as a table. */
import type { Measurement, Result } from '../../../harness/results/schema.js'
import type { ChartSpec } from '../../charts/types.js'
import { samplesOf, subjectsOf } from '../../model/lookup.js'
import { digits, percent } from '../../model/metrics.js'
import { html, type Html } from '../html.js'

export function goodputSection(charts: readonly ChartSpec[]): Html | null {
  if (charts.length === 0) return null
  return html`<section id="goodput">
    <h2>Goodput</h2>
    <p class="about">
      Bars are medians, dots are the repeats (hollow: outlier, kept), whiskers the interval of the median. The dashed
      line is the best single path without a VPN, the dotted one the sum of all paths.
    </p>
    ${charts.map((chart) => figure(chart))}
  </section>`
}

export function timelineSection(result: Result): Html | null {
  if (!result.samples.some((sample) => (sample.goodput?.series.length ?? 0) > 0)) return null
  return html`<section id="timeline-section">
    <h2>Over time</h2>
    <p class="about">
      What each path carried, stacked, in whole frames; the line is what arrived in the application. Red: faults, and
      the longest time without a probe packet, drawn from the fault on.
    </p>
    <noscript><p>This chart needs the report's script; all its data is at the end of this file.</p></noscript>
    <div class="choose" data-scripted hidden>
      <label
        >measurement
        <select id="timeline-measurement"></select
      ></label>
      <label
        >subject
        <select id="timeline-subject"></select
      ></label>
      <label
        >repeat
        <select id="timeline-repeat"></select
      ></label>
    </div>
    <figure data-scripted hidden>
      <div class="scroll">
        <div class="canvas tall"><canvas id="timeline" role="img"></canvas></div>
      </div>
      <details>
        <summary>As a table</summary>
        <div class="scroll"><table id="timeline-table"></table></div>
      </details>
    </figure>
  </section>`
}

export function delaySection(charts: readonly ChartSpec[]): Html | null {
  if (charts.length === 0) return null
  const titles = charts.map((chart) => ({ id: chart.id, text: chart.title.replace(/^One-way delay: /, '') }))
  return html`<section id="delay">
    <h2>Delay, idle and loaded</h2>
    <p class="about">
      Share of probe packets that took at most so long, one way. The further a solid line lies right of its dashed one,
      the longer the queue that the load built.
    </p>
    ${
      charts.length > 1 &&
      html`<div class="choose" data-scripted hidden>
        <label
          >measurement
          <select id="delay-measurement">
            ${titles.map(({ id, text }) => html`<option value="${id}">${text}</option>`)}
          </select></label
        >
      </div>`
    }
    ${charts.map((chart, index) => figure(chart, html`data-delay="${chart.id}" ${index > 0 && 'hidden'}`))}
  </section>`
}

export function outageSection(result: Result, chart: ChartSpec | null): Html | null {
  const measurements = result.measurements.filter((measurement) => subjectsOf(result, measurement.id).length > 0)
  const rows = measurements.flatMap((measurement) => probeRows(result, measurement))
  if (rows.length === 0) return null
  return html`<section id="outage">
    <h2>Outage and loss</h2>
    <p class="about">
      What the probe felt in each window: one small packet every few milliseconds in each direction, beside the load.
      Gaps and losses: the median repeat, then the worst.
    </p>
    ${chart !== null && figure(chart)}
    <details ${chart === null && 'open'}>
      <summary>Every window and direction</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="Outage and loss per window">
        <table>
          <thead>
            <tr>
              <th scope="col">subject</th>
              ${['measurement', 'window', 'direction'].map((text) => html`<th scope="col" class="left">${text}</th>`)}
              ${['gap ms: median', 'worst', 'lost: median', 'worst', 'of packets', 'reordered', 'duplicated'].map(
                (text) => html`<th scope="col">${text}</th>`,
              )}
            </tr>
          </thead>
          <tbody>
            ${rows}
          </tbody>
        </table>
      </div>
    </details>
  </section>`
}

function probeRows(result: Result, measurement: Measurement): Html[] {
  return subjectsOf(result, measurement.id).flatMap((subject) =>
    measurement.windows.flatMap((window) =>
      (['up', 'down'] as const).flatMap((direction) => {
        const all = samplesOf(result, subject.id, measurement.id).flatMap((sample) => sample.probe?.windows ?? [])
        const felt = all.filter((found) => found.window === window.name && found.direction === direction)
        if (felt.length === 0) return []
        const gaps = felt.map((found) => found.longestGapMs ?? (found.lost > 0 ? window.endMs - window.startMs : 0))
        const sent = felt.reduce((sum, found) => sum + found.sent, 0)
        const sum = (key: 'lost' | 'reordered' | 'duplicated') => felt.reduce((total, found) => total + found[key], 0)
        const lost = felt.map((found) => found.lost)
        return html`<tr>
          <th scope="row">${subject.id}</th>
          <td class="left">${measurement.id}</td>
          <td class="left">${window.name}</td>
          <td class="left">${direction}</td>
          <td>${digits(middle(gaps))}</td>
          <td>${digits(Math.max(...gaps))}</td>
          <td>${digits(middle(lost))}</td>
          <td>${digits(Math.max(...lost))}</td>
          <td>${percent(sent === 0 ? null : sum('lost') / sent, 2)}</td>
          <td>${sum('reordered')}</td>
          <td>${sum('duplicated')}</td>
        </tr>`
      }),
    ),
  )
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y)
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[half] ?? 0) : ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2
}

export function cpuSection(chart: ChartSpec | null): Html | null {
  if (chart === null) return null
  return html`<section id="cpu">
    <h2>CPU per gigabyte</h2>
    <p class="about">
      CPU seconds of the subject's own processes on both sides for 10<sup>9</sup> bytes of goodput. Subjects that work
      inside the kernel have no processes to count.
    </p>
    ${figure(chart)}
  </section>`
}

function figure(chart: ChartSpec, attributes: Html | null = null): Html {
  return html`<figure ${attributes}>
    <figcaption>${chart.title}</figcaption>
    <div class="scroll">
      <div class="canvas" style="min-width:${chart.leastWidth}px">
        <canvas data-chart="${chart.id}" role="img" aria-label="${chart.alternative}"></canvas>
      </div>
    </div>
    <details>
      <summary>As a table</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="${chart.title}">
        <table>
          <thead>
            <tr>
              ${chart.table.head.map((text) => html`<th scope="col">${text}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${chart.table.rows.map(
              ([first, ...rest]) =>
                html`<tr>
                  <th scope="row">${first}</th>
                  ${rest.map((text) => html`<td>${text}</td>`)}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </details>
  </figure>`
}
