/** `mqvpn config check FILE`: everything that is wrong with a file, and with the files that it names; nothing is started. */
import { statSync } from 'node:fs'
import { messageOf, UsageError } from '../errors.js'
import type { Log } from '../log.js'
import { readConfigFile } from './config-file.js'
import { givenCertificate } from '../server/certificate.js'
import { readAuthKeyFile } from './private-file.js'
import type { RawSettings } from './raw.js'
import { resolveSettings, type Resolved } from './resolve.js'
import type { Side } from './settings.js'

/**
 * @param side null: found from what is in the file
 * @returns `FILE: ok, a client configuration`
 * @throws UsageError with one problem per line
 */
export function checkFile(file: string, side: Side | null, log: Pick<Log, 'warn'>): string {
  const raw = readConfigFile(file, 'config check', log)
  const where = side ?? sideIn(raw, file)
  const resolved = resolveSettings(where, raw)
  const problems = namedFiles(resolved, raw, log)
  if (problems.length > 0) throw new UsageError(problems.join('\n'))
  if (!raw.authKey && !raw.authKeyFile && !raw.user?.length) {
    log.warn(`${file}: has no key; it has to come from --auth-key-file or MQVPN_AUTH_KEY`)
  }
  return `${file}: ok, a ${resolved.side} configuration`
}

/** Both or neither is a question to who asks; resolveSettings would answer it with commands that start something. */
function sideIn(raw: RawSettings, file: string): Side | null {
  if (raw.listen || raw.server) return null
  throw new UsageError(
    `${file}: neither Listen of [Interface] nor Address of [Server] is there, so this could be of either side; say which with --mode server or --mode client`,
  )
}

/** Files that are read when the program starts. */
function namedFiles({ side, settings }: Resolved, raw: RawSettings, log: Pick<Log, 'warn'>): string[] {
  const problems: string[] = []
  const attempt = (origin: (message: string) => string | undefined, read: () => unknown): void => {
    try {
      read()
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      problems.push(`${origin(error.message)}: ${error.message.replace(/^--\S+ /, '')}`)
    }
  }
  const { authKeyFile } = settings
  if (authKeyFile !== undefined)
    attempt(
      () => raw.authKeyFile?.[0]?.origin,
      () => readAuthKeyFile(authKeyFile, log),
    )
  if (side === 'client') {
    const { ca } = settings
    if (ca !== undefined)
      attempt(
        () => raw.ca?.[0]?.origin,
        () => statOf(ca),
      )
    return problems
  }
  const { cert, key } = settings
  if (cert !== undefined && key !== undefined) {
    attempt(
      (message) => (message.startsWith('--cert') ? raw.cert : raw.key)?.[0]?.origin,
      () => givenCertificate(cert, key, new Date(), log),
    )
  }
  return problems
}

/** A folder of authorities is one as well. */
function statOf(path: string): void {
  try {
    statSync(path)
  } catch (error) {
    throw new UsageError(`${path}: ${messageOf(error)}`)
  }
}
