/**
 * GitHub Actions: annotations as workflow commands on standard output, and the text of the step summary.
 * https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
import type { Result } from '../harness/results/schema.js'
import { checksOf } from './checks.js'
import { renderMarkdown } from './markdown.js'
import { verdict } from './model/headline.js'

/** One line per annotation. Failures are errors unless the run is not to be believed: then they are warnings. */
export function renderGithubAnnotations(result: Result): string {
  const lines: string[] = []
  const { scenario } = result
  for (const check of checksOf(result)) {
    if (check.status === 'passed') continue
    const level =
      check.status === 'skipped' ? 'notice' : result.trusted || check.group !== 'expectation' ? 'error' : 'warning'
    const title = `${scenario.name}: ${check.group} ${check.status}`
    lines.push(command(level, { file: scenario.file, title }, `${check.name}: ${check.detail}`))
  }
  if (!result.trusted) {
    const title = `${scenario.name}: not a measurement`
    lines.push(command('warning', { file: scenario.file, title }, result.whyNot.join('\n')))
  }
  const { word, text } = verdict(result)
  if (lines.length === 0) lines.push(command('notice', { title: `${scenario.name}: ${word}` }, text))
  return `${lines.join('\n')}\n`
}

/** For the file that `GITHUB_STEP_SUMMARY` names; GitHub allows 1 MiB per step. */
export function renderGithubSummary(result: Result): string {
  const text = renderMarkdown(result)
  const most = 1_000_000
  if (Buffer.byteLength(text) <= most) return text
  // A character has at most four bytes.
  return `${text.slice(0, most / 4)}\n\nCut: the rest is in report.md.\n`
}

function command(level: 'error' | 'warning' | 'notice', properties: Record<string, string>, message: string): string {
  const list = Object.entries(properties).map(([name, value]) => `${name}=${escapeProperty(value)}`)
  return `::${level} ${list.join(',')}::${escapeData(message)}`
}

/** As in actions/toolkit, packages/core/src/command.ts. */
export function escapeData(text: string): string {
  return text.replace(/%/g, '%25').replace(/\r/g, '%0D').replace(/\n/g, '%0A')
}

export function escapeProperty(text: string): string {
  return escapeData(text).replace(/:/g, '%3A').replace(/,/g, '%2C')
}
