/** The machine, and how to repeat the run on another. */
import type { Result } from '../../../harness/results/schema.js'
import { html, type Html } from '../html.js'

export function environmentSection(result: Result): Html {
  const { environment } = result
  const facts: [string, string][] = [
    ['host', environment.hostname],
    ['system', `${environment.os}, ${environment.kernel}`],
    ['processor', `${environment.cpuCount} × ${environment.cpuModel}`],
    ['memory', `${(environment.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
    ['frequency governor', environment.governor ?? 'not known'],
    ['clock source', environment.clocksource ?? 'not known'],
    ['load before the run', environment.loadAverage.map((load) => load.toFixed(2)).join(', ')],
    ['Node.js', environment.node],
    ['shaper', `${result.shaper.backend}: ${result.shaper.reason}`],
  ]
  const versions = result.subjects.flatMap(({ id, version }): [string, string][] =>
    version === null ? [] : [[id, version]],
  )
  return html`<section id="environment">
    <h2>Environment</h2>
    ${list(facts)}
    ${
      environment.missing.length > 0 &&
      html`<h3>What this machine lacks</h3>
        <ul>
          ${environment.missing.map((text) => html`<li>${text}</li>`)}
        </ul>`
    }
    <details>
      <summary>Versions and kernel settings</summary>
      ${list([...versions, ...Object.entries(environment.tools).map(([name, text]): [string, string] => [name, text ?? 'missing'])])}
      ${list(Object.entries(environment.sysctls).map(([name, text]) => [name, text ?? 'not there']))}
    </details>
  </section>`
}

export function reproduceSection(result: Result): Html {
  const { tool, scenario } = result
  const facts: [string, string][] = [
    ['seed', String(result.seed)],
    ['scenario', `${scenario.file}, SHA-256 ${scenario.sha256}`],
    [tool.name, `${tool.version}, commit ${tool.commit ?? 'not known'}${tool.dirty ? ' with local changes' : ''}`],
    ['started', result.startedAt],
    ['finished', result.finishedAt],
    ['exit code', String(result.exitCode)],
  ]
  return html`<section id="reproduce">
    <h2>Run it again</h2>
    <pre id="command">${result.command}</pre>
    <p>
      <button id="copy" type="button" data-scripted hidden>Copy the command</button>
      <button id="download" type="button" data-scripted hidden>Download result.json</button>
    </p>
    ${list(facts)}
    <p class="legend">
      This file holds the whole result. Any report can be made again from it: save it as result.json, then
      <code>npx mqvpn-bench report result.json</code>.
    </p>
  </section>`
}

function list(entries: readonly (readonly [string, string])[]): Html {
  return html`<dl class="facts">
    ${entries.map(
      ([name, text]) =>
        html`<dt>${name}</dt>
          <dd>${text}</dd>`,
    )}
  </dl>`
}
