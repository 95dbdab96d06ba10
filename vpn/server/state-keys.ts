/**
 * Keys that a server has made itself, in its state directory: the common one of `--invite` (`server.psk`), and the
 * users of `--invite NAME` (`users`, a line NAME:sha256:HEX each).
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readAuthKeyFile, readSecretFile } from '../config/private-file.js'
import { user as parseUser, ValueError } from '../config/values.js'
import { codeOf, messageOf, UsageError, VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { writeAtomically } from '../state-file.js'

export interface HashedUser {
  name: string
  sha256: string
}

export class StateKeys {
  readonly keyFile: string
  readonly usersFile: string

  constructor(readonly directory: string) {
    this.keyFile = join(directory, 'server.psk')
    this.usersFile = join(directory, 'users')
  }

  /** Null when there is none. @throws UsageError when there is one that cannot be used */
  key(log: Pick<Log, 'warn'>): string | null {
    return existsSync(this.keyFile) ? readAuthKeyFile(this.keyFile, log, 'the key of --invite') : null
  }

  saveKey(key: string): void {
    this.#write(this.keyFile, `${key}\n`)
  }

  /** @throws UsageError with one wrong line per line */
  users(log: Pick<Log, 'warn'>): HashedUser[] {
    if (!existsSync(this.usersFile)) return []
    const problems: string[] = []
    const users: HashedUser[] = []
    const lines = readSecretFile(this.usersFile, 'the users of --invite', log).split('\n')
    lines.forEach((whole, index) => {
      const line = whole.trim()
      if (line === '' || line.startsWith('#')) return
      try {
        const user = parseUser(line)
        if (!('sha256' in user)) throw new ValueError('write NAME:sha256:HEX, as `mqvpn genkey --hash` prints it')
        if (users.some(({ name }) => name === user.name)) throw new ValueError(`${user.name} is there already`)
        users.push(user)
      } catch (error) {
        if (!(error instanceof ValueError)) throw error
        problems.push(`${this.usersFile}:${index + 1}: ${error.message}`)
      }
    })
    if (problems.length > 0) throw new UsageError(problems.join('\n'))
    return users
  }

  addUser(user: HashedUser, log: Pick<Log, 'warn'>): void {
    this.#writeUsers([...this.users(log).filter(({ name }) => name !== user.name), user])
  }

  /** Whether there was one. */
  removeUser(name: string, log: Pick<Log, 'warn'>): boolean {
    const users = this.users(log)
    const others = users.filter((user) => user.name !== name)
    if (others.length === users.length) return false
    if (others.length === 0) rmSync(this.usersFile, { force: true })
    else this.#writeUsers(others)
    return true
  }

  #writeUsers(users: readonly HashedUser[]): void {
    const lines = users.map(({ name, sha256 }) => `${name}:sha256:${sha256}\n`)
    this.#write(this.usersFile, `# Users of \`mqvpn server --invite NAME\`.\n${lines.join('')}`)
  }

  #write(path: string, content: string): void {
    try {
      mkdirSync(this.directory, { recursive: true, mode: 0o700 })
      writeAtomically(path, content, 0o600)
    } catch (error) {
      const denied = codeOf(error) === 'EACCES' || codeOf(error) === 'EROFS'
      const advice = denied ? '; run it with sudo, or choose a folder with --state-dir' : ''
      throw new VpnError(`cannot keep a key in ${this.directory}: ${messageOf(error)}${advice}`)
    }
  }
}
