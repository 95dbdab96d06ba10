/** Gathers settings from flags, environment and file (in this order of precedence) and resolves them. */
import type { Log } from '../log.js'
import { readConfigFile } from './config-file.js'
import { defaultFile, type DefaultFiles } from './default-file.js'
import { overlay, type RawSettings } from './raw.js'
import { resolveSettings, type Resolved } from './resolve.js'
import type { Side } from './settings.js'

export interface Sources {
  /** `--mode`, or the command. */
  side: Side | null
  flags: RawSettings
  env: NodeJS.ProcessEnv
  /** `--config`; null: the default file, if there is one; false: none at all. */
  file: string | null | false
  defaults?: DefaultFiles
}

export interface Loaded {
  resolved: Resolved
  /** As it was written, with where each value comes from. */
  raw: RawSettings
  /** The file that was read, or null. */
  file: string | null
}

/** For warnings about the file, and for which it is. */
type EarlyLog = Pick<Log, 'warn'> & Partial<Pick<Log, 'debug'>>

export function loadSettings(sources: Sources, log: EarlyLog): Resolved {
  return load(sources, log).resolved
}

export function load({ side, flags, env, file, defaults }: Sources, log: EarlyLog): Loaded {
  const chosen = file ?? defaultFile(side, flags, defaults)
  let fromFile: RawSettings = {}
  if (chosen) {
    const isDefault = file === null
    fromFile = readConfigFile(chosen, isDefault ? 'default file (--no-config leaves it out)' : '--config', log)
    log.debug?.(`settings from ${chosen}${isDefault ? ', the default file; --no-config leaves it out' : ''}`)
  }
  const raw = [fromEnvironment(env), flags].reduce(withOneKey, fromFile)
  return { resolved: resolveSettings(side, raw), raw, file: chosen || null }
}

function fromEnvironment(env: NodeJS.ProcessEnv): RawSettings {
  const raw: RawSettings = {}
  for (const [key, name] of [
    ['authKey', 'MQVPN_AUTH_KEY'],
    ['keyLog', 'SSLKEYLOGFILE'],
  ] as const) {
    const value = env[name]
    if (value) raw[key] = [{ value, origin: name, place: `environment, ${name}` }]
  }
  return raw
}

/** A key, in whichever form, takes the place of every key behind it. */
function withOneKey(back: RawSettings, front: RawSettings): RawSettings {
  const { authKey: _, authKeyFile: __, ...others } = back
  return front.authKey || front.authKeyFile ? overlay(front, others) : overlay(front, back)
}
