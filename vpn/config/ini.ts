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
import { didYouMean } from '../../common/suggest.js'
import type { Given, RawSettings } from './raw.js'
import { SETTING_KEYS, settings, type SettingKey } from './settings.js'

export interface ParsedFile {
  raw: RawSettings
  problems: string[]
}

/** Known to the seed's later versions and not here: better a clear word than "unknown". */
const NO_KILL_SWITCH = 'the kill switch is not in this version; without it traffic may leave outside the tunnel'
const NO_CONTROL_PORT = 'there is no control port; the control socket is local (mqvpn status)'

const SECTIONS = [...new Set(SETTING_KEYS.flatMap((key) => settings[key].file?.[0] ?? []))]

/** @param name of the file, for messages */
export function parseIni(text: string, name: string): ParsedFile {
  const raw: RawSettings = {}
  const problems: string[] = []
  /** null: of an unknown section, whose keys cannot be judged. */
  let section: string | null | undefined
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  lines.forEach((whole, index) => {
    const at = `${name}:${index + 1}`
    const line = withoutComment(whole).trim()
    if (line === '') return
    if (line.startsWith('[')) {
      const heading = /^\[\s*([^\]]*?)\s*\]$/.exec(line)?.[1]
      section = SECTIONS.find((known) => known.toLowerCase() === heading?.toLowerCase()) ?? null
      if (section === null) problems.push(unknownSection(at, heading))
      return
    }
    const equals = line.indexOf('=')
    if (equals < 1) {
      problems.push(`${at}: this is neither [Section] nor Key = value`)
      return
    }
    const key = line.slice(0, equals).trim()
    if (section === undefined) problems.push(`${at}: ${key}: stands before any [Section]`)
    if (section == null) return
    const file = section
    const found = SETTING_KEYS.find((candidate) => isIn(candidate, file, key))
    if (found === undefined) problems.push(unknownKey(at, section, key))
    else add(raw, found, line.slice(equals + 1).trim(), at, problems)
  })
  return { raw, problems }
}

/** A `#` or `;` inside a value (`a#b`) is part of it. */
function withoutComment(line: string): string {
  return line.replace(/(^|\s)[#;].*$/, '')
}

function isIn(candidate: SettingKey, section: string, key: string): boolean {
  const file = settings[candidate].file
  return file !== undefined && file[0] === section && file[1].toLowerCase() === key.toLowerCase()
}

function add(raw: RawSettings, key: SettingKey, value: string, at: string, problems: string[]): void {
  const { kind, commas = false, file } = settings[key]
  const origin = `${at}: ${file?.[1]}`
  if (value === '') {
    problems.push(`${origin}: has no value`)
    return
  }
  const before: Given[] = raw[key] ?? []
  if (kind !== 'list' && before.length > 0) {
    problems.push(`${origin}: stands here a second time`)
    return
  }
  const texts = commas ? value.split(',').map((part) => part.trim()) : [value]
  raw[key] = [...before, ...texts.map((part) => ({ value: part, origin }))]
}

function unknownSection(at: string, heading: string | undefined): string {
  if (heading === undefined) return `${at}: a section is written [Name]`
  if (heading.toLowerCase() === 'control') return `${at}: [${heading}]: ${NO_CONTROL_PORT}`
  return `${at}: [${heading}]: unknown section${didYouMean(heading, SECTIONS)}`
}

function unknownKey(at: string, section: string, key: string): string {
  if (key.toLowerCase() === 'killswitch') return `${at}: ${key}: ${NO_KILL_SWITCH}`
  const pairs = SETTING_KEYS.flatMap((candidate) => {
    const { file } = settings[candidate]
    return file ? [file] : []
  })
  const elsewhere = pairs.find(([, known]) => known.toLowerCase() === key.toLowerCase())
  if (elsewhere !== undefined) return `${at}: ${key}: belongs to [${elsewhere[0]}], not to [${section}]`
  const known = pairs.filter(([owner]) => owner === section).map(([, name]) => name)
  return `${at}: ${key}: unknown key of [${section}]${didYouMean(key, known)}`
}
