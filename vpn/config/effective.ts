/** What is in force: every setting of a side as text, with where it comes from. */
import { nameInFile } from './keys.js'
import type { RawSettings } from './raw.js'
import type { Resolved } from './resolve.js'
import { settings, settingsOf, type SettingKey } from './settings.js'
import { HIDDEN, type Endpoint } from './values.js'

export interface Effective {
  key: SettingKey
  section: string
  name: string
  /** As a file has them; none when it is not set, or an empty list. */
  values: string[]
  /** `default`, `FILE:LINE`, `--flag`, `environment, NAME`; of a list one for each value. */
  from: string[]
}

/** @param withSecrets show keys, too */
export function effectiveSettings(
  { side, settings: found }: Resolved,
  raw: RawSettings,
  withSecrets: boolean,
): Effective[] {
  return settingsOf(side).map((key) => {
    const value = (found as Partial<Record<SettingKey, unknown>>)[key]
    const given = raw[key] ?? []
    const values = (value === undefined ? [] : [value].flat()).map((one, i) =>
      settings[key].secret && !withSecrets ? hidden(one) : textOf(one, given[i]?.value ?? ''),
    )
    const from = given.length === 0 ? ['default'] : given.map(({ place, origin }) => place ?? origin)
    return { key, section: settings[key].file[0], name: nameInFile(key), values, from }
  })
}

/** In the one form that each value has; what was written, where it has none. */
function textOf(value: unknown, written: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return `${value}`
  return isEndpoint(value) ? endpointText(value) : written
}

function isEndpoint(value: unknown): value is Endpoint {
  return typeof value === 'object' && value !== null && Object.keys(value).sort().join() === 'address,port'
}

function endpointText({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** The name of a user is none. */
function hidden(value: unknown): string {
  const name = typeof value === 'object' && value !== null && 'name' in value ? String(value.name) : null
  return name === null ? HIDDEN : `${name}:${HIDDEN}`
}
