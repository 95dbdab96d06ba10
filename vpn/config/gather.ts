/** Settings and problems of one file, while it is read. */
import type { Given, RawSettings } from './raw.js'
import { settings, type SettingKey } from './settings.js'

export interface ParsedFile {
  raw: RawSettings
  problems: string[]
}

/** A wrong file (a log, a picture) has a problem in every line; nobody reads so many. */
const PROBLEMS_MOST = 20

export class Gathered {
  readonly #raw: RawSettings = {}
  readonly #problems: string[] = []
  #more = 0

  problem(place: string, what: () => string): void {
    if (this.#problems.length < PROBLEMS_MOST) this.#problems.push(`${place}: ${what()}`)
    else this.#more += 1
  }

  /**
   * @param place `FILE:LINE`
   * @param name of the key, for messages
   */
  add(key: SettingKey, values: readonly string[], place: string, name: string): void {
    const origin = `${place}: ${name}`
    const before = this.#raw[key]
    if (before !== undefined && settings[key].kind !== 'list') {
      this.problem(origin, () => `stands here a second time; the first is at ${before[0]!.place}`)
      return
    }
    const given: Given[] = (this.#raw[key] ??= [])
    for (const value of values) given.push({ value, origin, place })
  }

  result(): ParsedFile {
    const problems = [...this.#problems]
    if (this.#more > 0) problems.push(`and ${this.#more} more; is this the file that is meant?`)
    return { raw: this.#raw, problems }
  }
}

/** What stands in one text: several values where commas are allowed. */
export function valuesIn(key: SettingKey, text: string): string[] {
  return settings[key].commas ? text.split(',').map((part) => part.trim()) : [text]
}
