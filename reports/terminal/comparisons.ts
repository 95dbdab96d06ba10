/** Differences between subjects of one run, as lines: what was found first. */
import type { ComparisonLine } from '../model/notes.js'
import { cut, oneLine, padEnd, padStart, width as columnsOf } from '../model/text.js'
import type { Colors } from './colors.js'

/** More than this does not help in a terminal; the HTML report has all. */
const MOST_LINES = 12

export function renderComparisons(lines: readonly ComparisonLine[], c: Colors, width: number): string[] {
  const real = lines.filter((line) => line.comparison.verdict !== 'not a measurement')
  if (real.length === 0) return []
  const shown = choose(real)
  const rest = real.length - shown.length
  const pairs = [...new Set(shown.map((line) => line.pair))]
  return [
    c.bold('Differences, paired by round') + c.dim(rest > 0 ? `  (${rest} more in the report)` : ''),
    ...pairs.flatMap((pair) => [`  ${cut(oneLine(pair), width - 2)}`, ...rows(shown, pair, c, width)]),
  ]
}

/** The lines of one pair; columns are those of all pairs. */
function rows(shown: readonly ComparisonLine[], pair: string, c: Colors, width: number): string[] {
  const columnOf = (text: (line: ComparisonLine) => string): number =>
    Math.max(...shown.map((line) => columnsOf(text(line))))
  const whats = Math.min(
    40,
    columnOf((line) => oneLine(line.what)),
  )
  const [differences, units, verdicts] = [
    columnOf((line) => line.difference),
    columnOf((line) => line.unit),
    columnOf(verdictOf),
  ]
  const fits = 4 + whats + 2 + differences + 1 + units + 2 + verdicts <= width
  return shown
    .filter((line) => line.pair === pair)
    .flatMap((line) => {
      const paint = line.better === null ? c.dim : line.better ? c.green : c.red
      const what = cut(oneLine(line.what), fits ? whats : width - 4)
      const difference = `${padStart(line.difference, differences)} ${padEnd(line.unit, units)}`
      const verdict = paint(cut(verdictOf(line), width - differences - units - 9))
      return fits
        ? [`    ${padEnd(what, whats)}  ${difference}  ${verdict}`]
        : [`    ${what}`, `      ${difference}  ${verdict}`]
    })
}

function verdictOf({ better, limit, comparison: { verdict } }: ComparisonLine): string {
  if (better === null) return `${verdict} (limit ${limit})`
  return `${verdict}: ${better ? 'better' : 'worse'}`
}

/** Goodput and outage first, those with a finding before those without. */
function choose(lines: readonly ComparisonLine[]): ComparisonLine[] {
  const weight = (line: ComparisonLine): number =>
    (line.comparison.metric === 'goodput' || line.comparison.metric === 'outage' ? 0 : 2) +
    (line.better === null ? 1 : 0)
  return [...lines].sort((x, y) => weight(x) - weight(y)).slice(0, MOST_LINES)
}
