/** Differences between subjects of one run, as lines: what was found first. */
import type { ComparisonLine } from '../model/notes.js'
import { cut, oneLine, padEnd, padStart } from '../model/text.js'
import type { Colors } from '../terminal.js'

/** More than this does not help in a terminal; the HTML report has all. */
const MOST_LINES = 12

export function renderComparisons(lines: readonly ComparisonLine[], c: Colors, width: number): string[] {
  const real = lines.filter((line) => line.comparison.verdict !== 'not a measurement')
  if (real.length === 0) return []
  const shown = choose(real)
  const pairs = Math.min(28, Math.max(...shown.map((line) => oneLine(line.pair).length)))
  const whats = Math.min(34, Math.max(...shown.map((line) => oneLine(line.what).length)))
  const units = Math.max(...shown.map((line) => line.unit.length))
  const differences = Math.max(...shown.map((line) => line.difference.length))
  const rows = shown.map((line) => {
    const { verdict } = line.comparison
    const paint = line.better === null ? c.dim : line.better ? c.green : c.red
    const found =
      line.better === null ? `${verdict} (limit ${line.limit})` : `${verdict}${line.better ? ': better' : ': worse'}`
    const room = width - pairs - whats - differences - units - 9
    const left = `${padEnd(cut(oneLine(line.pair), pairs), pairs)}  ${padEnd(cut(oneLine(line.what), whats), whats)}`
    return `  ${left}  ${padStart(line.difference, differences)} ${padEnd(line.unit, units)}  ${paint(cut(found, Math.max(14, room)))}`
  })
  const rest = real.length - shown.length
  return [c.bold('Differences, paired by round') + c.dim(rest > 0 ? `  (${rest} more in the report)` : ''), ...rows]
}

/** Goodput and outage first, those with a finding before those without. */
function choose(lines: readonly ComparisonLine[]): ComparisonLine[] {
  const weight = (line: ComparisonLine): number =>
    (line.comparison.metric === 'goodput' || line.comparison.metric === 'outage' ? 0 : 2) +
    (line.better === null ? 1 : 0)
  return [...lines].sort((x, y) => weight(x) - weight(y)).slice(0, MOST_LINES)
}
