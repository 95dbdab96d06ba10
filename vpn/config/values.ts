/**
 * What a value may look like. Each parser takes the text of a flag or a file and throws a ValueError that says what
 * would be right; who calls it adds the flag and, unless it is a secret, the text.
 */
import { isIP, isIPv4, isIPv6 } from 'node:net'
import { didYouMean } from '../../common/suggest.js'

export class ValueError extends Error {
  override readonly name = 'ValueError'
}

export interface Endpoint {
  address: string
  port: number
}

export function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    if (!(value >= least && value <= most)) throw new ValueError(`write a whole number from ${least} to ${most}`)
    return value
  }
}

export function oneOf<const T extends string>(known: readonly T[]): (text: string) => T {
  return (text) => {
    const found = known.find((value) => value === text.toLowerCase())
    if (found === undefined) throw new ValueError(`write ${known.join(' or ')}${hint(text, known)}`)
    return found
  }
}

/** What is longer was not meant as one of them, and comparing it would take long. */
const WORD_MOST = 64

function hint(text: string, known: readonly string[]): string {
  if (text.length > WORD_MOST) return ''
  const sentence = didYouMean(text, known)
  return sentence.startsWith('; did') ? sentence : ''
}

const TRUE = ['true', 'yes', 'on', '1']
const FALSE = ['false', 'no', 'off', '0']

export function truth(text: string): boolean {
  const word = text.toLowerCase()
  if (TRUE.includes(word)) return true
  if (FALSE.includes(word)) return false
  throw new ValueError('write true or false')
}

/** A file or folder. What it is and whether it can be read shows when it is opened. */
export function file(text: string): string {
  if (text === '') throw new ValueError('is empty; write a path')
  if (text.includes('\u0000')) throw new ValueError('a path has no NUL in it')
  return text
}

/** Unix socket addresses hold 108 bytes with their end (unix(7)). */
const SOCKET_PATH_BYTES = 107

export function socketPath(text: string): string {
  const length = Buffer.byteLength(file(text))
  if (length > SOCKET_PATH_BYTES) {
    throw new ValueError(
      `has ${length} bytes; the path of a socket has at most ${SOCKET_PATH_BYTES}: use a shorter folder`,
    )
  }
  return text
}

/** IFNAMSIZ is 16 with the end. `%` would make the kernel number it, `/` and blanks it refuses. */
export function tunName(text: string): string {
  if (!/^[\w.-]{1,15}$/.test(text) || text === '.' || text === '..') {
    throw new ValueError('write 1 to 15 letters, digits, -, _ or .')
  }
  return text
}

/** An interface that exists already; others named it, so only what the kernel itself refuses is refused. */
export function device(text: string): string {
  if (!/^[^\s/:]{1,15}$/.test(text) || text === '.' || text === '..') {
    throw new ValueError('write the name of a network interface, such as eth0 (`ip link` lists them)')
  }
  return text
}

/** A link to use: `eth0`, or `wwan0:backup`, which carries nothing while another one works. */
export function path(text: string): { device: string; backup: boolean } {
  const [name = '', role, ...rest] = text.split(':')
  if (rest.length > 0 || (role !== undefined && role !== 'backup')) {
    throw new ValueError('write the name of a network interface, with :backup if it is one, such as wwan0:backup')
  }
  return { device: device(name), backup: role === 'backup' }
}

/** 0: follow the path MTU. IPv6 needs 1280 (RFC 8200 §5). */
export function mtu(text: string): number {
  if (text.toLowerCase() === 'auto' || text === '0') return 0
  const value = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (!(value >= 1280 && value <= 9000)) throw new ValueError('write 1280 to 9000, or 0 for automatic')
  return value
}

export function ipAddress(text: string): string {
  if (isIP(text) === 0 || text.includes('%')) throw new ValueError('write an IP address, such as 1.1.1.1')
  return text
}

export function serverEndpoint(text: string): Endpoint {
  return endpoint(text, 443)
}

export function listenEndpoint(text: string): Endpoint {
  if (/^\d+$/.test(text)) throw new ValueError(`write an address as well: 0.0.0.0:${text}`)
  if (text.startsWith(':'))
    throw new ValueError(`write an address as well: 0.0.0.0${text} (all of IPv4) or [::]${text}`)
  if (text.startsWith('*:')) throw new ValueError(`write 0.0.0.0${text.slice(1)} (all of IPv4) or [::]${text.slice(1)}`)
  const found = endpoint(text, 443, 0)
  if (isIP(found.address) === 0) throw new ValueError('listen on an IP address of this host, such as 0.0.0.0:443')
  return found
}

/** `192.0.2.1:443`, `[2001:db8::1]:443`, `vpn.example.org:443`; the port may be left out. */
function endpoint(text: string, defaultPort: number, leastPort = 1): Endpoint {
  if (isIPv6(text)) throw new ValueError(`an IPv6 address goes into brackets: [${text}]:${defaultPort}`)
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(.*))?$/.exec(text)
  if (!parts)
    throw new ValueError(`write HOST:PORT, such as vpn.example.org:${defaultPort} or [2001:db8::1]:${defaultPort}`)
  const [, v6, other, portText] = parts
  const port = portText === undefined ? defaultPort : portOf(portText, leastPort)
  if (v6 !== undefined) {
    if (!isIPv6(v6)) throw new ValueError('between the brackets goes an IPv6 address, such as [2001:db8::1]')
    return { address: v6.toLowerCase(), port }
  }
  return { address: host(other!), port }
}

function portOf(text: string, least: number): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN
  if (!(port >= least && port <= 65535)) throw new ValueError(`the port is a number from ${least} to 65535`)
  return port
}

const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/

/** A host name (RFC 1123 §2.1) or an IPv4 address. */
export function host(text: string): string {
  if (isIPv4(text)) return text
  const name = text.toLowerCase().replace(/\.$/, '')
  const labels = name.split('.')
  if (name === '' || name.length > 253 || !labels.every((label) => LABEL.test(label))) {
    throw new ValueError('write an IP address or a host name')
  }
  // RFC 1123 §2.1: the last label of a name is not all digits; so this was meant to be an address.
  if (/^\d+$/.test(labels.at(-1)!)) throw new ValueError('is no IPv4 address: that has four numbers from 0 to 255')
  return name
}

/** What the certificate is checked against. */
export function serverName(text: string): string {
  return isIPv6(text) ? text.toLowerCase() : host(text)
}

/** A name that an authority can ask at (http-01). */
export function certifiedName(text: string): string {
  if (text.startsWith('*.')) throw new ValueError('a wildcard cannot be proven with http-01; name each host')
  if (isIP(text) !== 0) throw new ValueError('is an address; write a host name that leads to this host')
  return host(text)
}

/** RFC 5321 §4.5.3.1.3: 254 characters, without the brackets. Several would need commas, which are refused. */
export function email(text: string): string {
  if (text.length > 254 || !/^[^\s@,?<>"%]+@[^\s@,?<>"%]+$/.test(text)) {
    throw new ValueError('write one e-mail address, such as admin@example.org')
  }
  return text
}

export function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) throw new ValueError('write a URL that begins with https://')
  if (url.username !== '' || url.password !== '') throw new ValueError('write the URL without a user and password')
  return url.href
}

export function subnet4(text: string): string {
  return subnet(text, { bits: 32, is: isIPv4, least: 8, most: 30, example: '10.0.0.0/24' })
}

export function subnet6(text: string): string {
  return subnet(text, { bits: 128, is: isIPv6, least: 32, most: 126, example: 'fd00::/112' })
}

/** Any IPv4 or IPv6 network; an address alone is a network of one. */
export function network(text: string): string {
  const family: Family = text.includes(':')
    ? { bits: 128, is: isIPv6, least: 0, most: 128, example: '2001:db8::/32' }
    : { bits: 32, is: isIPv4, least: 0, most: 32, example: '192.168.1.0/24' }
  return subnet(isIP(text) === 0 ? text : `${text}/${family.bits}`, family)
}

/** A truth, as for a switch, or `always`. */
export function killSwitch(text: string): 'off' | 'on' | 'always' {
  if (text.toLowerCase() === 'always') return 'always'
  try {
    return truth(text) ? 'on' : 'off'
  } catch {
    throw new ValueError('write off, on or always')
  }
}

interface Family {
  bits: 32 | 128
  is: (text: string) => boolean
  least: number
  most: number
  example: string
}

function subnet(text: string, { bits, is, least, most, example }: Family): string {
  const [address = '', prefixText, more] = text.split('/')
  if (!is(address) || address.includes('%') || more !== undefined) {
    throw new ValueError(`write an ${bits === 32 ? 'IPv4' : 'IPv6'} network, such as ${example}`)
  }
  const prefix = prefixText !== undefined && /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : NaN
  if (!(prefix >= least && prefix <= most)) {
    throw new ValueError(`the prefix is a number from ${least} to ${most}, such as ${example}`)
  }
  const value = numberOf(address)
  const hostBits = (1n << BigInt(bits - prefix)) - 1n
  if ((value & hostBits) !== 0n) {
    const network = textOf(value & ~hostBits, bits)
    throw new ValueError(`is an address inside a network; the network is ${network}/${prefix}`)
  }
  return `${textOf(value, bits)}/${prefix}`
}

function numberOf(address: string): bigint {
  if (isIPv4(address)) return address.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  // The URL parser writes every IPv6 address, an embedded IPv4 one included, as hexadecimal groups.
  const [head = '', tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

function textOf(value: bigint, bits: 32 | 128): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => `${(value >> shift) & 255n}`).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(16 * (7 - i))) & 0xffffn).toString(16))
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}

/** SHA-256 of a certificate: 64 hexadecimal digits, as `mqvpn server` prints it or with colons as openssl does. */
export function pin(text: string): string {
  const digits = text
    .replace(/^sha-?256(?:[:=]| fingerprint=)/i, '')
    .replaceAll(':', '')
    .toLowerCase()
  if (!/^[0-9a-f]{64}$/.test(digits)) {
    throw new ValueError('write the 64 hexadecimal digits that the server prints as its pin')
  }
  return digits
}

const KEY_MAX = 255
/** What `mqvpn config show` writes in place of a key. With its blanks it is none. */
export const HIDDEN = '(hidden by config show)'

/** It travels as `authorization: Bearer KEY`, so it is of visible ASCII characters (RFC 9110 §5.5). */
export function authKey(text: string): string {
  if (text === '') throw new ValueError('the key is empty; `mqvpn genkey` makes one')
  if (text === HIDDEN)
    throw new ValueError('the key was left out by `mqvpn config show`; write the key, or show with --with-secrets')
  if (text.length > KEY_MAX) throw new ValueError(`the key has ${text.length} characters; ${KEY_MAX} is the most`)
  if (!/^[\u0021-\u007e]+$/.test(text)) {
    throw new ValueError('a key has no blanks and only ASCII characters; `mqvpn genkey` makes one')
  }
  return text
}

export type User = { name: string; key: string } | { name: string; sha256: string }

/** NAME:KEY, or NAME:sha256:HEX of a key that the server need not know. */
export function user(text: string): User {
  const [name, key] = named(text, 'KEY')
  const hash = /^sha-?256:(.*)$/i.exec(key)?.[1]
  if (hash === undefined) return { name, key: authKey(key) }
  if (!/^[0-9a-f]{64}$/i.test(hash)) {
    throw new ValueError('a hash has 64 hexadecimal digits: NAME:sha256:HEX, as `mqvpn genkey --hash` prints it')
  }
  return { name, sha256: hash.toLowerCase() }
}

export function userAddress(text: string): { name: string; address: string } {
  const [name, address] = named(text, 'ADDR')
  return { name, address: ipAddress(address) }
}

export function userNetwork(text: string): { name: string; network: string } {
  const [name, cidr] = named(text, 'CIDR')
  return { name, network: network(cidr) }
}

function named(text: string, what: string): [name: string, rest: string] {
  const colon = text.indexOf(':')
  if (colon < 0) throw new ValueError(`write NAME:${what}`)
  const name = text.slice(0, colon)
  if (!/^[\w.@+-]{1,63}$/.test(name)) {
    throw new ValueError(`write NAME:${what}, the name of 1 to 63 letters, digits, ., _, @, + or -`)
  }
  return [name, text.slice(colon + 1)]
}

/** Whether an address is in a network of the same family. */
export function containedIn(address: string, cidr: string): boolean {
  return overlapping(`${address}/${address.includes(':') ? 128 : 32}`, cidr)
}

/** How far an address is from the first one of its network. */
export function hostNumber(address: string, cidr: string): bigint {
  return numberOf(address) - numberOf(cidr.split('/')[0]!)
}

export function overlapping(one: string, other: string): boolean {
  if (one.includes(':') !== other.includes(':')) return false
  const [[a, lengthA], [b, lengthB]] = [partsOf(one), partsOf(other)]
  const free = BigInt((one.includes(':') ? 128 : 32) - Math.min(lengthA, lengthB))
  return a >> free === b >> free
}

/** First and last address of a network. */
export function span(cidr: string): { first: bigint; last: bigint } {
  const [first, length] = partsOf(cidr)
  return { first, last: first | ((1n << BigInt((cidr.includes(':') ? 128 : 32) - length)) - 1n) }
}

function partsOf(cidr: string): [address: bigint, length: number] {
  const [address = '', length] = cidr.split('/')
  return [numberOf(address), Number(length)]
}
