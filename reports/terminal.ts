/**
 * The summary that is printed when a run ends. Plain text of at most `width` columns; colour only adds to what the words
 * say already.
 */
import pc from 'picocolors'
import type { Result } from '../harness/results/schema.js'
import { calibrationParts, headline, verdict } from './model/headline.js'
import { absentSubjects } from './model/lookup.js'
import { comparisonLines, notes } from './model/notes.js'
import { measurementTables } from './model/table.js'
import { flow, oneLine, wrap } from './model/text.js'
import type { Colors } from './terminal/colors.js'
import { renderComparisons } from './terminal/comparisons.js'
import { renderTable } from './terminal/table.js'

export interface TerminalOptions {
  /** Without it: when standard output is a terminal that wants colour (NO_COLOR, FORCE_COLOR). */
  color?: boolean
  /** Columns, 60 … 100; without it the terminal's, or 100. */
  width?: number
  /** Printed at the end: where the HTML report lies. */
  reportPath?: string | null
}

export function renderTerminal(result: Result, options: TerminalOptions = {}): string {
  const color = options.color ?? (process.stdout.isTTY && pc.isColorSupported)
  const c = pc.createColors(color)
  const width = Math.max(60, Math.min(100, options.width ?? (process.stdout.isTTY ? process.stdout.columns : 100)))
  const measured = result.samples.some((sample) => sample.status === 'ok')
  const blocks = [
    head(result, c, width),
    ...measurementTables(result).map((table) => renderTable(table, c, width)),
    absent(result, c, width),
    renderComparisons(comparisonLines(result), c, width),
    verdicts(result, c, width),
    notes(result).flatMap((note) => hanging('note', note, c.yellow, width)),
    measured ? legend(c, width) : [],
    tail(result, options.reportPath ?? null, c, width),
  ]
  return `${blocks
    .filter((block) => block.length > 0)
    .map((block) => block.join('\n'))
    .join('\n\n')}\n`
}

function head(result: Result, c: Colors, width: number): string[] {
  const lines = flow(headline(result).map(oneLine), width, '  ')
  const [first = '', ...rest] = lines
  const name = oneLine(result.scenario.name)
  return [
    first.startsWith(name) ? c.bold(name) + first.slice(name.length) : first,
    ...rest,
    ...wrap(oneLine(result.scenario.description), width).map((line) => c.dim(line)),
    ...calibrated(result, c, width),
    ...distrust(result, c, width),
  ]
}

function calibrated(result: Result, c: Colors, width: number): string[] {
  if (result.calibration === null) return [`${c.yellow('!')} calibration  not done: nobody checked what the links do`]
  const mark = result.calibration.ok ? c.green('✓') : c.red('✗')
  const parts = calibrationParts(result).map((part) => oneLine(part.ok ? part.text : `${part.text} FAILED`))
  const [first = 'no links', ...rest] = flow(parts, width - 15).flatMap((line) => wrap(line, width - 15))
  return [`${mark} calibration  ${first}`, ...rest.map((line) => `               ${line}`)]
}

function distrust(result: Result, c: Colors, width: number): string[] {
  if (result.trusted) return []
  return [
    c.bold(c.yellow('NOT A MEASUREMENT')),
    ...result.whyNot.flatMap((why) => hanging('because', why, c.yellow, width)),
  ]
}

function absent(result: Result, c: Colors, width: number): string[] {
  return absentSubjects(result).flatMap((subject) => {
    const line = `${oneLine(subject.id)}: ${subject.status}. ${oneLine(subject.reason ?? '')}`.trimEnd()
    const remedy = subject.remedy === null ? [] : hanging('  to run it', subject.remedy, c.dim, width)
    return [...hanging('–', line, c.dim, width), ...remedy]
  })
}

function verdicts(result: Result, c: Colors, width: number): string[] {
  const marks = { passed: c.green('✓'), failed: c.red('✗'), unknown: c.yellow('?') }
  const lines = result.expectations.flatMap((found) => {
    const [first = '', ...rest] = wrap(`${oneLine(found.text)}: ${oneLine(found.detail)}`, width - 2)
    return [
      `${marks[found.status]} ${found.status === 'failed' ? c.bold(first) : first}`,
      ...rest.map((line) => `  ${line}`),
    ]
  })
  const guards = result.guards.flatMap((guard) => {
    const [first = '', ...rest] = wrap(oneLine(guard.detail), width - 10 - guard.name.length)
    const mark = guard.ok ? c.green('✓') : c.red('✗')
    return [`${mark} guard ${guard.name}: ${first}`, ...rest.map((line) => ' '.repeat(10 + guard.name.length) + line)]
  })
  return [...lines, ...guards]
}

/** For who reads such a table for the first time. */
function legend(c: Colors, width: number): string[] {
  const parts = [
    'of best, of sum: goodput against the best path alone and all paths together, without a VPN',
    '[ ]: interval of the median over the repeats',
    'delay: one-way, under load (added by the load)',
    'outage: longest time without a probe packet',
  ]
  return flow(parts, width)
    .flatMap((line) => wrap(line, width))
    .map((line) => c.dim(line))
}

function tail(result: Result, reportPath: string | null, c: Colors, width: number): string[] {
  const { word, text } = verdict(result)
  const paint = word === 'failed' ? c.red : word === 'passed' ? c.green : word === 'measured' ? c.bold : c.yellow
  const lines = wrap(`${word.toUpperCase()}  ${text}`, width)
  return [
    ...lines.map((line, index) => (index === 0 ? c.bold(paint(word.toUpperCase())) + line.slice(word.length) : line)),
    ...(reportPath === null ? [] : [`report  ${reportPath}`]),
  ]
}

function hanging(label: string, text: string, paint: (text: string) => string, width: number): string[] {
  const [first = '', ...rest] = wrap(oneLine(text), width - label.length - 2)
  return [`${paint(label)}  ${first}`, ...rest.map((line) => ' '.repeat(label.length + 2) + line)]
}
