/** Differences between subjects, paired by round, each with a strip of its repeats around zero. */
import type { Result } from '../../../harness/results/schema.js'
import { type ComparisonLine, comparisonLines } from '../../model/notes.js'
import { html, type Html } from '../html.js'

/** Units of a strip. */
const WIDTH = 150
const HEIGHT = 20

export function differences(result: Result): Html | null {
  const lines = comparisonLines(result)
  if (lines.length === 0) return null
  const found = lines.filter((line) => line.better !== null)
  const others = lines.filter((line) => line.better === null)
  return html`<section id="differences">
    <h2>Differences</h2>
    <p class="about">
      Each round runs all subjects, so their differences are taken round by round. Dots are rounds, the bar is the
      interval of the median difference; where it spans zero, no difference was detected. “Limit”: smaller differences
      would not have been seen.
    </p>
    ${found.length > 0 && table(found)}
    ${
      others.length > 0 &&
      html`<details ${found.length === 0 && 'open'}>
        <summary>${others.length} without a detected difference</summary>
        ${table(others)}
      </details>`
    }
  </section>`
}

function table(lines: readonly ComparisonLine[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Differences">
    <table class="nowrap">
      <thead>
        <tr>
          <th scope="col">difference</th>
          <th scope="col" class="left">of</th>
          <th scope="col">median [95 %]</th>
          <th scope="col" class="left">around zero</th>
          <th scope="col">limit</th>
          <th scope="col" class="left">verdict</th>
        </tr>
      </thead>
      <tbody>
        ${lines.map(
          (line) =>
            html`<tr>
              <th scope="row">${line.pair}</th>
              <td class="left">${line.what}</td>
              <td>${line.difference} ${line.unit}</td>
              <td class="left">${strip(line)}</td>
              <td>${line.limit}</td>
              <td class="left ${line.better === null ? '' : line.better ? 'good' : 'bad'}">
                ${line.comparison.verdict}${line.better === null ? '' : line.better ? ': better' : ': worse'}
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function strip(line: ComparisonLine): Html {
  const { values, low, high, median } = line.comparison.difference
  const reach = Math.max(...values.map(Math.abs), Math.abs(low ?? 0), Math.abs(high ?? 0)) || 1
  const x = (value: number): string => ((value / reach) * (WIDTH / 2 - 6) + WIDTH / 2).toFixed(1)
  const middle = HEIGHT / 2
  return html`<svg class="strip" width="${WIDTH}" height="${HEIGHT}" aria-hidden="true">
    <line x1="${x(0)}" x2="${x(0)}" y1="0" y2="${HEIGHT}" stroke="currentColor" opacity=".35" />
    ${
      low !== null &&
      high !== null &&
      html`<line
        x1="${x(low)}"
        x2="${x(high)}"
        y1="${middle}"
        y2="${middle}"
        stroke="currentColor"
        stroke-width="5"
        opacity=".25"
      />`
    }
    ${values.map((value) => html`<circle cx="${x(value)}" cy="${middle}" r="2.6" fill="currentColor" opacity=".6" />`)}
    <line x1="${x(median)}" x2="${x(median)}" y1="3" y2="${HEIGHT - 3}" stroke="currentColor" stroke-width="2" />
  </svg>`
}
