/**
 * OpenVPN 2.6 over UDP and one path, in user space: the kernel's data channel offload is switched off, so that a result
 * does not depend on whether a module happens to be there. Both ends know each other by certificate fingerprint.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChecked } from '../lab/host.js'
import { selfSigned, type Certificate } from './certificate.js'
import { pathOf } from './direct.js'
import { untilSays } from './ready.js'
import type { RunningSubject, SubjectAdapter, SubjectContext } from './subject.js'
import { INNER, innerMtu, IPV4_UDP_BYTES, outerServerAddress } from './tunnel-addresses.js'
import { TwoSided, type Side } from './two-sided.js'
import { missing, missingTun } from './unsupported.js'
import type { Requirement } from './which.js'

export const requirements: readonly Requirement[] = [
  { program: 'openvpn', package: 'openvpn' },
  { program: 'openssl', package: 'openssl' },
  { program: 'ping', package: 'iputils-ping' },
]

const PORT = 1194
const DEFAULT_CIPHER = 'AES-128-GCM'
/** P_DATA_V2 with an AEAD cipher: opcode and peer id 4, packet id 4, tag 16. */
export const OPENVPN_OVERHEAD_BYTES = IPV4_UDP_BYTES + 4 + 4 + 16

export interface OpenvpnSide {
  side: Side
  /** Where the server listens and the client sends to. */
  serverAddress: string
  mtu: number
  cipher: string
  own: Certificate
  peerFingerprint: string
  statusFile: string
}

export const openvpn: SubjectAdapter = {
  kind: 'openvpn',
  version: async () => {
    const { stdout } = await runChecked('this host', ['openvpn', '--version'], { check: false })
    return /^OpenVPN \S+/.exec(stdout)?.[0] ?? null
  },
  supports: () => Promise.resolve(missing(requirements) ?? missingTun()),
  cannot: () => null,
  start: startOpenvpn,
}

async function startOpenvpn({ lab, spec, workDir }: SubjectContext): Promise<RunningSubject> {
  const paths = spec.paths.map((name) => pathOf(lab.paths, name, spec.id))
  const cipher = typeof spec.options['cipher'] === 'string' ? spec.options['cipher'] : DEFAULT_CIPHER
  const certificates = { client: await selfSigned(workDir, 'client'), server: await selfSigned(workDir, 'server') }
  const statusFile = (side: Side): string => join(workDir, `openvpn-${side}.status`)
  const configFile = (side: Side): string => join(workDir, `openvpn-${side}.conf`)
  for (const side of ['client', 'server'] as const) {
    const config = openvpnConfig({
      side,
      serverAddress: outerServerAddress(paths),
      mtu: innerMtu(paths, OPENVPN_OVERHEAD_BYTES),
      cipher,
      own: certificates[side],
      peerFingerprint: certificates[side === 'client' ? 'server' : 'client'].fingerprint,
      statusFile: statusFile(side),
    })
    writeFileSync(configFile(side), config)
  }

  return TwoSided.start({
    lab,
    id: spec.id,
    startSide: (side) => {
      const process = lab[side].spawn('openvpn', ['--config', configFile(side)], {
        role: 'subject',
        logFile: join(workDir, `openvpn-${side}.log`),
      })
      return side === 'client'
        ? Promise.resolve(process)
        : untilSays(process, 'Initialization Sequence Completed', spec.id)
    },
    stats: (running) =>
      Promise.resolve(Object.fromEntries([...running.keys()].map((side) => [side, statusLines(statusFile(side))]))),
  })
}

/** Everything not written here is OpenVPN's default; keepalive and exit notification are those of its sample files. */
export function openvpnConfig(options: OpenvpnSide): string {
  const { side, serverAddress, mtu, cipher, own, peerFingerprint, statusFile } = options
  const common = [
    `dev ${INNER.device}`,
    'dev-type tun',
    'topology subnet',
    'disable-dco',
    `tun-mtu ${mtu}`,
    `data-ciphers ${cipher}`,
    `cert ${quoted(own.certificateFile)}`,
    `key ${quoted(own.keyFile)}`,
    `peer-fingerprint ${peerFingerprint}`,
    'persist-tun',
    'persist-key',
    `status ${quoted(statusFile)} 1`,
    'verb 3',
  ]
  const perSide = {
    server: [
      'proto udp4',
      `local ${serverAddress}`,
      `port ${PORT}`,
      `server ${INNER.network} ${INNER.netmask}`,
      'dh none',
      'keepalive 10 120',
      'explicit-exit-notify 1',
    ],
    client: ['client', 'proto udp4', `remote ${serverAddress} ${PORT}`, 'nobind', 'connect-retry 1 5'],
  }
  return [...common, ...perSide[side], ''].join('\n')
}

/** OpenVPN's configuration knows backslash escapes inside double quotes. */
function quoted(file: string): string {
  return `"${file.replace(/["\\]/g, '\\$&')}"`
}

function statusLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n').filter(Boolean)
  } catch {
    return []
  }
}
