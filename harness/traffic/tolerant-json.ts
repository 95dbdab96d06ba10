/**
 * Reads JSON that a program was not able to write well: cut off, followed by text, several documents in one file, `nan`
 * and `inf` where numbers belong. iperf3 writes all of these.
 */
export interface TolerantJson {
  /** Every document in the text, in order; the last one may have been repaired. */
  documents: unknown[]
  /** The last document was cut off: what was complete in it has been kept. */
  truncated: boolean
}

/** Strings (whole or cut off), brackets, and the numbers that JSON does not have. */
const TOKENS = /"(?:[^"\\]|\\[^])*("?)|[{}[\]]|-?\b(?:nan|inf(?:inity)?)\b/gi
const CLOSING: Readonly<Record<string, string>> = { '{': '}', '[': ']' }

/** Finds the objects in a text; never throws. */
export function parseTolerant(text: string): TolerantJson {
  const documents: unknown[] = []
  let truncated = false
  const keep = (json: string): boolean => {
    try {
      documents.push(JSON.parse(json))
      return true
    } catch {
      return false
    }
  }

  let from = text.indexOf('{')
  while (from >= 0) {
    const { json, next } = readDocument(text, from)
    if (next === null) {
      truncated = true
      keep(json)
      break
    }
    // Braces in prose are no document: go on behind the first one.
    from = text.indexOf('{', keep(json) ? next : from + 1)
  }
  return { documents, truncated }
}

/** One object from `from`: its text with `null` for nan; `next` is behind it, or null when it was cut off and repaired. */
function readDocument(text: string, from: number): { json: string; next: number | null } {
  let json = ''
  let copied = from
  let open = ''
  let whole = ''
  TOKENS.lastIndex = from
  for (let match = TOKENS.exec(text); match; match = TOKENS.exec(text)) {
    const token = match[0]
    const first = token.charAt(0)
    if (first === '"') {
      if (match[1] === '') break
    } else if (first === '{' || first === '[') {
      open = (CLOSING[first] ?? '') + open
    } else if (first === '}' || first === ']') {
      if (first !== open.charAt(0)) return { json: '', next: TOKENS.lastIndex }
      open = open.slice(1)
      json += text.slice(copied, TOKENS.lastIndex)
      copied = TOKENS.lastIndex
      if (open === '') return { json, next: copied }
      // Up to here everything is complete; closing what is open would give a document.
      whole = json + open
    } else {
      json += text.slice(copied, match.index) + 'null'
      copied = TOKENS.lastIndex
    }
  }
  return { json: whole, next: null }
}
