/**
 * The seed's configuration files:
 *
 *     [Interface]
 *     TunName = mqvpn0          # a comment
 *     DNS = 1.1.1.1, 8.8.8.8
 *
 *     [Multipath]
 *     Path = eth0
 *     Path = wlan0
 *
 * Sections and keys in any case; a section may come twice; `#` and `;` begin a comment at the start of a line or after a
 * blank. Everything that is not understood is a problem with its file and line: nothing is skipped.
 */
import { Gathered, valuesIn, type ParsedFile } from './gather.js'
import { keyNamed, nameInFile, sectionNamed } from './keys.js'
import { shownName, whyNoKey, whyNoSection } from './unknown.js'

/** @param name of the file, for messages */
export function parseIni(text: string, name: string): ParsedFile {
  const found = new Gathered()
  /** null: of an unknown section, whose keys cannot be judged. */
  let section: string | null | undefined
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  lines.forEach((whole, index) => {
    const at = `${name}:${index + 1}`
    const line = withoutComment(whole).trim()
    if (line === '') return
    if (line.startsWith('[')) {
      const heading = headingOf(line)
      section = heading === null ? null : sectionNamed(heading)
      if (heading === null) found.problem(at, () => 'a section is written [Name]')
      else if (section === null) found.problem(at, () => `[${shownName(heading)}]: ${whyNoSection(heading)}`)
      return
    }
    const equals = line.indexOf('=')
    if (equals < 1) {
      found.problem(at, () => 'this is neither [Section] nor Key = value')
      return
    }
    const key = line.slice(0, equals).trim()
    if (section === undefined) found.problem(at, () => `${shownName(key)}: stands before any [Section]`)
    if (section == null) return
    const file = section
    const setting = keyNamed(file, key)
    if (setting === null) {
      found.problem(at, () => `${shownName(key)}: ${whyNoKey(file, key)}`)
      return
    }
    const value = line.slice(equals + 1).trim()
    if (value === '') found.problem(at, () => `${nameInFile(setting)}: has no value`)
    else if (isQuoted(value)) found.problem(at, () => `${nameInFile(setting)}: is in quotes; write it without them`)
    else found.add(setting, valuesIn(setting, value), at, nameInFile(setting))
  })
  return found.result()
}

/** A `#` or `;` inside a value (`a#b`) is part of it. */
function withoutComment(line: string): string {
  for (let i = 0; i < line.length; i++) {
    if ((line[i] === '#' || line[i] === ';') && (i === 0 || /\s/.test(line[i - 1]!))) return line.slice(0, i)
  }
  return line
}

/** The name between the brackets; null when they are not as they should be. */
function headingOf(line: string): string | null {
  const name = line.slice(1, -1)
  return line.endsWith(']') && line.length > 2 && !name.includes(']') ? name.trim() : null
}

/** The quotes would become part of a key, and the server would say no more than that it is another one. */
function isQuoted(value: string): boolean {
  return value.length > 1 && (value[0] === '"' || value[0] === "'") && value.endsWith(value[0])
}
