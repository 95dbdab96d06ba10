/** Title, banner, verdict and what was run. */
import type { Result } from '../../../harness/results/schema.js'
import { repeatsText, type Verdict, verdict } from '../../model/headline.js'
import { absentSubjects } from '../../model/lookup.js'
import { duration } from '../../model/metrics.js'
import { notes } from '../../model/notes.js'
import { html, type Html } from '../html.js'
import { topology } from './topology.js'

export const MARKS = { passed: '✓', failed: '✗', unknown: '?' } as const
const PILLS: Record<Verdict['word'], string> = {
  passed: 'passed',
  failed: 'failed',
  measured: 'neutral',
  interrupted: 'unknown',
  'not a measurement': 'unknown',
}

export function head(result: Result): Html {
  const { scenario, tool } = result
  const took = Date.parse(result.finishedAt) - Date.parse(result.startedAt)
  const version = `${tool.version}${tool.commit === null ? '' : ` (${tool.commit.slice(0, 8)}${tool.dirty ? ', changed' : ''})`}`
  return html`<header class="top">
    <div class="title">
      <h1>${scenario.name}</h1>
      <button id="theme" type="button" data-scripted hidden>Dark colours</button>
    </div>
    <p class="lead">${scenario.description}</p>
    <ul class="chips">
      <li>
        <b>${result.startedAt.slice(0, 16).replace('T', ' ')}</b> UTC${took > 0 && html`, took ${duration(took)}`}
      </li>
      <li><b>${repeatsText(result)}</b></li>
      <li>seed <b>${result.seed}</b></li>
      <li>shaper <b>${result.shaper.backend}</b>${result.shaper.reason !== '' && `: ${result.shaper.reason}`}</li>
      <li>${tool.name} <b>${version}</b></li>
    </ul>
  </header>`
}

export function banner(result: Result): Html | null {
  if (result.trusted && !result.interrupted) return null
  return html`<div class="banner" role="alert">
    <strong>Not a measurement</strong>
    These figures show that the scenario runs. Do not quote them, because:
    <ul>
      ${result.whyNot.map((why) => html`<li>${why}</li>`)}
      ${result.interrupted && html`<li>The run was interrupted.</li>`}
    </ul>
  </div>`
}

export function verdicts(result: Result): Html {
  const { word, text } = verdict(result)
  return html`<section id="verdict">
    <h2 class="hidden">Verdict</h2>
    <p class="verdict"><span class="pill ${PILLS[word]}">${word}</span> <span>${text}</span></p>
    <div class="two">
      <div>
        <h3>Expectations of the scenario</h3>
        ${result.expectations.length === 0 && html`<p class="legend">None stated.</p>`}
        <ul class="checks">
          ${result.expectations.map(({ status, text: what, detail }) => check(status, what, detail))}
        </ul>
      </div>
      <div>
        <h3>Guards: may the figures be believed?</h3>
        ${result.guards.length === 0 && html`<p class="legend">None ran.</p>`}
        <ul class="checks">
          ${result.guards.map((guard) => check(guard.ok ? 'passed' : 'failed', guard.name, guard.detail))}
        </ul>
      </div>
    </div>
    ${absent(result)} ${remarks(result)} ${topology(result)}
  </section>`
}

function check(status: keyof typeof MARKS, what: string, detail: string): Html {
  return html`<li>
    <span class="mark ${status}" aria-label="${status}">${MARKS[status]}</span>
    <span>${what}<br /><span class="detail">${detail}</span></span>
  </li>`
}

function absent(result: Result): Html | null {
  const subjects = absentSubjects(result)
  if (subjects.length === 0) return null
  return html`<h3>Did not take part</h3>
    <ul class="checks">
      ${subjects.map(
        (subject) =>
          html`<li>
            <span class="mark" aria-hidden="true">–</span>
            <span>
              <b>${subject.id}</b> (${subject.status}): ${subject.reason ?? 'no reason given'}<br />
              ${subject.remedy !== null && html`<span class="detail">To run it: <code>${subject.remedy}</code></span>`}
            </span>
          </li>`,
      )}
    </ul>`
}

function remarks(result: Result): Html | null {
  const found = notes(result)
  if (found.length === 0) return null
  return html`<h3>Notes</h3>
    <ul>
      ${found.map((note) => html`<li>${note}</li>`)}
    </ul>`
}
