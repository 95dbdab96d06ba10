/**
 * A lab with the VPN of this package in it, through the command line alone:
 *
 *   client  vpn ── mqvpn client ── path a ── UDP :4433 ── mqvpn server ── vpn  server ──── internet
 *   10.77.0.2 fd77::2              (mqvpn-link)                10.77.0.1 fd77::1
 *
 *   extra clients, each a namespace of its own ── veth ── server
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVER4, SERVER6 } from '../../../harness/lab/addressing.js'
import { Host, runChecked } from '../../../harness/lab/host.js'
import { Lab } from '../../../harness/lab/lab.js'
import type { Path } from '../../../harness/lab/path.js'
import type { DirectionSpec } from '../../../harness/scenario/types.js'
import { pathOfTest } from '../../../harness/testing/specs.js'
import { Mqvpn } from './mqvpn.js'

export const DEVICE = 'vpn'
export const PORT = 4433
export const INNER = {
  subnet4: '10.77.0.0/24',
  subnet6: 'fd77::/112',
  server4: '10.77.0.1',
  server6: 'fd77::1',
  client4: '10.77.0.2',
  client6: 'fd77::2',
} as const
export const OUTER = { server4: SERVER4, server6: SERVER6 } as const

export class TunnelLab {
  readonly path: Path
  readonly keyFile: string
  pin = ''
  readonly #extraHosts = new Map<number, Host>()
  #started = 0

  private constructor(
    readonly lab: Lab,
    /** For keys, certificates, tickets and sockets; goes with the lab. */
    readonly directory: string,
  ) {
    this.path = lab.path('a')
    this.keyFile = this.file('key', `${randomBytes(32).toString('base64')}\n`)
  }

  /** One path of 5 ms each way, or several of one kind; `change` says what is different. */
  static async open(change: Partial<DirectionSpec> = {}, nat = false, names = ['a']): Promise<TunnelLab> {
    const paths = names.map((name) => pathOfTest(name, { bitsPerSecond: 60e6, ...change }))
    const lab = await Lab.open(paths, nat ? { nat: ['a'] } : {})
    const directory = mkdtempSync(join(tmpdir(), 'mqvpn-tunnel-'))
    lab.ownsFile(directory)
    return new TunnelLab(lab, directory)
  }

  get client(): Host {
    return this.lab.client
  }

  get server(): Host {
    return this.lab.server
  }

  async close(): Promise<void> {
    await this.stopAll()
    await this.lab.close()
  }

  /** Ends every program in the lab; the lab itself stays. */
  async stopAll(): Promise<void> {
    const processes = [...this.lab.hosts, ...this.#extraHosts.values()].flatMap((host) => host.processes)
    await Promise.all(processes.map((process) => process.stop()))
  }

  /** A file that only its owner can read. */
  file(name: string, content: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }

  /** Starts a server without waiting for it. */
  launchServer(start: ServerStart = {}, ...args: string[]): Mqvpn {
    const { listen = `${SERVER4}:${PORT}`, state = 'server', device = DEVICE, control, nat = false } = start
    const subnets = ['--subnet', INNER.subnet4, '--subnet6', INNER.subnet6]
    return Mqvpn.start(this.server, 'server', control ?? this.#socket('server'), [
      ...(args.includes('--config') ? [] : ['--no-config']),
      ...['--listen', listen, ...subnets, '--tun-name', device, ...(nat ? [] : ['--no-nat'])],
      ...['--auth-key-file', this.keyFile, '--state-dir', join(this.directory, state), ...args],
    ])
  }

  /** A server that listens; its pin is what clients are given from now on. */
  async startServer(start: ServerStart = {}, ...args: string[]): Promise<Mqvpn> {
    const server = this.launchServer(start, ...args)
    this.pin = String((await server.says('listening'))['pin'])
    return server
  }

  /** Starts a client without waiting for it. */
  launchClient(start: ClientStart = {}, ...args: string[]): Mqvpn {
    const { host = this.client, server = `${SERVER4}:${PORT}`, state = `client-${host.netns}` } = start
    const { keyFile = this.keyFile, trust = ['--pin', this.pin], managed = false, device = DEVICE } = start
    return Mqvpn.start(host, 'client', this.#socket('client'), [
      ...[
        ...(args.includes('--config') ? [] : ['--no-config']),
        '--server',
        server,
        ...trust,
        '--tun-name',
        device,
        ...(managed ? [] : ['--no-manage-routes']),
      ],
      ...['--auth-key-file', keyFile, '--state-dir', join(this.directory, state), ...args],
    ])
  }

  /** A client that is connected. */
  async connect(start: ClientStart = {}, ...args: string[]): Promise<Mqvpn> {
    const client = this.launchClient(start, ...args)
    await client.says('connected')
    return client
  }

  /** One more client host, with a link of its own to the server: 172.31.N.2, not shaped. The same one when asked again. */
  async clientHost(number: number): Promise<Host> {
    const there = this.#extraHosts.get(number)
    if (there) return there
    const netns = `${this.lab.id}-client${number}`
    const host = new Host('client', netns)
    this.lab.record.ownsNetns(netns)
    this.#extraHosts.set(number, host)
    await runChecked('lab', ['ip', 'netns', 'add', netns])
    await this.server.ip(
      `link add c${number} type veth peer name eth0 netns ${netns}`,
      `link set dev c${number} up`,
      `address add 172.31.${number}.1/24 dev c${number}`,
    )
    await host.ip(
      'link set dev lo up',
      'link set dev eth0 up',
      `address add 172.31.${number}.2/24 dev eth0`,
      `route add default via 172.31.${number}.1`,
    )
    return host
  }

  /** Each run has a socket of its own, so that what a killed one has left is in nobody's way. */
  #socket(side: string): string {
    return join(this.directory, `${side}-${++this.#started}.sock`)
  }
}

export interface ServerStart {
  listen?: string
  /** Folder of its certificate. */
  state?: string
  device?: string
  control?: string
  /** Whether it carries its clients' packets beyond its host. */
  nat?: boolean
}

export interface ClientStart {
  host?: Host
  /** Where it connects to. */
  server?: string
  /** Folder of its tickets. */
  state?: string
  keyFile?: string
  trust?: readonly string[]
  device?: string
  /** Whether it may change the routes. */
  managed?: boolean
}
