/** Text in columns: names come from scenario files and may hold wide, invisible or dangerous characters. */

/**
 * Makes text safe for a terminal line: control characters (escape sequences, line ends) and the marks that reverse the
 * order of text become visible blanks.
 */
export function oneLine(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, '·')
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
/** East Asian wide and full-width forms, and emoji: two columns each. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f/u

/** Columns that a terminal uses for this text; colour codes count nothing. */
export function width(text: string): number {
  let columns = 0
  for (const { segment } of segmenter.segment(withoutColour(text))) columns += WIDE.test(segment) ? 2 : 1
  return columns
}

export function withoutColour(text: string): string {
  return text.replace(/\u001b\[[0-9;]*m/g, '')
}

export function padEnd(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)))
}

export function padStart(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns - width(text))) + text
}

/** Cuts plain text to a width, with an ellipsis. */
export function cut(text: string, columns: number): string {
  if (width(text) <= columns) return text
  let kept = ''
  for (const { segment } of segmenter.segment(text)) {
    if (width(kept + segment) > columns - 1) break
    kept += segment
  }
  return `${kept}…`
}

/** Breaks plain text at blanks into lines of at most `columns`; a longer word is kept whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && width(line) + 1 + width(word) > columns) {
      lines.push(line)
      line = word
    } else {
      line = line === '' ? word : `${line} ${word}`
    }
  }
  return [...lines, line]
}

/** Joins parts with ` · `, and breaks between parts where the line would be too long. */
export function flow(parts: readonly string[], columns: number, indent = ''): string[] {
  const lines: string[] = []
  let line = ''
  for (const part of parts) {
    const longer = line === '' ? part : `${line} · ${part}`
    if (line !== '' && width(longer) > columns - (lines.length === 0 ? 0 : width(indent))) {
      lines.push(lines.length === 0 ? line : indent + line)
      line = part
    } else {
      line = longer
    }
  }
  if (line !== '') lines.push(lines.length === 0 ? line : indent + line)
  return lines
}
