/**
 * A live path: the device on the client, the device on the server, their addresses and routes, and the link between.
 * Every fault is a method here; `restore` undoes all of them. Plain data about a path is `PathSpec`.
 */
import type { Directions, FaultAction, Loss, PathSpec } from '../scenario/types.js'
import { liveSpec, type LiveSpec, type ShaperBackend } from '../shaping/backend.js'
import { PREFIX4, PREFIX6, SERVER4, SERVER6, type PathAddresses } from './addressing.js'
import type { Host } from './host.js'
import { Nat } from './nat.js'

export type PathFault = Exclude<FaultAction, { verb: 'restart' }>

export class Path {
  #alternate = false
  #adminDown = false
  #nat: Nat | null = null

  constructor(
    readonly spec: PathSpec,
    readonly addresses: PathAddresses,
    readonly client: Host,
    readonly server: Host,
    readonly shaper: ShaperBackend,
  ) {}

  get name(): string {
    return this.spec.name
  }

  /** The client's IPv4 address now (`readdress` changes it). */
  get client4(): string {
    return this.#alternate ? this.addresses.alternate4 : this.addresses.client4
  }

  get client6(): string {
    return this.#alternate ? this.addresses.alternate6 : this.addresses.client6
  }

  /** Makes the devices, then addresses and routes on both ends. */
  async create(): Promise<void> {
    await this.shaper.addPath(this.spec, this.client, this.server)
    const { server4, server6, serverMac, clientMac } = this.addresses
    const dev = this.name
    await this.server.ip(
      `link set dev ${dev} address ${serverMac} mtu ${this.spec.mtu}`,
      `link set dev ${dev} up`,
      `address add ${server4}/${PREFIX4} dev ${dev}`,
      `address add ${server6}/${PREFIX6} dev ${dev} nodad`,
    )
    await this.client.ip(`link set dev ${dev} address ${clientMac} mtu ${this.spec.mtu}`, `link set dev ${dev} up`)
    await this.#configureClient()
  }

  /** Translates the client's UDP source ports from now on, so that `rebind` has something to change. */
  async enableNat(): Promise<void> {
    this.#nat ??= await Nat.start(this.client, this.name)
  }

  /** Administrative down, as `ip link set dev X down` on the client: the kernel forgets the device's routes. */
  async down(): Promise<void> {
    this.#adminDown = true
    await this.client.ip(`link set dev ${this.name} down`)
  }

  /** Up again, with the addresses and routes that a network manager would put back. */
  async up(): Promise<void> {
    this.#adminDown = false
    await this.client.ip(`link set dev ${this.name} up`)
    await this.#configureClient()
  }

  async carrier(on: boolean): Promise<void> {
    await this.shaper.carrier(this.name, on)
  }

  async blackhole(direction: Directions = 'both'): Promise<void> {
    await this.set(direction, { blackhole: true })
  }

  async loss(loss: Loss | null, direction: Directions = 'both'): Promise<void> {
    await this.set(direction, { loss })
  }

  async delay(delayMs: number, direction: Directions = 'both'): Promise<void> {
    await this.set(direction, { delayMs })
  }

  async rate(bitsPerSecond: number | null, direction: Directions = 'both'): Promise<void> {
    await this.set(direction, { bitsPerSecond })
  }

  async jitter(jitterMs: number, direction: Directions = 'both'): Promise<void> {
    await this.set(direction, { jitterMs })
  }

  /** A NAT in front of the client forgets its bindings: from now on packets leave from other ports. */
  async rebind(): Promise<void> {
    await this.enableNat()
    await this.#nat?.rebind()
  }

  /** The client gets another address of the same network, as by DHCP on a new lease. */
  async readdress(): Promise<void> {
    await this.#deconfigureClient()
    this.#alternate = !this.#alternate
    await this.#configureClient()
  }

  /** Device MTU on both ends; `silent`: the devices keep theirs and larger packets vanish on the way. */
  async mtu(mtu: number, silent = false): Promise<void> {
    if (silent) {
      await this.set('both', { silentMtu: mtu })
      return
    }
    await Promise.all([this.client, this.server].map((host) => host.ip(`link set dev ${this.name} mtu ${mtu}`)))
  }

  /** Changes the link's properties; all or nothing. */
  async set(direction: Directions, change: Partial<LiveSpec>): Promise<void> {
    await this.shaper.set(this.name, direction, change)
  }

  /** Back to what the scenario says. Safe to call in any state. */
  async restore(): Promise<void> {
    await this.set('up', liveSpec(this.spec.up))
    await this.set('down', liveSpec(this.spec.down))
    await this.carrier(true)
    await this.mtu(this.spec.mtu)
    if (this.#adminDown) await this.up()
    if (this.#alternate) await this.readdress()
    // Carrier loss and MTU changes below 1280 make the kernel drop addresses and neighbours.
    await this.#configureClient()
    await this.#configureServerNeighbours()
  }

  /** Applies one fault of a schedule. */
  async apply(fault: PathFault): Promise<void> {
    switch (fault.verb) {
      case 'down':
        return this.down()
      case 'up':
        return this.up()
      case 'carrier':
        return this.carrier(fault.on)
      case 'blackhole':
        return this.blackhole(fault.direction)
      case 'restore':
        return this.restore()
      case 'loss':
        return this.loss(fault.loss, fault.direction)
      case 'delay':
        return this.delay(fault.delayMs, fault.direction)
      case 'rate':
        return this.rate(fault.bitsPerSecond, fault.direction)
      case 'jitter':
        return this.jitter(fault.jitterMs, fault.direction)
      case 'rebind':
        return this.rebind()
      case 'readdress':
        return this.readdress()
      case 'mtu':
        return this.mtu(fault.mtu, fault.silent)
    }
  }

  /**
   * Addresses, neighbours, routes and rules of the client for this path. `replace` everywhere: it is also what puts
   * them back after the kernel dropped them. Neighbours are permanent: an ARP exchange across the shaped link would be
   * an artefact, since on a real path it stays inside the access network.
   */
  async #configureClient(): Promise<void> {
    const { index, server4, server6, serverMac, table } = this.addresses
    const dev = this.name
    await this.client.ip(
      `address replace ${this.client4}/${PREFIX4} dev ${dev}`,
      `address replace ${this.client6}/${PREFIX6} dev ${dev} nodad`,
      `neighbour replace ${server4} lladdr ${serverMac} dev ${dev} nud permanent`,
      `neighbour replace ${server6} lladdr ${serverMac} dev ${dev} nud permanent`,
      // The server's one address over every path; the metric orders them, a bound device or source picks one.
      `route replace ${SERVER4}/32 via ${server4} dev ${dev} metric ${index}`,
      `route replace ${SERVER6}/128 via ${server6} dev ${dev} metric ${index}`,
      `route replace default via ${server4} dev ${dev} metric ${index}`,
      `route replace default via ${server6} dev ${dev} metric ${index}`,
      `route replace default via ${server4} dev ${dev} table ${table}`,
      `route replace default via ${server6} dev ${dev} table ${table}`,
    )
    await this.client.run('sh', ['-c', RULES, 'rules', this.client4, this.client6, String(table)])
    await this.#configureServerNeighbours()
  }

  async #configureServerNeighbours(): Promise<void> {
    const { clientMac } = this.addresses
    await this.server.ip(
      `neighbour replace ${this.client4} lladdr ${clientMac} dev ${this.name} nud permanent`,
      `neighbour replace ${this.client6} lladdr ${clientMac} dev ${this.name} nud permanent`,
    )
  }

  async #deconfigureClient(): Promise<void> {
    const { table } = this.addresses
    await this.client.ip(
      `address del ${this.client4}/${PREFIX4} dev ${this.name}`,
      `address del ${this.client6}/${PREFIX6} dev ${this.name}`,
    )
    await this.client.run('ip', ['-4', 'rule', 'del', 'from', this.client4, 'lookup', String(table)])
    await this.client.run('ip', ['-6', 'rule', 'del', 'from', this.client6, 'lookup', String(table)])
  }
}

/** `ip rule` has no replace: add what is not there yet. */
const RULES = `
ip -4 rule show table "$3" | grep -q "from $1 " || ip -4 rule add from "$1" lookup "$3" priority "$3"
ip -6 rule show table "$3" | grep -q "from $2 " || ip -6 rule add from "$2" lookup "$3" priority "$3"
`
