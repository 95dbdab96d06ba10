/** A comparison of two runs for people: terminal and Markdown. */
import pc from 'picocolors'
import { metrics, inUnit, signed, signedPercent, placesFor } from '../model/metrics.js'
import { cut, oneLine, padEnd, padStart, width as columnsOf, wrap } from '../model/text.js'
import { escapeMarkdown, table } from '../markdown.js'
import type { Change, ResultComparison } from './compare.js'

export interface CompareTextOptions {
  color?: boolean
  /** Columns, 60 … 100. */
  width?: number
}

export function renderComparisonTerminal(comparison: ResultComparison, options: CompareTextOptions = {}): string {
  const c = pc.createColors(options.color ?? (process.stdout.isTTY && pc.isColorSupported))
  const width = Math.max(60, Math.min(100, options.width ?? 100))
  const told = (label: string, text: string, paint: (text: string) => string): string[] =>
    wrap(oneLine(text), width - label.length - 2).map((line, index) =>
      index === 0 ? `${paint(label)}  ${line}` : ' '.repeat(label.length + 2) + line,
    )
  const { before, after } = comparison
  const found = loud(comparison)
  const names = found.map((change) => cut(oneLine(whatOf(change)), 40))
  const nameWidth = Math.max(0, ...names.map(columnsOf))
  const figures = found.map(figuresOf)
  const columns = [0, 1, 2].map((place) => Math.max(0, ...figures.map((cells) => columnsOf(cells[place] ?? ''))))
  const rows = found.flatMap((change, index) => {
    const cells = (figures[index] ?? []).map((cell, place) => padStart(cell, columns[place] ?? 0))
    const paint = change.verdict === 'improved' ? c.green : c.red
    const heading = change.subject === found[index - 1]?.subject ? [] : [c.bold(oneLine(change.subject))]
    const verdict = change.reason ?? change.verdict
    return [...heading, `  ${padEnd(names[index] ?? '', nameWidth)}  ${cells.join('  ')}  ${paint(verdict)}`]
  })
  const blocks = [
    [
      `${c.bold(oneLine(comparison.scenario))} · ${before.startedAt.slice(0, 16)} ${before.version} → ${after.startedAt.slice(0, 16)} ${after.version}`,
      ...comparison.refusals.flatMap((text) => told('REFUSED', text, c.red)),
      ...comparison.warnings.flatMap((text) => told('differs', text, c.yellow)),
    ],
    rows,
    unjudged(comparison).flatMap((text) => told('–', text, c.dim)),
    [
      conclusion(comparison, c),
      ...caveat(comparison)
        .flatMap((line) => wrap(line, width))
        .map((line) => c.dim(line)),
    ],
  ]
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n')}\n`
}

export function renderComparisonMarkdown(comparison: ResultComparison): string {
  const { before, after } = comparison
  const found = loud(comparison)
  const mark = (change: Change): string => (change.verdict === 'improved' ? '✓ improved' : '✗ regressed')
  const blocks = [
    `## ${escapeMarkdown(comparison.scenario)}: ${summaryOf(comparison)}`,
    `${before.startedAt.slice(0, 16)} ${before.version} → ${after.startedAt.slice(0, 16)} ${after.version}`,
    [
      ...comparison.refusals.map((text) => `- **Refused**: ${escapeMarkdown(text)}`),
      ...comparison.warnings.map((text) => `- Differs: ${escapeMarkdown(text)}`),
    ].join('\n'),
    found.length === 0
      ? ''
      : table(
          ['subject', 'what', 'before → after', 'difference [99 %]', 'change', 'verdict'],
          found.map((change) => [change.subject, whatOf(change), ...figuresOf(change), change.reason ?? mark(change)]),
        ),
    unjudged(comparison)
      .map((text) => `- ${escapeMarkdown(text)}`)
      .join('\n'),
    caveat(comparison).map(escapeMarkdown).join(' '),
  ]
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}

/** What changed, subject by subject, regressions first. */
function loud(comparison: ResultComparison): Change[] {
  const order = ['regressed', 'improved'] as const
  const subjects = [...new Set(comparison.changes.map((change) => change.subject))]
  return subjects.flatMap((subject) =>
    order.flatMap((verdict) =>
      comparison.changes.filter((each) => each.subject === subject && each.verdict === verdict),
    ),
  )
}

/** What could not be compared: one line per subject and reason. */
function unjudged(comparison: ResultComparison): string[] {
  const counts = new Map<string, number>()
  for (const { subject, verdict, reason } of comparison.changes) {
    if (verdict !== 'not comparable') continue
    const text = `of ${subject} not compared: ${reason ?? 'no reason given'}`
    counts.set(text, (counts.get(text) ?? 0) + 1)
  }
  return [...counts].map(([text, count]) => `${count} ${count === 1 ? 'figure' : 'figures'} ${text}`)
}

function whatOf({ measurement, window, metric, direction }: Change): string {
  const where = window === 'healthy' ? '' : ` ${window}`
  return `${measurement}${where} ${metrics[metric].label}${direction === null ? '' : ` ${direction}`}`
}

/** `286 → 270 Mbit/s`, `−16 [−18, −13]`, `−5.6 %` */
function figuresOf({ metric, before, after, difference, relative }: Change): string[] {
  const values = `${inUnit(metric, before)} → ${inUnit(metric, after)} ${metrics[metric].unit}`
  if (difference === null || !Number.isFinite(difference.estimate)) return [values, '', '']
  const { estimate, low, high } = difference
  const places = placesFor(estimate * metrics[metric].scale)
  const interval =
    low === null || high === null ? '' : ` [${signed(metric, low, places)}, ${signed(metric, high, places)}]`
  return [values, signed(metric, estimate, places) + interval, signedPercent(relative)]
}

function summaryOf(comparison: ResultComparison): string {
  if (comparison.refusals.length > 0) return 'not compared'
  const count = (verdict: Change['verdict']): number =>
    comparison.changes.filter((each) => each.verdict === verdict).length
  const parts = [
    [count('regressed'), 'regressed'],
    [count('improved'), 'improved'],
    [count('no difference detected'), 'without a detected difference'],
    [count('not comparable'), 'not comparable'],
  ] as const
  const told = parts.filter(([number]) => number > 0).map(([number, text]) => `${number} ${text}`)
  return told.length === 0 ? 'nothing to compare' : told.join(', ')
}

function conclusion(comparison: ResultComparison, c: ReturnType<typeof pc.createColors>): string {
  const [word, paint] =
    comparison.refusals.length > 0
      ? ['NOT COMPARED', c.yellow]
      : comparison.failsOnRegression
        ? ['REGRESSED', c.red]
        : ['NO REGRESSION', c.green]
  return `${c.bold(paint(word))}  ${summaryOf(comparison)}`
}

/** Many comparisons find something by chance: the reader is told how much. */
function caveat(comparison: ResultComparison): string[] {
  if (comparison.refusals.length > 0 || comparison.changes.length === 0) return []
  const intro = 'Differences are Hodges-Lehmann shifts with exact Mann-Whitney intervals: two runs are not paired.'
  const tested = comparison.changes.filter((change) => change.difference?.coverage != null).length
  if (tested === 0) return [intro]
  const chance = comparison.expectedByChance
  const few = chance < 0.95 ? 'less than one' : `about ${Math.round(chance)}`
  return [
    `${intro} Of ${tested} intervals, ${few} would exclude zero by chance; the noise threshold catches most of those.`,
  ]
}
