/**
 * The VPN of this package, started as any user would: by its command line, as a process of its own.
 *
 *   client vpn0 ── mqvpn client ── QUIC ── path(s) ── UDP :4433 ── mqvpn server ── vpn0 server
 *
 * The server makes its own certificate, and the client trusts the pin that it prints; the key goes by file. Routes are
 * left alone, as the lab's must stay; the one into the tunnel is set here whenever the client has connected.
 */
import { randomBytes } from 'node:crypto'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../common/package.js'
import { runChecked } from '../lab/host.js'
import type { Lab } from '../lab/lab.js'
import type { HostProcess } from '../lab/process.js'
import { pathOf } from './direct.js'
import { until } from './ready.js'
import type { RunningSubject, SubjectAdapter, SubjectContext, Unsupported } from './subject.js'
import { INNER, outerServerAddress } from './tunnel-addresses.js'
import { TwoSided, type Side } from './two-sided.js'
import { missing, missingTun } from './unsupported.js'
import type { Requirement } from './which.js'

export const requirements: readonly Requirement[] = [{ program: 'ping', package: 'iputils-ping' }]

const PORT = 4433
/** Unix socket addresses hold 108 bytes with their end (unix(7)); folders of results may be deeper. */
const SOCKET_PATH_BYTES = 107

export interface MqvpnSide {
  side: Side
  /** Where the server listens and the client connects to. */
  serverAddress: string
  /** Devices to bind to; empty: the routes decide. */
  devices: readonly string[]
  scheduler: string | null
  cc: string | null
  keyFile: string
  stateDir: string
  control: string
  /** Of the server's certificate; for the client. */
  pin: string | null
}

export const mqvpn: SubjectAdapter = {
  kind: 'mqvpn',
  version: async () => {
    const { stdout } = await runChecked('this host', [process.execPath, program(), '--version'], { check: false })
    return stdout.trim() || null
  },
  supports: () => Promise.resolve(missing(requirements) ?? notBuilt() ?? missingTun()),
  cannot: () => null,
  start: startMqvpn,
}

/** As an installation has it; a user's `mqvpn` is a link to it. */
function program(): string {
  return join(packageRoot(), 'dist', 'vpn', 'main.js')
}

function notBuilt(): Unsupported | null {
  if (existsSync(program())) return null
  return { status: 'missing', reason: `mqvpn is not built (${program()} does not exist)`, remedy: 'npm run build' }
}

async function startMqvpn({ lab, spec, workDir }: SubjectContext): Promise<RunningSubject> {
  const paths = spec.paths.map((name) => pathOf(lab.paths, name, spec.id))
  const keyFile = join(workDir, 'mqvpn.key')
  writeFileSync(keyFile, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
  const control = { client: socketPath(workDir, lab, 'client'), server: socketPath(workDir, lab, 'server') }
  let pin: string | null = null

  const startSide = (side: Side): HostProcess => {
    const args = mqvpnArgs({
      side,
      serverAddress: outerServerAddress(paths),
      // One path: the address of the server leads to it alone.
      devices: paths.length > 1 ? spec.paths : [],
      scheduler: textOption(spec.options['scheduler']),
      cc: textOption(spec.options['cc']),
      keyFile,
      stateDir: join(workDir, `mqvpn-${side}`),
      control: control[side],
      pin,
    })
    return lab[side].spawn(process.execPath, [program(), ...args], {
      name: 'mqvpn',
      role: 'subject',
      logFile: join(workDir, `mqvpn-${side}.log`),
    })
  }

  return TwoSided.start({
    lab,
    id: spec.id,
    startSide: async (side) => {
      const process = startSide(side)
      if (side === 'client') {
        process.onLine((line) => {
          if (line.startsWith('connected:')) void routeIntoTunnel(lab)
        })
        return process
      }
      let listening = false
      process.onLine((line) => {
        const found = pinIn(line)
        if (found === null) return
        pin = found
        listening = true
      })
      try {
        const signal = new AbortController().signal
        await until(() => listening, { subject: spec.id, processes: [process], signal })
        return process
      } catch (error) {
        await process.stop()
        throw error
      }
    },
    stopSide: async (side, process) => {
      await process.stop()
      // What was killed could not remove it.
      rmSync(control[side], { force: true })
    },
    stats: async (running) => {
      const sides = [...running.keys()].map(async (side) => [side, await statusOf(control[side])] as const)
      return Object.fromEntries(await Promise.all(sides))
    },
  })
}

/** Everything not written here is mqvpn's default. */
export function mqvpnArgs(options: MqvpnSide): string[] {
  const { side, serverAddress, devices, scheduler, cc, keyFile, stateDir, control, pin } = options
  const common = [
    '--no-config',
    ...['--tun-name', INNER.device, '--auth-key-file', keyFile, '--state-dir', stateDir, '--control', control],
    ...(scheduler === null ? [] : ['--scheduler', scheduler]),
    ...(cc === null ? [] : ['--cc', cc]),
  ]
  const outer = `${serverAddress}:${PORT}`
  const inner = `${INNER.network}/${INNER.prefix}`
  // The traffic ends at the server itself, as that of the other subjects does.
  if (side === 'server') return ['server', '--listen', outer, '--subnet', inner, '--no-nat', ...common]
  const bound = devices.flatMap((device) => ['--path', device])
  return ['client', '--server', outer, '--pin', pin ?? '', '--no-manage-routes', ...bound, ...common]
}

/** `listening: 10.100.1.1:4433 on vpn0, pin 6a09…` */
export function pinIn(line: string): string | null {
  return /^listening: .* pin ([0-9a-f]{64})$/.exec(line)?.[1] ?? null
}

/** In front of the fence, which has a metric; again after every reconnection, since the device may be a new one. */
async function routeIntoTunnel(lab: Lab): Promise<void> {
  const route = [`${INNER.network}/${INNER.prefix}`, 'dev', INNER.device, 'src', INNER.client]
  await lab.client.run('ip', ['route', 'replace', ...route], { check: false })
}

async function statusOf(control: string): Promise<unknown> {
  const argv = [process.execPath, program(), 'status', '--json', '--control', control]
  const { exitCode, stdout, stderr } = await runChecked('this host', argv, { check: false })
  return exitCode === 0 ? JSON.parse(stdout) : { error: stderr.trim() }
}

function socketPath(workDir: string, lab: Lab, side: Side): string {
  const path = join(workDir, `mqvpn-${side}.sock`)
  return Buffer.byteLength(path) <= SOCKET_PATH_BYTES ? path : join(tmpdir(), `mqvpn-${lab.id}-${side}.sock`)
}

function textOption(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
