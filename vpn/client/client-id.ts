/** Which client this is: random, and kept, so that the server gives it the addresses that it had. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const ID = /^[\w-]{22}$/

/** One per device name: two tunnels of one machine are two clients. A folder that cannot be written costs no more than that. */
export function clientId(stateDir: string | null, tunName: string): string {
  const fresh = randomBytes(16).toString('base64url')
  if (stateDir === null) return fresh
  const file = join(stateDir, `client-id-${tunName}`)
  try {
    const found = readFileSync(file, 'utf8').trim()
    if (ID.test(found)) return found
  } catch {
    // The first start.
  }
  try {
    writeFileSync(file, `${fresh}\n`, { mode: 0o600 })
  } catch {
    // Another one at the next start then.
  }
  return fresh
}
