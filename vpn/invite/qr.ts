/** A QR code for a terminal: two rows of modules in each line of text. */
import { encode } from 'uqr'

/** ISO/IEC 18004 asks for four; readers need two, and terminals have little room. */
const QUIET_MODULES = 2
/** Black on white whatever the terminal's own colours are: some readers take no inverted code. */
const COLOURS = '\u001b[30;107m'
const PLAIN = '\u001b[0m'

/** Null when the terminal is too narrow: a code that is broken over lines is none. */
export function qrCode(text: string, columns: number): string | null {
  const { data, size } = encode(text, { ecc: 'L', border: QUIET_MODULES })
  if (size > columns) return null
  const black = (row: number, column: number): boolean => data[row]?.[column] ?? false
  const lines: string[] = []
  for (let row = 0; row < size; row += 2) {
    let line = ''
    for (let column = 0; column < size; column++) {
      line += block(black(row, column), black(row + 1, column))
    }
    lines.push(`${COLOURS}${line}${PLAIN}\n`)
  }
  return lines.join('')
}

function block(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀'
  return lower ? '▄' : ' '
}
