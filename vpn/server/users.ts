/** The users of a running server: listed, added, removed, and exchanged by a reload, one change after the other. */
import { GLOBAL_USER, keyHash, userListProblems, usersOf } from '../config/users.js'
import type { ServerSettings } from '../config/settings.js'
import { network, user as parseUser, userAddress, ValueError } from '../config/values.js'
import type { CommandReply, CommandRequest, ServerUser } from '../engine.js'
import { UsageError } from '../errors.js'
import { keyOf } from '../key.js'
import type { Log } from '../log.js'
import { StateKeys } from './state-keys.js'

/** Where it was said that a user may connect: only the configuration lasts beyond a restart. */
type Source = 'configuration' | 'control socket'
interface Entry {
  user: ServerUser
  source: Source
}

/** Tells the engine; throws when it refuses, and then nothing has changed. */
type Apply = (users: ServerUser[]) => Promise<{ cut: number }>

/**
 * Users that a server starts with: those of the configuration, and those who were invited.
 *
 * @param added who is being invited, and is in no file yet
 * @throws UsageError when nobody could connect, or two have one key
 */
export function configuredUsers(
  settings: ServerSettings,
  log: Pick<Log, 'warn'>,
  added: readonly ServerUser[] = [],
): ServerUser[] {
  const state = new StateKeys(settings.stateDir)
  const given = keyOf(settings, log)
  // A key of the configuration takes the place of the one that was made for want of any.
  const common = given ?? (settings.user.length === 0 ? state.key(log) : null)
  const users = usersOf(settings, common)
  for (const user of [...state.users(log), ...added]) {
    const other = users.find((one) => one.name === user.name || keyHash(one) === keyHash(user))
    if (other === undefined) users.push(user)
    else log.warn(`${user.name} of ${state.usersFile} is left out: ${other.name} of the configuration takes the place`)
  }
  if (users.length === 0) {
    throw new UsageError(
      [
        'a server does not start without a key, or anybody could use it. `mqvpn server --invite` does everything: it',
        '  makes a key, starts, and prints what a client needs. Or make a key yourself, for server and clients:',
        '  (umask 077; mqvpn genkey > /etc/mqvpn.key)',
        '  mqvpn server --auth-key-file /etc/mqvpn.key',
      ].join('\n'),
    )
  }
  const global = users.find(({ name }) => name === GLOBAL_USER)
  const same = global && users.find((user) => user !== global && keyHash(user) === keyHash(global))
  if (same) throw new UsageError(`--user ${same.name} has the same key as --auth-key, so nobody could tell them apart`)
  return users
}

export class ServerUsers {
  #entries: Entry[]
  readonly #pools: Pick<ServerSettings, 'subnet' | 'subnet6'>
  readonly #apply: Apply
  readonly #log: Pick<Log, 'info' | 'warn'>
  /** The change that is under way. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    users: readonly ServerUser[],
    pools: Pick<ServerSettings, 'subnet' | 'subnet6'>,
    apply: Apply,
    log: Pick<Log, 'info' | 'warn'>,
  ) {
    this.#entries = users.map((user) => ({ user, source: 'configuration' }))
    this.#pools = pools
    this.#apply = apply
    this.#log = log
  }

  /** Answers `users`, `add-user` and `remove-user`; null: it is none of them. */
  async command(request: CommandRequest): Promise<CommandReply | null> {
    switch (request.cmd) {
      case 'users':
        return { ok: true, users: this.list() }
      case 'add-user':
        return this.#inTurn(() => this.#add(request))
      case 'remove-user':
        return this.#inTurn(() => this.#remove(request))
      default:
        return null
    }
  }

  /** Without keys and hashes. */
  list(): object[] {
    return this.#entries.map(({ user: { name, address4, address6, networks }, source }) => ({
      name,
      addresses: [address4, address6].filter((address) => address !== undefined),
      networks: networks ?? [],
      source,
    }))
  }

  /**
   * What the configuration says now takes the place of what it said before; users that were added over the control
   * socket stay, unless the configuration names them.
   */
  replaceConfigured(users: readonly ServerUser[]): Promise<{ cut: number; users: number }> {
    return this.#inTurn(async () => {
      const names = new Set(users.map(({ name }) => name))
      const hashes = new Set(users.map(keyHash))
      const added = this.#entries.filter(
        ({ user, source }) => source === 'control socket' && !names.has(user.name) && !hashes.has(keyHash(user)),
      )
      const entries: Entry[] = [...users.map((user): Entry => ({ user, source: 'configuration' })), ...added]
      this.#check(entries)
      const { cut } = await this.#set(entries)
      return { cut, users: entries.length }
    })
  }

  async #add(request: CommandRequest): Promise<CommandReply> {
    const user = readUser(request)
    const others = this.#entries.filter((entry) => entry.user.name !== user.name)
    const replaced = others.length < this.#entries.length
    const entries: Entry[] = [...others, { user, source: 'control socket' }]
    this.#check(entries)
    const { cut } = await this.#set(entries)
    this.#log.info(replaced ? 'user changed' : 'user added', { user: user.name, cut })
    return { ok: true, replaced, cut }
  }

  async #remove({ name }: CommandRequest): Promise<CommandReply> {
    if (typeof name !== 'string') throw new UsageError('there is no "name"; write {"cmd":"remove-user","name":"anna"}')
    const entry = this.#entries.find(({ user }) => user.name === name)
    if (entry === undefined) throw new UsageError(`there is no user called ${JSON.stringify(name.slice(0, 64))}`)
    const entries = this.#entries.filter((other) => other !== entry)
    if (entries.length === 0) {
      throw new UsageError(`${name} is the only user; add another one first, or stop the server`)
    }
    const { cut } = await this.#set(entries)
    this.#log.info('user removed', { user: name, cut })
    return { ok: true, cut, configured: entry.source === 'configuration' }
  }

  /** @throws UsageError that names what contradicts what */
  #check(entries: readonly Entry[]): void {
    const all = entries.map(({ user }) => user)
    const [problem] = userListProblems({
      ...this.#pools,
      // One with a key and one with its hash are told apart by nobody, so both are compared as hashes.
      user: all.map((user) => ({ name: user.name, sha256: keyHash(user) })),
      userAddress: all.flatMap(({ name, address4, address6 }) =>
        [address4, address6].flatMap((address) => (address === undefined ? [] : [{ name, address }])),
      ),
      userAllowedIps: all.flatMap(({ name, networks = [] }) => networks.map((network) => ({ name, network }))),
    })
    if (problem) throw new UsageError(problem.text)
  }

  async #set(entries: Entry[]): Promise<{ cut: number }> {
    const done = await this.#apply(entries.map(({ user }) => user))
    this.#entries = entries
    return done
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(change)
    this.#last = turn.catch(() => undefined)
    return turn
  }
}

/** `{"cmd":"add-user","user":"anna:KEY","address":"10.0.0.5","networks":["192.168.7.0/24"]}`; both may be lists. */
function readUser({ user: text, address, networks }: CommandRequest): ServerUser {
  if (typeof text !== 'string') {
    throw new UsageError('there is no "user"; write {"cmd":"add-user","user":"anna:KEY"}')
  }
  const user: ServerUser = { ...read('user', () => parseUser(text)) }
  for (const one of textsOf('address', address)) {
    const parsed = read('address', () => userAddress(`${user.name}:${one}`)).address
    const family = parsed.includes(':') ? 'address6' : 'address4'
    if (user[family] !== undefined) throw new UsageError(`address: ${one}: a user has one address of a family`)
    user[family] = parsed
  }
  const all = textsOf('networks', networks).map((one) => read('networks', () => network(one)))
  return all.length === 0 ? user : { ...user, networks: all }
}

function textsOf(field: string, value: unknown): string[] {
  if (value === undefined || value === null) return []
  const all: unknown[] = Array.isArray(value) ? value : [value]
  return all.map((one) => {
    if (typeof one !== 'string') throw new UsageError(`${field}: write a text, or a list of texts`)
    return one
  })
}

/** A key stays out of the message. */
function read<T>(field: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof ValueError) throw new UsageError(`${field}: ${error.message}`)
    throw error
  }
}
