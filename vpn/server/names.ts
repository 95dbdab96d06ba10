/** Under which names and addresses clients may reach this server. */
import { hostname, networkInterfaces } from 'node:os'

/** For a certificate: this host's name, and the address if the server listens on one in particular. */
export function certificateNames(listenAddress: string, host = hostname()): string[] {
  const name = host.toLowerCase()
  // A certificate holds ASCII names (RFC 5280 §4.2.1.6).
  const usable = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(name) ? name : 'mqvpn'
  return isWildcard(listenAddress) ? [usable] : [usable, listenAddress]
}

/**
 * For the line that is pasted on a client; a guess where the server listens everywhere, since only a person knows what
 * is in front of this host.
 */
export function addressForClients(
  listenAddress: string,
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): { address: string; guessed: boolean } {
  if (!isWildcard(listenAddress)) return { address: listenAddress, guessed: false }
  const all = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter(
      ({ internal, family, address }) =>
        !internal && (family === 'IPv4' || (listenAddress === '::' && !/^fe80:/i.test(address))),
    )
  const best = all.find(({ family }) => family === 'IPv4') ?? all[0]
  return { address: best?.address ?? hostname(), guessed: true }
}

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
