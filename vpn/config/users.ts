/**
 * Who may connect to a server: the common key, users with keys of their own, and the addresses and networks that are
 * theirs. What contradicts itself is told before anything starts; the engine checks it again.
 */
import { createHash } from 'node:crypto'
import type { ServerUser } from '../engine.js'
import type { ServerSettings } from './settings.js'
import { containedIn, hostNumber, overlapping, span, type User } from './values.js'

/** Of the one key that the seed knows; users have names of their own. */
export const GLOBAL_USER = '(global)'

/** A wrong entry of one of the lists. */
export interface UserProblem {
  setting: 'user' | 'userAddress' | 'userAllowedIps'
  index: number
  text: string
}

type Lists = Pick<ServerSettings, 'user' | 'userAddress' | 'userAllowedIps' | 'subnet' | 'subnet6'>

/** SHA-256 of a key, hexadecimal. Keys are 32 random bytes, which nobody finds by trying: no salt, no slow hash. */
export function hashOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

export function keyHash(user: { key?: string | undefined; sha256?: string | undefined }): string {
  return user.sha256 ?? hashOfKey(user.key ?? '')
}

/** @param key the common one, or null */
export function usersOf(settings: Lists, key: string | null): ServerUser[] {
  const users: ServerUser[] = [
    ...(key === null ? [] : [{ name: GLOBAL_USER, key }]),
    ...settings.user.map(asServerUser),
  ]
  const named = (name: string): ServerUser | undefined => users.find((user) => user.name === name)
  for (const { name, address } of settings.userAddress) {
    const user = named(name)
    if (user) user[address.includes(':') ? 'address6' : 'address4'] = address
  }
  for (const { name, network } of settings.userAllowedIps) {
    const user = named(name)
    if (user) (user.networks ??= []).push(network)
  }
  return users
}

function asServerUser(user: User): ServerUser {
  return { ...user }
}

/** What of the lists contradicts another entry, or the pool of the server. */
export function userListProblems(settings: Lists): UserProblem[] {
  return [...nameProblems(settings), ...addressProblems(settings), ...networkProblems(settings)]
}

function nameProblems({ user }: Lists): UserProblem[] {
  const problems: UserProblem[] = []
  const names = new Set<string>()
  const nameOfKey = new Map<string, string>()
  user.forEach((one, index) => {
    const hash = keyHash(one)
    const other = nameOfKey.get(hash)
    if (names.has(one.name)) problems.push({ setting: 'user', index, text: `there are two users called ${one.name}` })
    else if (other !== undefined) {
      const text = `${other} and ${one.name} have the same key, so nobody could tell them apart`
      problems.push({ setting: 'user', index, text })
    }
    names.add(one.name)
    if (other === undefined) nameOfKey.set(hash, one.name)
  })
  return problems
}

function addressProblems({ user, userAddress, subnet, subnet6 }: Lists): UserProblem[] {
  const names = new Set(user.map(({ name }) => name))
  /** By host number: of which a client has one, in both families. */
  const owners = new Map<bigint, string>()
  const numbers = new Map<string, bigint>()
  const given = new Set<string>()
  return userAddress.flatMap(({ name, address }, index) => {
    const wrong = (text: string): UserProblem[] => [{ setting: 'userAddress', index, text }]
    if (!names.has(name)) return wrong(noUser(name))
    const is6 = address.includes(':')
    const pool = is6 ? subnet6 : subnet
    if (pool === undefined) return wrong(`${address}: the server gives no IPv6 addresses; set --subnet6`)
    if (!containedIn(address, pool)) return wrong(`${address} is not in ${pool}, the pool for clients`)
    const number = hostNumber(address, pool)
    if (number === 1n) return wrong(`${address} is the server's own; clients have those behind it`)
    if (number === 0n || (!is6 && isBroadcast(address, pool)))
      return wrong(`${address} is no host's address in ${pool}`)
    const owner = owners.get(number)
    if (owner !== undefined && owner !== name) {
      return wrong(
        `${owner} and ${name} would have the same address, ${address}; a client has one host number, in IPv4 and IPv6`,
      )
    }
    const family = `${name} ${is6 ? 6 : 4}`
    if (given.has(family)) return wrong(`${name} has an IPv${is6 ? 6 : 4} address already`)
    const before = numbers.get(name)
    if (before !== undefined && before !== number) {
      return wrong(
        `${address}: a client has the same host number in IPv4 and IPv6, and the other address of ${name} has another; leave one of the two out`,
      )
    }
    given.add(family)
    owners.set(number, name)
    numbers.set(name, number)
    return []
  })
}

/** As many as the checks on every packet have room for. */
const NETWORKS_MOST = 15

function networkProblems({ user, userAllowedIps, subnet, subnet6 }: Lists): UserProblem[] {
  const names = new Set(user.map(({ name }) => name))
  const counts = new Map<string, number>()
  const clashes = clashesOf(userAllowedIps)
  return userAllowedIps.flatMap(({ name, network }, index) => {
    const wrong = (text: string): UserProblem[] => [{ setting: 'userAllowedIps', index, text }]
    if (!names.has(name)) return wrong(noUser(name))
    for (const pool of [subnet, subnet6]) {
      if (pool !== undefined && overlapping(pool, network)) {
        return wrong(`${network} overlaps ${pool}, the pool for clients`)
      }
    }
    const other = clashes.get(index)
    if (other) return wrong(`${network} of ${name} overlaps ${other.network} of ${other.name}`)
    const family = `${name} ${network.includes(':') ? 6 : 4}`
    const count = (counts.get(family) ?? 0) + 1
    counts.set(family, count)
    return count > NETWORKS_MOST ? wrong(`${name} has more than ${NETWORKS_MOST} networks of one family`) : []
  })
}

/**
 * By index of the later entry: the network of another user that it overlaps. Two networks are apart or one lies in the
 * other, so in the order of their first addresses each needs to be compared with the last outermost one alone.
 */
function clashesOf(entries: Lists['userAllowedIps']): Map<number, Lists['userAllowedIps'][number]> {
  const clashes = new Map<number, Lists['userAllowedIps'][number]>()
  const ranges = entries.map((entry, index) => ({
    entry,
    index,
    six: entry.network.includes(':'),
    ...span(entry.network),
  }))
  ranges.sort((a, b) => Number(a.six) - Number(b.six) || compare(a.first, b.first) || compare(b.last, a.last))
  let outer: (typeof ranges)[number] | undefined
  for (const range of ranges) {
    if (outer === undefined || outer.six !== range.six || outer.last < range.first) outer = range
    else if (outer.entry.name !== range.entry.name) {
      const [earlier, later] = outer.index < range.index ? [outer, range] : [range, outer]
      if (!clashes.has(later.index)) clashes.set(later.index, earlier.entry)
    }
  }
  return clashes
}

const compare = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0)

function isBroadcast(address: string, pool: string): boolean {
  const bits = 32 - Number(pool.split('/')[1])
  return hostNumber(address, pool) === (1n << BigInt(bits)) - 1n
}

function noUser(name: string): string {
  return `there is no user called ${name}; add User = ${name}:KEY, or --user ${name}:KEY`
}
