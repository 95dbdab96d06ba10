/**
 * The lab: three hosts and the paths between two of them.
 *
 *            ┌── path 1 ──┐
 *   client ──┼── path 2 ──┼── server ──── internet
 *            └── path N ──┘    (veth, not shaped)
 *
 * Division of labor: a host runs commands, a shaper joins devices, a path owns addresses, routes and faults; the lab
 * makes them, knows them by name, and removes everything, whatever happens.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import type { PathSpec } from '../scenario/types.js'
import { UserShaper } from '../shaping/user.js'
import { VethShaper } from '../shaping/veth.js'
import type { ShaperBackend, ShaperKind } from '../shaping/backend.js'
import { INTERNET, pathAddresses, SERVER4, SERVER6 } from './addressing.js'
import { MachineError } from './errors.js'
import { startGuardian, type Guardian } from './guardian.js'
import { Host, runChecked, type HostName } from './host.js'
import { Path } from './path.js'
import { LabRecord, removeLab, removeStaleLabs } from './registry.js'

export interface LabOptions {
  /** Of every random decision of the links. */
  seed?: number
  shaper?: ShaperKind
  /** Gets the emulator's messages. */
  logFile?: string | null
  /** Paths whose client sits behind a NAT from the start (those with a `rebind` fault). */
  nat?: readonly string[]
}

const openLabs = new Set<Lab>()
let labCount = 0

// The last line of defence for everything short of SIGKILL: an exception that nobody caught, or process.exit().
process.on('exit', () => {
  for (const lab of openLabs) lab.remove()
})

export class Lab {
  readonly id: string
  readonly client: Host
  readonly server: Host
  readonly internet: Host
  readonly paths: ReadonlyMap<string, Path> = new Map<string, Path>()
  readonly record: LabRecord
  #shaper: ShaperBackend | null = null
  #guardian: Guardian | null = null

  private constructor() {
    this.id = `mqb${process.pid}-${++labCount}`
    this.record = new LabRecord(this.id)
    const host = (name: HostName): Host => new Host(name, `${this.id}-${name}`)
    this.client = host('client')
    this.server = host('server')
    this.internet = host('internet')
  }

  /** Makes everything; when any step fails, what was made is removed before the error is thrown. */
  static async open(paths: readonly PathSpec[], options: LabOptions = {}): Promise<Lab> {
    requireRoot()
    removeStaleLabs()
    const lab = new Lab()
    openLabs.add(lab)
    try {
      await lab.#create(paths, options)
      return lab
    } catch (error) {
      await lab.close()
      throw error
    }
  }

  get hosts(): readonly Host[] {
    return [this.client, this.server, this.internet]
  }

  get shaper(): ShaperBackend {
    if (!this.#shaper) throw new Error('the lab has no shaper yet')
    return this.#shaper
  }

  path(name: string): Path {
    const path = this.paths.get(name)
    if (!path) throw new Error(`no path "${name}" in this lab (paths: ${[...this.paths.keys()].join(', ')})`)
    return path
  }

  /** Records a file outside the results that must go when the lab goes, even after a crash. Absolute path. */
  ownsFile(path: string): void {
    this.record.ownsFile(path)
  }

  /** Ends what still runs in the hosts and removes everything. Does not throw; may be called twice. */
  async close(): Promise<void> {
    if (!openLabs.has(this)) return
    await Promise.all(this.hosts.flatMap((host) => host.processes.map((process) => process.stop())))
    await this.#shaper?.close().catch(() => undefined)
    this.remove()
  }

  /** The synchronous part of `close`, for a process that is about to end. */
  remove(): void {
    openLabs.delete(this)
    removeLab(this.record)
    this.#guardian?.dismiss()
  }

  async #create(paths: readonly PathSpec[], options: LabOptions): Promise<void> {
    this.record.create()
    this.#guardian = startGuardian(this.record)
    await Promise.all(this.hosts.map((host) => this.#createHost(host)))
    await this.#joinInternet()
    await this.server.ip(`address add ${SERVER4}/32 dev lo`, `address add ${SERVER6}/128 dev lo nodad`)

    this.#shaper = await this.#startShaper(options)
    for (const [position, spec] of paths.entries()) {
      const path = new Path(spec, pathAddresses(position + 1), this.client, this.server, this.#shaper)
      await path.create()
      if (options.nat?.includes(spec.name)) await path.enableNat()
      ;(this.paths as Map<string, Path>).set(spec.name, path)
    }
  }

  async #startShaper(options: LabOptions): Promise<ShaperBackend> {
    if (options.shaper === 'netem') {
      const { NetemShaper } = await import('../shaping/netem.js')
      return NetemShaper.start(this.record)
    }
    if (options.shaper === 'none') return new VethShaper()
    return UserShaper.start(options.seed ?? 1, options.logFile ?? null)
  }

  async #createHost(host: Host): Promise<void> {
    this.record.ownsNetns(host.netns)
    // `ip netns exec` mounts this over /etc/resolv.conf, so a program that edits DNS edits its host's file, not ours.
    mkdirSync(`/etc/netns/${host.netns}`, { recursive: true })
    writeFileSync(
      `/etc/netns/${host.netns}/resolv.conf`,
      `# ${host.name} of lab ${this.id}\nnameserver ${INTERNET.internet4}\nnameserver ${INTERNET.internet6}\n`,
    )
    await runChecked('lab', ['ip', 'netns', 'add', host.netns])
    await host.ip('link set dev lo up')
    await host.sysctl({
      // Replies may leave by another path than the request came in by.
      'net.ipv4.conf.all.rp_filter': 0,
      'net.ipv4.conf.default.rp_filter': 0,
      // A route over a device without carrier is not used, as when a network manager withdraws it.
      'net.ipv4.conf.all.ignore_routes_with_linkdown': 1,
      'net.ipv6.conf.all.ignore_routes_with_linkdown': 1,
      'net.ipv4.conf.default.ignore_routes_with_linkdown': 1,
      'net.ipv6.conf.default.ignore_routes_with_linkdown': 1,
      'net.ipv6.conf.default.accept_ra': 0,
      'net.ipv6.conf.default.accept_dad': 0,
      // A repeat must not inherit cwnd and ssthresh from the one before.
      'net.ipv4.tcp_no_metrics_save': 1,
      // The kernel's own defaults, whatever this machine's are: a distribution that tunes them must not change results.
      'net.ipv4.tcp_rmem': '4096 131072 6291456',
      'net.ipv4.tcp_wmem': '4096 16384 4194304',
    })
  }

  async #joinInternet(): Promise<void> {
    const { device, server4, server6, internet4, internet6 } = INTERNET
    await this.server.ip(
      `link add ${device} type veth peer name eth0 netns ${this.internet.netns}`,
      `link set dev ${device} up`,
      `address add ${server4}/24 dev ${device}`,
      `address add ${server6}/64 dev ${device} nodad`,
      `route add default via ${internet4}`,
      `route add default via ${internet6} dev ${device}`,
    )
    await this.internet.ip(
      'link set dev eth0 up',
      `address add ${internet4}/24 dev eth0`,
      `address add ${internet6}/64 dev eth0 nodad`,
    )
  }
}

/** @throws MachineError */
export function requireRoot(): void {
  if (process.getuid?.() !== 0) {
    throw new MachineError('building a lab needs root (network namespaces, TAP devices): run it with sudo')
  }
}
