/** The table of all measurements: the figures that the terminal prints too. */
import type { Result } from '../../../harness/results/schema.js'
import { subjectColour } from '../../charts/palette.js'
import { type MeasurementTable, measurementTables } from '../../model/table.js'
import { html, type Html } from '../html.js'

export function figures(result: Result): Html | null {
  const tables = measurementTables(result)
  if (tables.length === 0) return null
  return html`<section id="figures">
    <h2>Figures</h2>
    <p class="about">
      Median of the repeats; in brackets its interval. “Of best” and “of sum” are against the best single path and
      against all paths together, without a VPN, in the same run.
    </p>
    ${alike(tables).map((group) => oneTable(result, group))}
  </section>`
}

/** Measurements with the same columns share a table. */
function alike(tables: readonly MeasurementTable[]): MeasurementTable[][] {
  const groups: MeasurementTable[][] = []
  for (const table of tables) {
    const last = groups[groups.length - 1]
    const same =
      last?.[0]?.columns.map((column) => column.head).join() === table.columns.map((column) => column.head).join()
    if (last !== undefined && same) last.push(table)
    else groups.push([table])
  }
  return groups
}

function oneTable(result: Result, tables: readonly MeasurementTable[]): Html {
  const columns = tables[0]?.columns ?? []
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Figures">
    <table>
      <thead>
        <tr>
          <th scope="col">subject</th>
          ${columns.map((column) => html`<th scope="col" title="${column.meaning}">${column.head}</th>`)}
        </tr>
      </thead>
      ${tables.map(
        ({ measurement, references, rows }) =>
          html`<tbody>
            <tr class="group">
              <th colspan="${columns.length + 1}" scope="colgroup">
                ${measurement.id} · ${measurement.label} <small>${references}</small>
              </th>
            </tr>
            ${rows.map(
              (row) =>
                html`<tr class="${row.baseline ? 'baseline' : ''}">
                  <th scope="row" title="${row.subject.label}">
                    ${swatch(result, row.subject.id)}${row.subject.id}
                    ${row.failed > 0 && html`<span class="failed">(${row.failed}/${row.repeats} failed)</span>`}
                  </th>
                  ${row.cells.map((cell) => html`<td>${cell}</td>`)}
                </tr>`,
            )}
          </tbody>`,
      )}
    </table>
  </div>`
}

/** The colour that the subject has in all charts. */
function swatch(result: Result, subject: string): Html {
  return html`<span class="swatch" style="background:var(--${subjectColour(result, subject).slice(1)})"></span>`
}
