/** One configuration file, INI or JSON: what it sets, and whether it may hold a key as it lies there. */
import type { Stats } from 'node:fs'
import { clean } from '../clean.js'
import { UsageError } from '../errors.js'
import type { Log } from '../log.js'
import type { ParsedFile } from './gather.js'
import { parseIni } from './ini.js'
import { parseJsonConfig } from './json.js'
import { readFile } from './private-file.js'
import type { RawSettings } from './raw.js'
import { valueProblems } from './resolve.js'

/**
 * @param origin for messages: `--config`
 * @throws UsageError with one problem per line
 */
export function readConfigFile(file: string, origin: string, log: Pick<Log, 'warn'>): RawSettings {
  let stats: Pick<Stats, 'mode' | 'isFile'> | null = null
  const text = readFile(file, origin, (found) => (stats = found))
  const name = clean(file)
  const { raw, problems } = parseConfig(text, name)
  if (stats !== null) problems.push(...exposedKeys(raw, name, stats, log))
  // What is not understood is no reason to be silent about the rest.
  if (problems.length > 0) throw new UsageError([...problems, ...valueProblems(raw)].join('\n'))
  return raw
}

/** A JSON file begins with `{`, as the seed has it, or says so by its name. */
export function parseConfig(text: string, name: string): ParsedFile {
  // What stands in place of bytes that are no UTF-8; and the half of every character of UTF-16.
  if (/[\uFFFD\0]/.test(text)) {
    return { raw: {}, problems: [`${name}: is not a text in UTF-8; is this the file that is meant?`] }
  }
  const isJson =
    name.toLowerCase().endsWith('.json') ||
    text
      .replace(/^\uFEFF/, '')
      .trimStart()
      .startsWith('{')
  return isJson ? parseJsonConfig(text, name) : parseIni(text, name)
}

/** The seed's files are often of mode 644, so that is said, not refused. What anybody can change is no secret of ours. */
function exposedKeys(
  raw: RawSettings,
  name: string,
  stats: Pick<Stats, 'mode' | 'isFile'>,
  log: Pick<Log, 'warn'>,
): string[] {
  const key = raw.authKey?.[0] ?? raw.user?.[0]
  // A pipe (`<(pass show vpn)`) is seen by its two ends alone.
  if (key === undefined || !stats.isFile()) return []
  const may = (bits: number): boolean => (stats.mode & bits) !== 0
  const todo = `chmod 600 ${name}`
  if (may(0o002)) {
    return [`${key.origin}: every user of this machine can change this file, and the key in it: ${todo}`]
  }
  if (may(0o004)) log.warn(`${key.origin}: every user of this machine can read the key in this file: ${todo}`)
  else if (may(0o020)) log.warn(`${key.origin}: a group can change this file, and the key in it: ${todo}`)
  else if (may(0o040)) log.warn(`${key.origin}: a group can read the key in this file: ${todo}`)
  return []
}
