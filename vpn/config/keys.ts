/** The names of the settings in configuration files: `[Interface] TunName`, and `tun_name` in flat JSON. */
import { SETTING_KEYS, settings, type SettingKey } from './settings.js'

export const SECTIONS: readonly string[] = [...new Set(SETTING_KEYS.map((key) => settings[key].file[0]))]

const ALIASES: Readonly<Record<string, SettingKey>> = {
  // Of the seed's first JSON files; its later versions call it deprecated and take it.
  server_auth_key: 'authKey',
}

/** `tunName` → `tun_name`, where the table has no other name. */
export function flatName(key: SettingKey): string {
  return settings[key].json ?? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

export const FLAT_NAMES: readonly string[] = SETTING_KEYS.map(flatName)

/** In any case; null when there is none. */
export function sectionNamed(name: string): string | null {
  const lower = name.toLowerCase()
  return SECTIONS.find((section) => section.toLowerCase() === lower) ?? null
}

export function keyNamed(section: string, name: string): SettingKey | null {
  const lower = name.toLowerCase()
  const found = SETTING_KEYS.find((key) => settings[key].file[0] === section && nameInFile(key).toLowerCase() === lower)
  return found ?? null
}

export function flatKeyNamed(name: string): SettingKey | null {
  const lower = name.toLowerCase()
  const alias = Object.hasOwn(ALIASES, lower) ? ALIASES[lower]! : null
  return SETTING_KEYS.find((key) => flatName(key) === lower) ?? alias
}

/** `TunName`. */
export function nameInFile(key: SettingKey): string {
  return settings[key].file[1]
}

export function namesIn(section: string): string[] {
  return SETTING_KEYS.filter((key) => settings[key].file[0] === section).map(nameInFile)
}

/** Sections that have a key of this name: it may have been put under the wrong one. */
export function sectionsWith(name: string): string[] {
  const lower = name.toLowerCase()
  return SECTIONS.filter((section) => namesIn(section).some((known) => known.toLowerCase() === lower))
}
