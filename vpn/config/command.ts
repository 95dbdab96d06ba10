/** `mqvpn config check` and `mqvpn config show`: about the configuration, without starting anything. */
import { EXIT, type ExitCode } from '../exit-codes.js'
import { checkFile } from './check.js'
import { sideOfDefaultFile, type DefaultFiles } from './default-file.js'
import { load } from './load.js'
import type { RawSettings } from './raw.js'
import { showJson, showText } from './show.js'
import type { Side } from './settings.js'

export type ConfigRequest =
  | { what: 'check'; file: string; side: Side | null }
  | {
      what: 'show'
      side: Side | null
      config: string | null | false
      flags: RawSettings
      json: boolean
      withSecrets: boolean
    }

export interface ConfigDeps {
  env: NodeJS.ProcessEnv
  out: (text: string) => void
  err: (text: string) => void
  defaults?: DefaultFiles
}

/** @throws UsageError with one problem per line */
export function configCommand(request: ConfigRequest, { env, out, err, defaults }: ConfigDeps): ExitCode {
  const log = { warn: (text: string) => err(`mqvpn: warning: ${text}\n`), debug: () => undefined }
  if (request.what === 'check') {
    out(`${checkFile(request.file, request.side, log)}\n`)
    return EXIT.ok
  }
  const { flags, config, json, withSecrets } = request
  const untold = request.side === null && config === null && !flags.server && !flags.listen
  const side = untold ? sideOfDefaultFile(defaults) : request.side
  const loaded = load({ side, flags, env, file: config, ...(defaults ? { defaults } : {}) }, log)
  out(`${json ? showJson(loaded, withSecrets) : showText(loaded, withSecrets)}\n`)
  return EXIT.ok
}
