/** One measurement as lines: heading, column heads, one line per subject. */
import type { Column, MeasurementTable, TableRow } from '../model/table.js'
import { cut, oneLine, padEnd, padStart, width as columnsOf, wrap } from '../model/text.js'
import type { Colors } from './colors.js'

/** Blanks between two columns. */
const GAP = 2
/** Longer subject names are cut. */
const NAME_COLUMNS = 22
/** Longer cells and heads are cut. */
const CELL_COLUMNS = 30

interface Fitted {
  columns: { column: Column; index: number; width: number }[]
  nameWidth: number
  dropped: Column[]
}

export function renderTable(table: MeasurementTable, c: Colors, width: number): string[] {
  const { columns, nameWidth, dropped } = fit(table, width - 2)
  const gap = ' '.repeat(GAP)
  const title = `${oneLine(table.measurement.id)} · ${oneLine(table.measurement.label)}`
  const heads = columns.map(({ column, width: size }) => padStart(cut(oneLine(column.head), size), size))
  const lines = table.rows.map((row) => {
    const cells = columns.map(({ index, width: size }) => padStart(cut(oneLine(row.cells[index] ?? ''), size), size))
    const line = `  ${padEnd(name(row), nameWidth)}${gap}${cells.join(gap)}`
    return row.baseline ? c.dim(line) : line
  })
  return [
    ...heading(title, table.references, c, width),
    c.dim(`  ${padEnd('', nameWidth)}${gap}${heads.join(gap)}`),
    ...lines,
    ...left(dropped, c, width),
  ]
}

/** Which columns had no room. */
function left(dropped: readonly Column[], c: Colors, width: number): string[] {
  if (dropped.length === 0) return []
  const heads = dropped.map((column) => cut(oneLine(column.head), CELL_COLUMNS)).join(', ')
  return wrap(`(no room for ${heads}: see the report)`, width - 2).map((line) => c.dim(`  ${line}`))
}

/** Title left and references right where both fit, else one under the other. */
function heading(title: string, references: string, c: Colors, width: number): string[] {
  const right = oneLine(references)
  const space = width - columnsOf(title) - columnsOf(right)
  if (right !== '' && space >= GAP) return [c.bold(title) + ' '.repeat(space) + c.dim(right)]
  const below = right === '' ? [] : wrap(`  ${right}`, width).map((line) => c.dim(line))
  return [...wrap(title, width).map((line) => c.bold(cut(line, width))), ...below]
}

function name(row: TableRow): string {
  const failed = row.failed > 0 ? ` (${row.failed}/${row.repeats} failed)` : ''
  return cut(oneLine(row.subject.id), NAME_COLUMNS) + failed
}

/** Drops the columns that matter least until the rest fits. */
function fit(table: MeasurementTable, width: number): Fitted {
  const nameWidth = Math.max(8, ...table.rows.map((row) => columnsOf(name(row))))
  let columns = table.columns.map((column, index) => {
    const cells = table.rows.map((row) => columnsOf(oneLine(row.cells[index] ?? '')))
    return { column, index, width: Math.min(CELL_COLUMNS, Math.max(columnsOf(oneLine(column.head)), ...cells)) }
  })
  const dropped: Column[] = []
  const total = (): number => nameWidth + columns.reduce((sum, { width: size }) => sum + GAP + size, 0)
  while (total() > width && columns.length > 1) {
    const least = columns.reduce((x, y) => (y.column.rank >= x.column.rank ? y : x))
    columns = columns.filter((entry) => entry !== least)
    dropped.push(least.column)
  }
  return { columns, nameWidth, dropped }
}
