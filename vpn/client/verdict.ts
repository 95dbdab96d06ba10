/** A connection ended: what that means to a person, what to do about it, and whether to try again. */
import type { Closed } from '../engine.js'
import { RefusedError, VpnError } from '../errors.js'
import type { ClientSettings } from '../config/settings.js'

export interface Verdict {
  /** One line, with advice where there is some. */
  text: string
  /** Trying again would end in the same way. */
  final: boolean
  /** The server answered, and said no. */
  refused: boolean
  /** With which `mqvpn` ends when it does not try again. */
  error: VpnError
}

type Asked = Pick<ClientSettings, 'pin' | 'ca' | 'insecure' | 'server'>

const NO_VPN = [
  'what answers there is no VPN server: it does not know connect-ip (RFC 9484)',
  'check host and port of --server',
] as const

/** By the reason that the server gives, or that is seen. */
const REFUSALS: Readonly<Record<string, readonly [what: string, advice: string]>> = {
  'wrong-key': [
    'the server does not accept this key',
    'compare it with the key that the server was started with (of a --user NAME:KEY only the KEY is given)',
  ],
  full: ['the server has as many clients as it takes', 'its --max-clients sets how many'],
  'no-address': ['the server has no address left for this client', 'its --subnet sets how many there are'],
  'wrong-protocol': NO_VPN,
  'no-extended-connect': NO_VPN,
  'not-found': ['the server does not offer a VPN under this name', 'check --server and --tls-server-name'],
}

export function judge(closed: Closed, asked: Asked): Verdict {
  const text = explain(closed, asked)
  const final = !closed.retryable
  const isRefusal = closed.cause === 'refused' || closed.cause === 'tls'
  return { text, final, refused: isRefusal, error: isRefusal ? new RefusedError(text) : new VpnError(text) }
}

function explain({ cause, refusal, message }: Closed, asked: Asked): string {
  const where = `${asked.server.address}:${asked.server.port}`
  switch (cause) {
    case 'refused': {
      const [what, advice] = REFUSALS[refusal ?? ''] ?? [`the server refused: ${message}`, null]
      return advice === null ? what : `${what}; ${advice}`
    }
    case 'tls':
      return `${message}; ${certificateAdvice(asked)}`
    case 'handshake-timeout':
      return `no answer from ${where}: is the server running, and does UDP port ${asked.server.port} get through?`
    case 'version':
      return `${where} speaks another version of QUIC: ${message}`
    case 'idle':
      return 'the server has not been heard of for too long'
    case 'stateless-reset':
      return 'the server does not know this connection any more; it was restarted, as it seems'
    default:
      return message
  }
}

function certificateAdvice({ pin, ca, insecure }: Asked): string {
  if (insecure) return 'the TLS handshake itself failed; are client and server of the same age?'
  if (pin !== undefined) {
    return 'the server prints its pin when it starts; if its certificate was not replaced, somebody is in between'
  }
  if (ca !== undefined) return 'the certificate must be signed by an authority in --ca, for the name in --server'
  return 'a self-signed server is trusted by its --pin, which it prints when it starts; another name is given with --tls-server-name'
}
