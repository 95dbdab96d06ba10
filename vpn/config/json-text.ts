/**
 * JSON (RFC 8259) with where everything stands, which JSON.parse does not tell. It takes what JSON.parse takes, down to
 * a depth that no configuration needs; keys that stand twice are kept, for the reader to see.
 */

export type JsonNode = { at: number } & (
  | { type: 'string'; value: string }
  /** As it is written: `1400`. */
  | { type: 'number'; text: string }
  | { type: 'boolean'; value: boolean }
  | { type: 'null' }
  | { type: 'array'; items: JsonNode[] }
  | { type: 'object'; members: JsonMember[] }
)

export interface JsonMember {
  /** Where the key stands. */
  at: number
  key: string
  value: JsonNode
}

export class JsonError extends Error {
  override readonly name = 'JsonError'
  constructor(
    readonly at: number,
    message: string,
  ) {
    super(message)
  }
}

/** Settings are two deep; the rest is for what is refused with a better word. */
const DEPTH_MOST = 32

/** @throws JsonError */
export function parseJson(text: string): JsonNode {
  const reader = new Reader(text)
  const node = reader.value(0)
  reader.end()
  return node
}

/** Line and column, from 1, of an offset. */
export function positionIn(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at).split(/\r\n|\n|\r/)
  return { line: before.length, column: before.at(-1)!.length + 1 }
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(depth: number): JsonNode {
    this.#skip()
    const at = this.#at
    if (depth > DEPTH_MOST) throw new JsonError(at, `is nested more than ${DEPTH_MOST} deep`)
    const char = this.#text[at]
    if (char === '{') return { at, type: 'object', members: this.#members(depth) }
    if (char === '[') return { at, type: 'array', items: this.#items(depth) }
    if (char === '"') return { at, type: 'string', value: this.#string() }
    const number = match(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y, this.#text, at)
    const word = match(/\w+/y, this.#text, at)
    // `12ab` is neither.
    if (number !== null && match(/[\w.+-]/y, this.#text, at + number.length) === null) {
      this.#at += number.length
      return { at, type: 'number', text: number }
    }
    if (word === 'true' || word === 'false' || word === 'null') {
      this.#at += word.length
      return word === 'null' ? { at, type: 'null' } : { at, type: 'boolean', value: word === 'true' }
    }
    throw this.#unexpected('a value')
  }

  end(): void {
    this.#skip()
    if (this.#at < this.#text.length) throw new JsonError(this.#at, 'there is something after the end')
  }

  #members(depth: number): JsonMember[] {
    const members: JsonMember[] = []
    this.#at += 1
    if (this.#take('}')) return members
    for (;;) {
      this.#skip()
      const at = this.#at
      if (this.#text[at] !== '"')
        throw this.#unexpected(members.length === 0 ? 'a key in "quotes" or }' : 'a key in "quotes"')
      const key = this.#string()
      if (!this.#take(':')) throw this.#unexpected('a : after the key')
      members.push({ at, key, value: this.value(depth + 1) })
      if (this.#take('}')) return members
      if (!this.#take(',')) throw this.#unexpected('a , or }')
    }
  }

  #items(depth: number): JsonNode[] {
    const items: JsonNode[] = []
    this.#at += 1
    if (this.#take(']')) return items
    for (;;) {
      items.push(this.value(depth + 1))
      if (this.#take(']')) return items
      if (!this.#take(',')) throw this.#unexpected('a , or ]')
    }
  }

  #string(): string {
    const start = this.#at
    for (let at = start + 1; at < this.#text.length; at++) {
      const char = this.#text[at]!
      if (char === '\\') at += 1
      else if (char < ' ') throw new JsonError(at, 'a text ends in the line in which it begins; a " is missing')
      else if (char === '"') {
        this.#at = at + 1
        return unescape(this.#text.slice(start, at + 1), start)
      }
    }
    throw new JsonError(start, 'this text has no end; a " is missing')
  }

  #skip(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '-')) this.#at += 1
  }

  #take(char: string): boolean {
    this.#skip()
    if (this.#text[this.#at] !== char) return false
    this.#at += 1
    return true
  }

  /** With the likely mistake, but never with what stands there, which may be a key. */
  #unexpected(wanted: string): JsonError {
    const char = this.#text[this.#at]
    const next = this.#text[this.#at + 1]
    const before = this.#text.slice(0, this.#at).trimEnd().at(-1)
    if (char === undefined) return new JsonError(this.#at, `the file ends where ${wanted} is missing`)
    if (char === '#' || (char === '/' && (next === '/' || next === '*')))
      return new JsonError(this.#at, 'JSON has no comments; an INI file has')
    if (char === "'") return new JsonError(this.#at, `here goes ${wanted}; texts are in "double quotes"`)
    if ((char === '}' || char === ']') && before === ',')
      return new JsonError(this.#at, `after a comma goes ${wanted}; take the last comma away`)
    if (char === '"' && wanted.startsWith('a , or'))
      return new JsonError(this.#at, `here goes ${wanted}; a comma is missing before this`)
    return new JsonError(this.#at, `here goes ${wanted}`)
  }
}

function match(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0] ?? null
}

/** Only the escapes are left to be wrong. */
function unescape(literal: string, at: number): string {
  try {
    return JSON.parse(literal) as string
  } catch {
    throw new JsonError(at, 'this text has a \\ before something that needs none; a \\ itself is written \\\\')
  }
}
