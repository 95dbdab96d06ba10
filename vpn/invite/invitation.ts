/**
 * An invitation: all that a client needs, in one text that can be pasted or scanned.
 *
 *     mqvpn://203.0.113.1:443?pin=3f9a…#KEY
 *
 * The key is the fragment, which programs that follow addresses send to nobody (RFC 3986 §3.5). No message repeats any
 * part of the text: whatever is wrong with it, a key may be in it.
 */
import { authKey, pin as parsePin, serverEndpoint, ValueError, type Endpoint } from '../config/values.js'
import { UsageError } from '../errors.js'

export const SCHEME = 'mqvpn://'

export interface Invitation {
  server: Endpoint
  /** Null: the certificate is checked as that of any other server. */
  pin: string | null
  key: string
}

/** The longest that there can be (a name of 253 characters, a key of 255 that is escaped throughout) has room. */
const LENGTH_MOST = 2048
const FORM = `${SCHEME}HOST:PORT?pin=SHA256#KEY`

export function formatInvitation({ server: { address, port }, pin, key }: Invitation): string {
  const host = address.includes(':') ? `[${address.replaceAll('%', '%25')}]` : address
  return `${SCHEME}${host}:${port}${pin === null ? '' : `?pin=${pin}`}#${escaped(key)}`
}

/** @throws UsageError that says which part is wrong, and repeats none */
export function parseInvitation(text: string): Invitation {
  if (text.length > LENGTH_MOST) throw wrong(`has ${text.length} characters; ${LENGTH_MOST} is the most`)
  if (text.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
    throw wrong(`does not begin with ${SCHEME}; write ${FORM}, as \`mqvpn server --invite\` prints it`)
  }
  const [whole, fragment] = cut(text.slice(SCHEME.length), '#')
  if (fragment === null) {
    throw wrong('has no key, which stands behind a #; was it copied to its end, and in quotes for the shell?')
  }
  const [place, query] = cut(whole, '?')
  // Programs that tidy addresses put a / behind the host.
  const authority = place.replace(/\/$/, '')
  if (authority.includes('/')) throw wrong(`has a / that belongs to none of its parts; write ${FORM}`)
  if (authority === '') throw wrong(`has no server; write ${FORM}`)
  return {
    server: read('the server', authority, serverEndpoint),
    pin: query === null ? null : pinIn(query),
    key: read('the key', fragment, authKey),
  }
}

function pinIn(query: string): string {
  const parts = query.split('&').map((part) => cut(part, '='))
  if (parts.some(([name]) => name !== 'pin')) {
    throw wrong(`has something other than pin= between ? and #; write ${FORM}`)
  }
  if (parts.length > 1) throw wrong('has more than one pin')
  return read('the pin', parts[0]![1] ?? '', parsePin)
}

function read<T>(part: string, written: string, parse: (text: string) => T): T {
  let text: string
  try {
    text = decodeURIComponent(written)
  } catch {
    throw wrong(`${part}: a % is not followed by two hexadecimal digits, or these are no character`)
  }
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    throw wrong(`${part}: ${withoutValue(error.message, text)}`)
  }
}

/** Some messages suggest what was meant with the text in it. */
function withoutValue(message: string, text: string): string {
  return text !== '' && message.includes(text) ? `write it as in ${FORM}, an IPv6 address in brackets` : message
}

function cut(text: string, at: string): [before: string, after: string | null] {
  const index = text.indexOf(at)
  return index < 0 ? [text, null] : [text.slice(0, index), text.slice(index + 1)]
}

/** `+`, `/` and `=` of base64 may stand in a fragment; quotes and the like would end one for a shell. */
function escaped(key: string): string {
  return encodeURIComponent(key)
    .replace(/%(2B|2F|3D)/g, (code) => decodeURIComponent(code))
    .replace(/[!'()*]/g, (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`)
}

function wrong(what: string): UsageError {
  return new UsageError(`the invitation ${/^the /.test(what) ? `is wrong: ${what}` : what}`)
}
