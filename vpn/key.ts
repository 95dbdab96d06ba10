/** The pre-shared key: made by `mqvpn genkey`, compared by the server, never shown. */
import { randomBytes } from 'node:crypto'
import { readAuthKeyFile } from './config/private-file.js'
import { hashOfKey } from './config/users.js'
import type { Log } from './log.js'

const KEY_BYTES = 32
/** 96 bits in base64: what is shorter was typed by a person. */
const SHORT_CHARS = 16

/** 256 bits, base64, as the seed makes it. */
export function generateKey(): string {
  return randomBytes(KEY_BYTES).toString('base64')
}

/** What `mqvpn genkey` prints; with its hash for a server that need not know the key. */
export function keyLines(key: string, hash: boolean): string {
  return hash ? `${key}\nsha256:${hashOfKey(key)}\n` : `${key}\n`
}

/** The key of a side, from its settings or its file; null when there is none. */
export function keyOf(
  settings: { authKey?: string | undefined; authKeyFile?: string | undefined },
  log: Pick<Log, 'warn'>,
): string | null {
  const key = settings.authKeyFile === undefined ? settings.authKey : readAuthKeyFile(settings.authKeyFile, log)
  if (key !== undefined && key.length < SHORT_CHARS) {
    log.warn(`the key has ${key.length} characters only and could be guessed; \`mqvpn genkey\` makes a good one`)
  }
  return key ?? null
}
