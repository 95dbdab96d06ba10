/** The result as Markdown: for README files, pull requests and the summary page of a workflow. */
import type { Result } from '../harness/results/schema.js'
import { calibrationParts, headline, verdict } from './model/headline.js'
import { absentSubjects } from './model/lookup.js'
import { comparisonLines, notes } from './model/notes.js'
import { measurementTables } from './model/table.js'
import { oneLine } from './model/text.js'

/** More differences than these are left to the HTML report. */
const MOST_DIFFERENCES = 20

export function renderMarkdown(result: Result): string {
  const blocks = [
    `# ${escapeMarkdown(result.scenario.name)}`,
    escapeMarkdown(result.scenario.description),
    headline(result).slice(1).map(escapeMarkdown).join(' · '),
    distrust(result),
    `**${verdict(result).word.toUpperCase()}**: ${verdict(result).text}`,
    checks(result),
    ...measurementTables(result).map((found) =>
      [
        `### ${escapeMarkdown(found.measurement.id)} · ${escapeMarkdown(found.measurement.label)}`,
        escapeMarkdown(found.references),
        table(
          ['subject', ...found.columns.map((column) => column.head)],
          found.rows.map((row) => [
            row.failed > 0 ? `${row.subject.id} (${row.failed}/${row.repeats} failed)` : row.subject.id,
            ...row.cells,
          ]),
        ),
      ]
        .filter((text) => text !== '')
        .join('\n\n'),
    ),
    differences(result),
    bullets('### Notes', [
      ...absentSubjects(result).map((subject) => {
        const remedy = subject.remedy === null ? '' : ` To run it: ${subject.remedy}`
        return `${subject.id}: ${subject.status}. ${subject.reason ?? ''}${remedy}`
      }),
      ...notes(result),
      calibrated(result),
    ]),
    `Run it again: ${code(result.command)}`,
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

/** A table; every cell is escaped. The first column is left-aligned, numbers are right-aligned. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeMarkdown).join(' | ')} |`
  return [line(head), `| :-- |${' --: |'.repeat(head.length - 1)}`, ...rows.map(line)].join('\n')
}

/** Names show as they are: no formatting, no HTML, no link, no mention, no end of a table cell. */
export function escapeMarkdown(text: string): string {
  return oneLine(text)
    .replace(/[\\`*|]|~(?=~)|^#|\](?=[([:])|(?<!\w)_|_(?!\w)/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/@(?=\w)/g, '@\u200b')
    .replace(/^([-+]|\d+\.)(?=\s)/, '\\$1')
}

/** Code that may hold backticks itself. */
export function code(text: string): string {
  const plain = oneLine(text)
  const longest = Math.max(0, ...(plain.match(/`+/g) ?? []).map((run) => run.length))
  const fence = '`'.repeat(longest + 1)
  const space = plain.startsWith('`') || plain.endsWith('`') ? ' ' : ''
  return fence + space + plain + space + fence
}

function distrust(result: Result): string {
  if (result.trusted) return ''
  return ['> **Not a measurement**', ...result.whyNot.map((why) => `> - ${escapeMarkdown(why)}`)].join('\n')
}

function checks(result: Result): string {
  const marks = { passed: '✓', failed: '✗', unknown: '?' }
  const lines = result.expectations.map(
    ({ status, text, detail }) => `- ${marks[status]} ${escapeMarkdown(text)}: ${escapeMarkdown(detail)}`,
  )
  const guards = result.guards.map(
    ({ name, ok, detail }) => `- ${ok ? marks.passed : marks.failed} guard ${name}: ${escapeMarkdown(detail)}`,
  )
  return [...lines, ...guards].join('\n')
}

function differences(result: Result): string {
  const lines = comparisonLines(result).filter((line) => line.comparison.verdict !== 'not a measurement')
  if (lines.length === 0) return ''
  const shown = lines.slice(0, MOST_DIFFERENCES)
  const rows = shown.map((line) => [
    line.pair,
    line.what,
    `${line.difference} ${line.unit}`,
    line.better === null ? line.comparison.verdict : `${line.comparison.verdict}: ${line.better ? 'better' : 'worse'}`,
  ])
  const rest = lines.length - shown.length
  const more = rest > 0 ? `\n\n${rest} more in the HTML report.` : ''
  return `### Differences, paired by round\n\n${table(['difference', 'of', 'median [95 %]', 'verdict'], rows)}${more}`
}

function calibrated(result: Result): string {
  if (result.calibration === null) return 'Calibration was not done.'
  return `Calibration ${result.calibration.ok ? 'ok' : 'failed'}: ${calibrationParts(result)
    .map((part) => part.text)
    .join(' · ')}`
}

function bullets(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [title, '', ...lines.map((line) => `- ${escapeMarkdown(line)}`)].join('\n')
}
