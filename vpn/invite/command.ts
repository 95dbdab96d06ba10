/** `mqvpn invite URI`: a client's configuration file from an invitation. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { clean } from '../clean.js'
import { DEFAULT_FILES } from '../config/default-file.js'
import { codeOf, messageOf, UsageError, VpnError } from '../errors.js'
import { EXIT, type ExitCode } from '../exit-codes.js'
import { hostPort } from '../server/names.js'
import { createAtomically, writeAtomically } from '../state-file.js'
import type { Invitation } from './invitation.js'

export interface InviteRequest {
  /** `mqvpn://…`, `@FILE` or `-`. */
  given: string
  /** Null: to standard output. */
  write: string | null
  force: boolean
}

export function inviteCommand(
  { write, force }: Pick<InviteRequest, 'write' | 'force'>,
  invitation: Invitation,
  out: (text: string) => void,
): ExitCode {
  const text = clientConfig(invitation)
  if (write === null) {
    out(text)
    return EXIT.ok
  }
  try {
    // A folder that is made for keys is nobody else's.
    mkdirSync(dirname(write), { recursive: true, mode: 0o700 })
    if (force) writeAtomically(write, text, 0o600)
    else createAtomically(write, text, 0o600)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      throw new UsageError(`--write ${clean(write)}: there is such a file already; --force replaces it`)
    }
    const advice = codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM' ? '; try sudo' : ''
    throw new VpnError(`--write ${clean(write)}: ${messageOf(error)}${advice}`)
  }
  const start = write === DEFAULT_FILES.client ? 'mqvpn client' : `mqvpn client --config ${clean(write)}`
  out(`written: ${clean(write)}, readable by its owner alone; start it with\n  sudo ${start}\n`)
  return EXIT.ok
}

/** INI, as people write it; JSON for a key that a line of INI would take for a comment or for quotes. */
export function clientConfig({ server, pin, key }: Invitation): string {
  const address = hostPort(server.address, server.port)
  if (/^[#;'"]/.test(key)) {
    const Server = { Address: address, ...(pin === null ? {} : { Pin: pin }) }
    return `${JSON.stringify({ Server, Auth: { Key: key } }, null, 2)}\n`
  }
  const lines = [
    '# Made by `mqvpn invite`. Whoever can read this file can use the VPN.',
    '[Server]',
    `Address = ${address}`,
  ]
  if (pin !== null) lines.push(`Pin = ${pin}`)
  return `${[...lines, '', '[Auth]', `Key = ${key}`].join('\n')}\n`
}
