/**
 * WireGuard in user space over one path.
 *
 *   client vpn0 ── wireguard-go ── UDP ── path ── UDP :51820 ── wireguard-go ── vpn0 server
 *
 * wireguard-go puts its control socket into /var/run/wireguard, which all network namespaces share. Each daemon here
 * gets a mount namespace with an empty /run of its own (`ip netns exec` has already made a private one), so that names
 * cannot meet and nothing is left behind, however it ends.
 */
import { generateKeyPairSync } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { runChecked } from '../lab/host.js'
import type { HostProcess } from '../lab/process.js'
import { pathOf } from './direct.js'
import { until } from './ready.js'
import type { RunningSubject, SubjectAdapter, SubjectContext } from './subject.js'
import { INNER, innerMtu, IPV4_UDP_BYTES, outerServerAddress } from './tunnel-addresses.js'
import { TwoSided, type Side } from './two-sided.js'
import { uapiGet, uapiSet, type Settings } from './uapi.js'
import { missing, missingTun } from './unsupported.js'
import type { Requirement } from './which.js'

export const requirements: readonly Requirement[] = [
  { program: 'wireguard-go', package: 'wireguard-go' },
  { program: 'mount', package: 'mount' },
  { program: 'ping', package: 'iputils-ping' },
]

const PORT = 51820
/** Transport data message: type 4, receiver 4, counter 8, tag 16 (WireGuard paper §5.4.6). Padding never exceeds the MTU. */
export const WIREGUARD_OVERHEAD_BYTES = IPV4_UDP_BYTES + 4 + 4 + 8 + 16

const START = 'mount -t tmpfs -o mode=755 tmpfs /run && exec wireguard-go -f "$1"'
const SOCKET = `/run/wireguard/${INNER.device}.sock`

export const wireguardGo: SubjectAdapter = {
  kind: 'wireguard-go',
  version: async () => {
    const { stdout, stderr } = await runChecked('this host', ['wireguard-go', '--version'], { check: false })
    return (stdout || stderr).split('\n')[0]?.trim() ?? null
  },
  supports: () => Promise.resolve(missing(requirements) ?? missingTun()),
  cannot: () => null,
  start: startWireguard,
}

async function startWireguard({ lab, spec, workDir }: SubjectContext): Promise<RunningSubject> {
  const paths = spec.paths.map((name) => pathOf(lab.paths, name, spec.id))
  const keys = { client: wireguardKeys(), server: wireguardKeys() }
  const mtu = innerMtu(paths, WIREGUARD_OVERHEAD_BYTES)
  const settings: Record<Side, Settings> = {
    // As deployed: the server learns the client's address from what the client sends.
    server: [
      ['private_key', keys.server.privateHex],
      ['listen_port', PORT],
      ['public_key', keys.client.publicHex],
      ['allowed_ip', `${INNER.client}/32`],
    ],
    client: [
      ['private_key', keys.client.privateHex],
      ['public_key', keys.server.publicHex],
      ['endpoint', `${outerServerAddress(paths)}:${PORT}`],
      ['allowed_ip', `${INNER.server}/32`],
    ],
  }

  return TwoSided.start({
    lab,
    id: spec.id,
    startSide: async (side) => {
      const process = lab[side].spawn('sh', ['-c', START, 'sh', INNER.device], {
        name: 'wireguard-go',
        role: 'subject',
        logFile: join(workDir, `wireguard-go-${side}.log`),
        // Handshakes and time-outs, nothing per packet.
        env: { LOG_LEVEL: 'verbose' },
      })
      try {
        const signal = new AbortController().signal
        await until(() => existsSync(socketOf(process)), { subject: spec.id, processes: [process], signal })
        await uapiSet(socketOf(process), settings[side])
        await lab[side].ip(
          `address add ${INNER[side]}/${INNER.prefix} dev ${INNER.device}`,
          `link set dev ${INNER.device} mtu ${mtu} up`,
        )
        return process
      } catch (error) {
        await process.stop()
        throw error
      }
    },
    stats: async (running) => {
      const sides = [...running].map(async ([side, process]) => [side, await statsOf(process)] as const)
      return Object.fromEntries(await Promise.all(sides))
    },
  })
}

/** The daemon's own view of its /run. */
function socketOf(process: HostProcess): string {
  return `/proc/${process.pid}/root${SOCKET}`
}

const REPORTED = ['endpoint', 'last_handshake_time_sec', 'tx_bytes', 'rx_bytes']

async function statsOf(process: HostProcess): Promise<Record<string, string>> {
  const settings = await uapiGet(socketOf(process)).catch(() => [])
  return Object.fromEntries(settings.filter(([key]) => REPORTED.includes(key)))
}

/** Raw X25519 keys: the last 32 bytes of their DER forms (RFC 8410). */
export function wireguardKeys(): { privateHex: string; publicHex: string } {
  const { privateKey, publicKey } = generateKeyPairSync('x25519')
  const raw = (der: Buffer): string => der.subarray(-32).toString('hex')
  return {
    privateHex: raw(privateKey.export({ format: 'der', type: 'pkcs8' })),
    publicHex: raw(publicKey.export({ format: 'der', type: 'spki' })),
  }
}
