/** Under which names and addresses clients may reach this server. */
import { readFileSync } from 'node:fs'
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
  uplink: string | null = defaultDevice(),
): { address: string; guessed: boolean } {
  if (!isWildcard(listenAddress)) return { address: listenAddress, guessed: false }
  // Bridges of containers and the tunnel itself have addresses, too: what leads to the internet goes first.
  const all = Object.entries(interfaces)
    .sort(([one], [other]) => Number(other === uplink) - Number(one === uplink))
    .flatMap(([, list]) => list ?? [])
    .filter(
      ({ internal, family, address }) =>
        !internal && (family === 'IPv4' || (listenAddress === '::' && !/^fe80:/i.test(address))),
    )
  const best = all.find(({ family }) => family === 'IPv4') ?? all[0]
  return { address: best?.address ?? hostname(), guessed: true }
}

/** Of the IPv4 default route with the lowest metric; null where there is none, or nothing that could be read. */
function defaultDevice(): string | null {
  let table: string
  try {
    table = readFileSync('/proc/net/route', 'utf8')
  } catch {
    return null
  }
  return uplinkIn(table)
}

/** @param table `/proc/net/route`: device, destination, gateway, flags, …, metric, mask */
export function uplinkIn(table: string): string | null {
  const defaults = table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , , , , , mask]) => destination === '00000000' && mask === '00000000')
    .map(([device = '', , , , , , metric]) => ({ device, metric: Number(metric) }))
    .sort((one, other) => one.metric - other.metric)
  return defaults[0]?.device ?? null
}

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
