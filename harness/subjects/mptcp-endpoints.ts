/**
 * Keeps the client's MPTCP endpoints in step with its devices, as mptcpd or NetworkManager does: a path whose device is
 * up, has carrier and its address gets an endpoint; one that lost any of them loses it, whereupon the kernel closes the
 * subflow and sends its data again elsewhere.
 */
import type { Host } from '../lab/host.js'
import type { Path } from '../lab/path.js'
import type { HostProcess } from '../lab/process.js'

export class EndpointKeeper {
  /** Path name → the address that its endpoint has. */
  readonly #present = new Map<string, string>()
  #turn: Promise<void> = Promise.resolve()
  #stopped = false

  private constructor(
    readonly client: Host,
    readonly paths: readonly Path[],
    readonly monitor: HostProcess,
  ) {}

  static async start(client: Host, paths: readonly Path[]): Promise<EndpointKeeper> {
    await client.run('ip', ['mptcp', 'endpoint', 'flush'])
    const monitor = client.spawn('ip', ['-o', 'monitor', 'link', 'address'], { role: 'lab' })
    const keeper = new EndpointKeeper(client, paths, monitor)
    monitor.onLine(() => void keeper.reconcile())
    await keeper.reconcile()
    return keeper
  }

  get processes(): readonly HostProcess[] {
    return [this.monitor]
  }

  /** Every path has its endpoint. */
  get complete(): boolean {
    return this.paths.every((path) => this.#present.has(path.spec.name))
  }

  async show(): Promise<string[]> {
    const { stdout } = await this.client.run('ip', ['mptcp', 'endpoint', 'show'], { check: false })
    return stdout
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean)
  }

  /** Compares and repairs; calls queue up behind each other. */
  reconcile(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#once()).catch(() => undefined)
    return this.#turn
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.monitor.stop()
    await this.#turn
    await this.client.run('ip', ['mptcp', 'endpoint', 'flush'], { check: false })
    this.#present.clear()
  }

  async #once(): Promise<void> {
    if (this.#stopped) return
    const { stdout } = await this.client.run('ip', ['-j', '-4', 'address', 'show'], { check: false })
    const usable = usableAddresses(stdout)
    for (const path of this.paths) {
      const { name } = path.spec
      const addresses = usable.get(name) ?? []
      // The path's own idea of its address first: while it changes, the device has both.
      const wanted = addresses.includes(path.client4) ? path.client4 : addresses[0]
      const present = this.#present.get(name)
      if (wanted === present) continue
      if (present !== undefined) await this.#remove(path, name)
      if (wanted !== undefined) await this.#add(path, name, wanted)
    }
  }

  async #remove(path: Path, name: string): Promise<void> {
    this.#present.delete(name)
    await this.client.run('ip', ['mptcp', 'endpoint', 'delete', 'id', `${path.addresses.index}`], { check: false })
  }

  async #add(path: Path, name: string, address: string): Promise<void> {
    const id = `${path.addresses.index}`
    const { exitCode } = await this.client.run(
      'ip',
      ['mptcp', 'endpoint', 'add', address, 'id', id, 'dev', name, 'subflow'],
      { check: false },
    )
    if (exitCode === 0) this.#present.set(name, address)
  }
}

/** Device → its addresses, for devices that are up and have carrier, from `ip -j address show`. */
export function usableAddresses(json: string): Map<string, string[]> {
  interface Device {
    ifname: string
    flags: string[]
    addr_info: { family: string; local: string }[]
  }
  const usable = new Map<string, string[]>()
  // Before `ip` answers, or when it fails, nothing is known to be usable.
  const devices = (json.trim() === '' ? [] : JSON.parse(json)) as Device[]
  for (const { ifname, flags, addr_info } of devices) {
    if (!flags.includes('UP') || !flags.includes('LOWER_UP')) continue
    usable.set(
      ifname,
      addr_info.filter(({ family }) => family === 'inet').map(({ local }) => local),
    )
  }
  return usable
}
