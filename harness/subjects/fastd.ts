/** fastd over one path: a small user-space VPN from the community-network world, in TUN mode. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChecked } from '../lab/host.js'
import { pathOf } from './direct.js'
import { untilSays } from './ready.js'
import type { RunningSubject, SubjectAdapter, SubjectContext } from './subject.js'
import { INNER, innerMtu, IPV4_UDP_BYTES, outerServerAddress } from './tunnel-addresses.js'
import { TwoSided, type Side } from './two-sided.js'
import { missing, missingTun } from './unsupported.js'
import type { Requirement } from './which.js'

export const requirements: readonly Requirement[] = [
  { program: 'fastd', package: 'fastd' },
  { program: 'ping', package: 'iputils-ping' },
]

const PORT = 10000
/** A handshake that was lost is repeated after 17.5 to 22.5 s, so one loss must not be the end of a cold start. */
const READY_LIMIT_MS = 30_000
/** Method header: 8 bytes with the nonce, 16 of tag; the same for every AEAD-like method that fastd has. */
export const FASTD_OVERHEAD_BYTES = IPV4_UDP_BYTES + 8 + 16
export const DEFAULT_METHOD = 'salsa2012+umac'

export interface Keys {
  secret: string
  publicKey: string
}

export interface FastdSide {
  side: Side
  serverAddress: string
  mtu: number
  method: string
  secret: string
  peerKey: string
}

export const fastd: SubjectAdapter = {
  kind: 'fastd',
  version: async () => {
    const { stdout } = await runChecked('this host', ['fastd', '--version'], { check: false })
    return stdout.trim() || null
  },
  supports: () => Promise.resolve(missing(requirements) ?? missingTun()),
  cannot: () => null,
  start: startFastd,
}

async function startFastd({ lab, spec, workDir }: SubjectContext): Promise<RunningSubject> {
  const paths = spec.paths.map((name) => pathOf(lab.paths, name, spec.id))
  const method = typeof spec.options['method'] === 'string' ? spec.options['method'] : DEFAULT_METHOD
  const keys = { client: await fastdKeys(), server: await fastdKeys() }
  const configFile = (side: Side): string => join(workDir, `fastd-${side}.conf`)
  for (const side of ['client', 'server'] as const) {
    const config = fastdConfig({
      side,
      serverAddress: outerServerAddress(paths),
      mtu: innerMtu(paths, FASTD_OVERHEAD_BYTES),
      method,
      secret: keys[side].secret,
      peerKey: keys[side === 'client' ? 'server' : 'client'].publicKey,
    })
    writeFileSync(configFile(side), config, { mode: 0o600 })
  }
  return TwoSided.start({
    lab,
    id: spec.id,
    readyLimitMs: READY_LIMIT_MS,
    startSide: (side) => {
      const process = lab[side].spawn('fastd', ['--config', configFile(side)], {
        role: 'subject',
        logFile: join(workDir, `fastd-${side}.log`),
      })
      return side === 'client' ? Promise.resolve(process) : untilSays(process, 'bound to', spec.id)
    },
  })
}

export function fastdConfig({ side, serverAddress, mtu, method, secret, peerKey }: FastdSide): string {
  const outer = `${serverAddress}:${PORT}`
  return `log level info;
mode tun;
interface "${INNER.device}";
mtu ${mtu};
method "${method}";
secret "${secret}";
${side === 'server' ? `bind ${outer};` : ''}
peer "${side === 'server' ? 'client' : 'server'}" {
  key "${peerKey}";
  ${side === 'client' ? `remote ${outer};` : '# It may come from anywhere.'}
}
on up "ip link set dev $INTERFACE up && ip address add ${INNER[side]}/${INNER.prefix} dev $INTERFACE";
`
}

export async function fastdKeys(): Promise<Keys> {
  const secret = (await runChecked('this host', ['fastd', '--generate-key', '--machine-readable'])).stdout.trim()
  const shown = await runChecked('this host', ['fastd', '--show-key', '--machine-readable', '--config', '-'], {
    input: `secret "${secret}";\n`,
  })
  return { secret, publicKey: shown.stdout.trim() }
}
