/** Settings as they were written, each value with where it stands; nothing is judged yet. */
import type { SettingKey } from './settings.js'

export interface Given {
  value: string
  /** For messages: `--listen`, or `/etc/mqvpn/server.conf:3: Listen`. */
  origin: string
  /** Where alone, when the origin says more than that: `/etc/mqvpn/server.conf:3`. */
  place?: string
}

/** A setting that is no list has one entry. */
export type RawSettings = Partial<Record<SettingKey, Given[]>>

/** What stands in front wins, as a whole: a `--path` replaces all paths of the file. */
export function overlay(front: RawSettings, back: RawSettings): RawSettings {
  return { ...back, ...front }
}
