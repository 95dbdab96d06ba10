/** Gathers settings from flags, environment and file (in this order of precedence) and resolves them. */
import { statSync } from 'node:fs'
import { UsageError } from '../errors.js'
import type { Log } from '../log.js'
import { parseIni } from './ini.js'
import { exposure, readFile } from './private-file.js'
import { overlay, type RawSettings } from './raw.js'
import { resolveSettings, type Resolved } from './resolve.js'
import type { Side } from './settings.js'

export interface Sources {
  /** `--mode`, or the command. */
  side: Side | null
  flags: RawSettings
  env: NodeJS.ProcessEnv
  /** `--config`. */
  file: string | null
}

/** @param log for warnings about the file */
export function loadSettings({ side, flags, env, file }: Sources, log: Pick<Log, 'warn'>): Resolved {
  const fromFile = file === null ? {} : readConfig(file, log)
  const fromEnv: RawSettings = {}
  if (env['MQVPN_AUTH_KEY']) fromEnv.authKey = [{ value: env['MQVPN_AUTH_KEY'], origin: 'MQVPN_AUTH_KEY' }]
  if (env['SSLKEYLOGFILE']) fromEnv.keyLog = [{ value: env['SSLKEYLOGFILE'], origin: 'SSLKEYLOGFILE' }]
  const behind = overlay(fromEnv, fromFile)
  // One key, from the first source that has one.
  if (flags.authKeyFile) delete behind.authKey
  return resolveSettings(side, flags, behind)
}

function readConfig(file: string, log: Pick<Log, 'warn'>): RawSettings {
  const text = readFile(file, '--config')
  if (text.trimStart().startsWith('{')) {
    throw new UsageError(`--config ${file}: JSON files are not in this version; write [Section] and Key = value lines`)
  }
  const { raw, problems } = parseIni(text, file)
  if (problems.length > 0) throw new UsageError(problems.join('\n'))
  // The seed's files are often of mode 644; so this is said, not refused.
  if ((raw.authKey || raw.user) && exposure(statSync(file)) !== 'nobody') {
    log.warn(`${file} holds a key, and other users of this machine can read it: chmod 600 ${file}`)
  }
  return raw
}
