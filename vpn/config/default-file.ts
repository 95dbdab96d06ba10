/** The file that is read when none is named. */
import { existsSync } from 'node:fs'
import type { RawSettings } from './raw.js'
import type { Side } from './settings.js'

export type DefaultFiles = Readonly<Record<Side, string>>

export const DEFAULT_FILES: DefaultFiles = {
  client: '/etc/mqvpn/client.conf',
  server: '/etc/mqvpn/server.conf',
}

/**
 * The server's lies under the flags of `mqvpn server`. A client that is told its server on the command line is told
 * everything there: the key of the file would be that of another server.
 */
export function defaultFile(side: Side | null, flags: RawSettings, files: DefaultFiles = DEFAULT_FILES): string | null {
  if (side === null || (side === 'client' && flags.server !== undefined)) return null
  return existsSync(files[side]) ? files[side] : null
}

/** The side of the one default file that there is; for who asks about the configuration without saying which. */
export function sideOfDefaultFile(files: DefaultFiles = DEFAULT_FILES): Side | null {
  const sides = (['client', 'server'] as const).filter((side) => existsSync(files[side]))
  return sides.length === 1 ? sides[0]! : null
}
