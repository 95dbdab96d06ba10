/**
 * Placeholders in the command lines of a `command` subject: `{server.address}`, `{client.dev.a}`, …; the list is in
 * `subject-input.ts`. `{{` and `}}` stand for braces. A shell's own `${HOME}` is left alone.
 */
import { didYouMean } from '../../common/suggest.js'

const GLOBAL = ['server.address', 'server.address6', 'workdir', 'port', 'lab'] as const
const PER_PATH = [
  'server.address',
  'server.address6',
  'server.dev',
  'client.address',
  'client.address6',
  'client.dev',
] as const

/** Every name that may stand between braces. */
export function placeholderNames(paths: readonly string[]): string[] {
  return [...GLOBAL, ...PER_PATH.flatMap((name) => paths.map((path) => `${name}.${path}`))]
}

const TOKEN = /\{\{|\}\}|(?<!\$)\{([a-z][a-z0-9._-]*)\}/gi

/** What is wrong with the placeholders of `text`, or null. */
export function placeholderProblem(text: string, paths: readonly string[]): string | null {
  const names = placeholderNames(paths)
  for (const [, name] of text.matchAll(TOKEN)) {
    if (name !== undefined && !names.includes(name)) return `{${name}} is no placeholder${didYouMean(name, names)}`
  }
  return null
}

/** Replaces every placeholder; `values` has an entry for each of `placeholderNames`. Throws TypeError for a missing one. */
export function fillPlaceholders(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(TOKEN, (token, name: string | undefined) => {
    if (name === undefined) return token[0]!
    const value = values[name]
    if (value === undefined) throw new TypeError(`{${name}} has no value`)
    return value
  })
}
