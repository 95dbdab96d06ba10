/**
 * Addresses inside the tunnels that this package configures itself, the same for every VPN so that results compare.
 *
 *   client vpn0 10.201.0.2/24 ═══ tunnel ═══ 10.201.0.1/24 vpn0 server
 */
import { SERVER4 } from '../lab/addressing.js'
import type { Host } from '../lab/host.js'
import type { Path } from '../lab/path.js'
import type { Endpoint } from './subject.js'

export const INNER = {
  device: 'vpn0',
  server: '10.201.0.1',
  client: '10.201.0.2',
  network: '10.201.0.0',
  netmask: '255.255.255.0',
  prefix: 24,
} as const

/** Outer IPv4 and UDP headers without options (RFC 791 §3.1, RFC 768). */
export const IPV4_UDP_BYTES = 20 + 8

/**
 * Traffic is bound to the client's inner address, not to the device: after a restart the device is another one of the
 * same name, the address is the same.
 */
export function innerEndpoint(): Endpoint {
  return {
    serverAddress: INNER.server,
    clientAddress: INNER.client,
    clientDevice: null,
    probeProtocol: 'udp',
    wrap: [],
  }
}

/** MTU of the tunnel so that no outer packet is larger than the smallest path that it may take. */
export function innerMtu(paths: readonly Path[], overheadBytes: number): number {
  return Math.min(...paths.map((path) => path.spec.mtu)) - overheadBytes
}

/**
 * Where the client sends to. One path: the server's address on it, whose only route is that path. Several: the
 * server's one address, and the kernel's routes choose.
 */
export function outerServerAddress(paths: readonly Path[]): string {
  const [only, ...others] = paths
  return only !== undefined && others.length === 0 ? only.addresses.server4 : SERVER4
}

// While a side restarts, its tunnel device does not exist. Without this the inner network would follow the default
// route past the VPN, and the other side would answer: the outage would look shorter than it is.
const FENCE = `blackhole ${INNER.network}/${INNER.prefix} metric 4000`

export async function fence(...hosts: Host[]): Promise<void> {
  for (const host of hosts) await host.ip(`route replace ${FENCE}`)
}

/** Does not throw. */
export async function unfence(...hosts: Host[]): Promise<void> {
  for (const host of hosts) await host.run('ip', ['route', 'del', ...FENCE.split(' ')], { check: false })
}
