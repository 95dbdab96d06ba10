/** What an authority says when it refuses (RFC 8555 §6.7), as a sentence with what to do. */
import { clean } from '../../clean.js'
import { codeOf, messageOf, VpnError } from '../../errors.js'

/** Problem documents are of somebody else; nobody reads more. */
const DETAIL_MOST = 500
const TYPE_PREFIX = 'urn:ietf:params:acme:error:'

export interface Problem {
  /** Without its prefix: `rateLimited`. */
  type: string
  detail: string
}

/** The authority answered, and the answer is no. */
export class AcmeRefusal extends VpnError {
  override readonly name = 'AcmeRefusal'
  /** Not before so long should it be asked again; null: it does not say. */
  readonly retryAfterMs: number | null

  constructor(message: string, retryAfterMs: number | null) {
    super(message)
    this.retryAfterMs = retryAfterMs
  }
}

/** @param value anything that was parsed from JSON */
export function problemIn(value: unknown): Problem {
  const { type, detail, title } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const word = typeof type === 'string' ? type : ''
  const text = [detail, title].find((one): one is string => typeof one === 'string' && one !== '') ?? 'no reason given'
  return {
    type: clean((word.startsWith(TYPE_PREFIX) ? word.slice(TYPE_PREFIX.length) : word).slice(0, 64)),
    detail: clean(text.length > DETAIL_MOST ? `${text.slice(0, DETAIL_MOST)}…` : text),
  }
}

/** Of a request; a challenge that failed is `challengeFailure`. */
export function refusal(host: string, status: number, problem: Problem, retryAfterMs: number | null): AcmeRefusal {
  const { type, detail } = problem
  if (type === 'rateLimited' || status === 429) {
    const wait = retryAfterMs === null ? '' : `; not before ${Math.ceil(retryAfterMs / 60_000)} min from now`
    return new AcmeRefusal(`${host} has had too many orders (rate limit): ${detail}${wait}`, retryAfterMs)
  }
  return new AcmeRefusal(`${host} refuses (${type === '' ? status : type}): ${detail}${remedy(type)}`, retryAfterMs)
}

function remedy(type: string): string {
  switch (type) {
    case 'invalidContact':
    case 'unsupportedContact':
      return '; is --acme-email right?'
    case 'rejectedIdentifier':
    case 'unsupportedIdentifier':
      return '; is every name of --acme one that this authority certifies?'
    case 'caa':
      return '; the CAA record of the domain has to allow this authority'
    case 'userActionRequired':
      return '; its terms have changed, and its owner has to agree'
    case 'externalAccountRequired':
      return '; an account with external binding is not supported, choose another --acme-directory'
    default:
      return ''
  }
}

/** What kept the authority from seeing that this host has the name. @param port where we listen */
export function challengeFailure(host: string, domain: string, port: number, { type, detail }: Problem): AcmeRefusal {
  const url = `http://${domain}/.well-known/acme-challenge/…`
  const arrives = port === 80 ? 'TCP port 80 of this host' : `TCP port ${port} of this host, by way of port 80,`
  const advice: Record<string, string> = {
    connection: `${arrives} has to be reachable from the internet`,
    dns: `the name has to lead to this host (an A or AAAA record)`,
    unauthorized: `something else answers there; the name has to lead to this host, and port 80 to mqvpn`,
    incorrectResponse: `something else answers there; the name has to lead to this host, and port 80 to mqvpn`,
    tls: `port 80 must not be redirected to HTTPS that does not work`,
    caa: `the CAA record of the domain has to allow this authority`,
  }
  const what = advice[type] ?? 'the name has to lead to this host, and port 80 to mqvpn'
  return new AcmeRefusal(`${host} could not see ${url} (${type || 'failed'}): ${detail}; ${what}`, null)
}

/** A request that got no answer. */
export function noAnswer(host: string, error: unknown): VpnError {
  // `fetch failed` says nothing; the cause does.
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  const code = codeOf(cause) ?? ''
  if (error instanceof Error && error.name === 'TimeoutError') return new VpnError(`${host} does not answer in time`)
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new VpnError(`the name of ${host} cannot be resolved (${code}); does DNS work on this host?`)
  }
  if (/CERT|SIGNED|SIGNATURE|ISSUER/.test(code)) {
    return new VpnError(
      `the certificate of ${host} itself is not trusted (${code}); NODE_EXTRA_CA_CERTS=FILE adds an authority`,
    )
  }
  return new VpnError(`${host} cannot be reached: ${clean(messageOf(cause)) || code}`)
}
