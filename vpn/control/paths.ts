/** Where control sockets are, and which of them is meant. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError, VpnError } from '../errors.js'

export const RUN_DIR = '/run/mqvpn'
const DEFAULT_TUN = 'mqvpn0'

export function controlPath(tunName: string): string {
  return join(RUN_DIR, `${tunName}.sock`)
}

/** The one of that name; without a name mqvpn0, or the only one that there is. */
export function findControl(name: string | null, directory = RUN_DIR): string {
  if (name !== null) return join(directory, `${name}.sock`)
  const names = namesIn(directory)
  if (names.includes(DEFAULT_TUN)) return join(directory, `${DEFAULT_TUN}.sock`)
  const [only, ...others] = names
  if (only === undefined) throw new VpnError(`no mqvpn is running here (there is no socket in ${directory})`)
  if (others.length > 0) throw new UsageError(`several run here: ${names.join(', ')}; choose one with --name`)
  return join(directory, `${only}.sock`)
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((file) => file.endsWith('.sock'))
      .map((file) => file.slice(0, -'.sock'.length))
      .sort()
  } catch {
    return []
  }
}
