/** `mqvpn config show`: what is in force and where it comes from, in the form of a file of either kind. */
import { clean } from '../clean.js'
import { effectiveSettings, type Effective } from './effective.js'
import type { Loaded } from './load.js'
import { settings } from './settings.js'

/** Comments begin here, where the values leave room. */
const COMMENT_COLUMN = 44

/** INI, with where each value comes from as a comment; what is not set is a comment as a whole. */
export function showText({ resolved, raw, file }: Loaded, withSecrets: boolean): string {
  const lines = [`# ${resolved.side}, ${file === null ? 'no file' : clean(file)}`]
  for (const [section, found] of bySection(effectiveSettings(resolved, raw, withSecrets))) {
    lines.push('', `[${section}]`)
    for (const { name, values, from } of found) {
      if (values.length === 0) lines.push(commented(`# ${name} =`, from[0]!))
      values.forEach((value, i) => lines.push(commented(`${name} = ${clean(value)}`, from[i] ?? from[0]!)))
    }
  }
  return lines.join('\n')
}

/** A JSON file with the same settings; notes, which no reader of such a file takes as settings, say where they come from. */
export function showJson({ resolved, raw, file }: Loaded, withSecrets: boolean): string {
  const origin: Record<string, string | string[]> = {}
  const sections: Record<string, Record<string, unknown>> = {}
  for (const [section, found] of bySection(effectiveSettings(resolved, raw, withSecrets))) {
    for (const one of found) {
      const isList = settings[one.key].kind === 'list'
      origin[`${section}.${one.name}`] = isList && one.values.length > 0 ? one.from : one.from[0]!
      if (isList || one.values.length > 0) (sections[section] ??= {})[one.name] = jsonOf(one, isList, resolved.settings)
    }
  }
  return JSON.stringify({ $side: resolved.side, $file: file, $origin: origin, ...sections }, null, 2)
}

function jsonOf({ key, values }: Effective, isList: boolean, found: object): unknown {
  if (isList) return values
  const value = (found as Record<string, unknown>)[key]
  return typeof value === 'number' || typeof value === 'boolean' ? value : values[0]
}

function bySection(all: readonly Effective[]): [string, Effective[]][] {
  const sections = new Map<string, Effective[]>()
  for (const one of all) sections.set(one.section, [...(sections.get(one.section) ?? []), one])
  return [...sections]
}

function commented(text: string, from: string): string {
  return `${text.padEnd(COMMENT_COLUMN - 1)} # ${from}`
}
