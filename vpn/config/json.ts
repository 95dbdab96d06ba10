/**
 * Configuration files in JSON, with the names of the seed's later versions or with the sections of the INI form; a file
 * may mix them:
 *
 *     { "tun_name": "mqvpn0", "dns": ["1.1.1.1", "8.8.8.8"], "paths": ["eth0", "wlan0"] }
 *     { "Interface": { "TunName": "mqvpn0", "DNS": ["1.1.1.1"] }, "Multipath": { "Path": ["eth0"] } }
 *
 * Keys at the top that begin with `$` are notes (`$schema`, and what `mqvpn config show --json` adds), and are not read.
 * What a value may be is judged elsewhere, for all kinds of files alike; so numbers and booleans become the texts that
 * an INI file would have.
 */
import { UsageError } from '../errors.js'
import { Gathered, valuesIn, type ParsedFile } from './gather.js'
import { JsonError, parseJson, positionIn, type JsonMember, type JsonNode } from './json-text.js'
import { flatKeyNamed, flatName, keyNamed, nameInFile, sectionNamed } from './keys.js'
import { settings, type SettingKey } from './settings.js'
import { shownName, whyNoFlatKey, whyNoKey } from './unknown.js'

/**
 * @param name of the file, for messages
 * @throws UsageError when it is no JSON, after which nothing more can be said of it
 */
export function parseJsonConfig(text: string, name: string): ParsedFile {
  const plain = text.replace(/^\uFEFF/, '')
  const place = placesIn(plain, name)
  const found = new Gathered()
  const top = parse(plain, place)
  if (top.type !== 'object') {
    found.problem(place(top.at), () => `the settings stand in an object: { "server_addr": … }`)
    return found.result()
  }
  for (const member of top.members) {
    if (member.key.startsWith('$')) continue
    const section = sectionNamed(member.key)
    const flat = flatKeyNamed(member.key)
    if (section !== null && member.value.type === 'object') readSection(section, member.value.members, place, found)
    else if (flat !== null) read(flat, member, place, flatName(flat), found)
    else if (section !== null)
      found.problem(place(member.at), () => `${section}: is a section: {"${section}": {"Key": "value"}}`)
    else found.problem(place(member.at), () => `${shownName(member.key)}: ${whyNoFlatKey(member.key)}`)
  }
  return found.result()
}

type Place = (at: number) => string

/** `FILE:LINE:COLUMN`. Offsets come in rising order, so that a file is gone through once. */
function placesIn(text: string, name: string): Place {
  let from = 0
  let line = 1
  let lineStart = 0
  return (at) => {
    const { line: lines, column } = positionIn(text.slice(from, at), at - from)
    if (lines > 1) lineStart = at - column + 1
    line += lines - 1
    from = at
    return `${name}:${line}:${at - lineStart + 1}`
  }
}

function parse(text: string, place: Place): JsonNode {
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof JsonError) throw new UsageError(`${place(error.at)}: ${error.message}`)
    throw error
  }
}

function readSection(section: string, members: readonly JsonMember[], place: Place, found: Gathered): void {
  for (const member of members) {
    const key = keyNamed(section, member.key)
    if (key !== null) read(key, member, place, `${section}.${nameInFile(key)}`, found)
    else found.problem(place(member.at), () => `${section}.${shownName(member.key)}: ${whyNoKey(section, member.key)}`)
  }
}

function read(key: SettingKey, { at, value }: JsonMember, place: Place, name: string, found: Gathered): void {
  const where = place(at)
  const isList = settings[key].kind === 'list'
  if (value.type === 'array' && !isList) {
    found.problem(where, () => `${name}: has one value; write it without [ ]`)
    return
  }
  const values: string[] = []
  for (const item of value.type === 'array' ? value.items : [value]) {
    const text = textOf(key, item)
    if (text === null) {
      found.problem(where, () => `${name}: ${wanted(key, item)}`)
      return
    }
    if (value.type === 'array') values.push(text)
    else values.push(...valuesIn(key, text))
  }
  found.add(key, values, where, name)
}

function textOf(key: SettingKey, node: JsonNode): string | null {
  switch (node.type) {
    case 'string':
      return node.value
    case 'number':
      return node.text
    case 'boolean':
      return `${node.value}`
    case 'object':
      return key === 'user' ? userOf(node.members) : null
    default:
      return null
  }
}

/** `{"name": "anna", "key": "…"}` for `"anna:…"`. */
function userOf(members: readonly JsonMember[]): string | null {
  const [name, key] = ['name', 'key'].map((wanted) => {
    const value = members.find((member) => member.key.toLowerCase() === wanted)?.value
    return value?.type === 'string' ? value.value : null
  })
  return members.length === 2 && name != null && key != null ? `${name}:${key}` : null
}

function wanted(key: SettingKey, { type }: JsonNode): string {
  if (type === 'null') return 'is null; leave the key out to have the default'
  if (key === 'user') return 'write "NAME:KEY" or {"name": "NAME", "key": "KEY"}'
  if (settings[key].kind === 'list') return 'write a list of texts: ["…", "…"]'
  return type === 'object' ? 'is an object; write its value' : 'write its value'
}
