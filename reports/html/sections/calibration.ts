/** What the links were asked to do, and what they did. */
import type { CalibrationEntry, Result } from '../../../harness/results/schema.js'
import { digits, percent, rate, signedPercent } from '../../model/metrics.js'
import { html, type Html } from '../html.js'

export function calibrationSection(result: Result): Html {
  const { calibration } = result
  return html`<section id="calibration">
    <h2>Calibration</h2>
    ${
      calibration === null
        ? html`<p class="warn">Not done: nobody checked what the links really do.</p>`
        : html`<p class="about">
              Before anything else ran, every link was measured by itself, in both directions: configured → measured.
              Allowed: ±${digits(calibration.tolerance.rate * 100)} % of the rate,
              ±${digits(calibration.tolerance.delayMs)} ms of the delay, and a loss within its 99.9 % interval.
              ${
                calibration.probeJitter !== null &&
                html`The probe's own timing error is ${digits(calibration.probeJitter.p50Ms)} ms (p99
                ${digits(calibration.probeJitter.p99Ms)} ms).`
              }
            </p>
            <div class="scroll" tabindex="0" role="region" aria-label="Calibration">
              <table>
                <thead>
                  <tr>
                    ${['path', 'direction', 'rate', 'error', 'delay p50', 'p99', 'loss', 'verdict'].map(
                      (text) => html`<th scope="col">${text}</th>`,
                    )}
                  </tr>
                </thead>
                <tbody>
                  ${calibration.entries.map((entry) => row(entry))}
                </tbody>
              </table>
            </div>`
    }
  </section>`
}

function row(entry: CalibrationEntry): Html {
  const { rate: rates, delay, loss } = entry
  const failed = (ok: boolean): string => (ok ? '' : 'bad')
  return html`<tr>
    <th scope="row">${entry.path}</th>
    <td>${entry.direction}</td>
    <td class="${failed(rates.ok)}">
      ${rate(rates.configuredBitsPerSecond)} → ${digits(rates.measuredBitsPerSecond / 1e6, 1)} Mbit/s
    </td>
    <td class="${failed(rates.ok)}">${signedPercent(rates.error)}</td>
    <td class="${failed(delay.ok)}">${digits(delay.configuredMs)} → ${digits(delay.p50Ms, 2)} ms</td>
    <td>${digits(delay.p99Ms, 2)} ms</td>
    <td class="${failed(loss.ok)}">${percent(loss.configured, 2)} → ${percent(loss.measured, 2)}</td>
    <td class="${entry.ok ? 'good' : 'bad'}">${entry.ok ? '✓ ok' : '✗ failed'}</td>
  </tr>`
}
