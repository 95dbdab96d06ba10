/** From the name of a server to addresses. */
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { codeOf, messageOf, VpnError } from '../errors.js'

export type Lookup = (host: string) => Promise<string[]>

/** In the order in which the system prefers them (RFC 6724). */
export async function systemLookup(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, verbatim: true })
  return found.map(({ address }) => address)
}

/** The name cannot be turned into an address. */
export class LookupError extends VpnError {
  constructor(
    message: string,
    /** The resolver could not be reached, so the name may well exist. */
    readonly passing: boolean,
  ) {
    super(message)
  }
}

/** @throws LookupError */
export async function addressesOf(host: string, look: Lookup): Promise<string[]> {
  if (isIP(host) !== 0) return [host]
  let found: string[]
  try {
    found = await look(host)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOTFOUND' || code === 'ENODATA') {
      throw new LookupError(`there is no host ${host}; check --server`, false)
    }
    throw new LookupError(
      `cannot look up ${host}: ${code === 'EAI_AGAIN' ? 'no name server answers' : messageOf(error)}`,
      true,
    )
  }
  if (found.length === 0) throw new LookupError(`the host ${host} has no address; check --server`, false)
  return found
}
