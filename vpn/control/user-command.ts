/** `mqvpn user list|add|remove`: the users of a running server. */
import { hashOfKey } from '../config/users.js'
import { user as parseUser, ValueError } from '../config/values.js'
import { UsageError, VpnError } from '../errors.js'
import { EXIT, type ExitCode } from '../exit-codes.js'
import { generateKey } from '../key.js'
import { findControl } from './paths.js'
import { request, type Reply } from './request.js'

export type UserRequest = (
  | { action: 'list'; json: boolean }
  /** `user`: NAME, NAME:KEY or NAME:sha256:HEX. */
  | { action: 'add'; user: string; addresses: string[]; networks: string[] }
  | { action: 'remove'; name: string }
) & { tun: string | null; control: string | null }

interface ListedUser {
  name: string
  addresses: string[]
  networks: string[]
  source: string
}

export async function userCommand(asked: UserRequest, write: (text: string) => void): Promise<ExitCode> {
  const path = asked.control ?? findControl(asked.tun)
  switch (asked.action) {
    case 'list': {
      const users = (await ask(path, { cmd: 'users' }))['users'] as ListedUser[]
      write(asked.json ? `${JSON.stringify(users, null, 2)}\n` : table(users))
      break
    }
    case 'add':
      write(await add(path, asked))
      break
    case 'remove': {
      const { cut, configured } = await ask(path, { cmd: 'remove-user', name: asked.name })
      write(`removed ${asked.name}${cutText(cut)}\n`)
      if (configured === true)
        write('It is in the configuration still: take it out there too, or it is back after a reload or a restart.\n')
    }
  }
  return EXIT.ok
}

async function add(
  path: string,
  { user, addresses, networks }: Extract<UserRequest, { action: 'add' }>,
): Promise<string> {
  const made = user.includes(':') ? null : generateKey()
  const whole = read(made === null ? user : `${user}:${made}`)
  // The server needs no more than the hash, and so does whoever reads its memory.
  const line = `${whole.name}:sha256:${'sha256' in whole ? whole.sha256 : hashOfKey(whole.key)}`
  const { cut, replaced } = await ask(path, { cmd: 'add-user', user: line, address: addresses, networks })
  const lines = [`${replaced === true ? 'changed' : 'added'} ${whole.name}${cutText(cut)}`]
  if (made !== null) lines.push(`key, for the client alone: ${made}`)
  lines.push('Until the server ends; to keep it, add to its configuration, under [Auth]:', `  User = ${line}`)
  lines.push(...addresses.map((address) => `  Address = ${whole.name}:${address}`))
  lines.push(...networks.map((network) => `  AllowedIPs = ${whole.name}:${network}`))
  return `${lines.join('\n')}\n`
}

function read(text: string): ReturnType<typeof parseUser> {
  try {
    return parseUser(text)
  } catch (error) {
    // What was written may hold a key.
    if (error instanceof ValueError) throw new UsageError(`mqvpn user add: ${error.message}`)
    throw error
  }
}

function cutText(cut: unknown): string {
  if (typeof cut !== 'number' || cut === 0) return ''
  return `; ${cut} ${cut === 1 ? 'connection was' : 'connections were'} cut`
}

async function ask(path: string, message: object): Promise<Reply> {
  const reply = await request(path, message)
  if (!reply.ok) throw new VpnError(`${path}: ${reply.error ?? 'refused without a reason'}`)
  return reply
}

function table(users: readonly ListedUser[]): string {
  const rows = [
    ['NAME', 'ADDRESS', 'NETWORKS', 'FROM'],
    ...users.map(({ name, addresses, networks, source }) => [
      name,
      addresses.join(', ') || 'any',
      networks.join(', ') || '-',
      source,
    ]),
  ]
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map(
      (row) =>
        row
          .map((cell, i) => cell.padEnd(widths[i]!))
          .join('  ')
          .trimEnd() + '\n',
    )
    .join('')
}
