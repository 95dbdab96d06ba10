/** A machine that is made up, for tests of the doctor. All is well on it until a test changes something. */
import type { FileFacts, Machine } from '../doctor/machine.js'
import type { KernelFeatures } from '../native.js'

export class FakeMachine implements Machine {
  files = new Map<string, string>([
    ['/etc/resolv.conf', 'nameserver 192.0.2.1\n'],
    ['/proc/net/route', ROUTE_HEAD + defaultRoute('eth0')],
    ['/sys/class/net/eth0/flags', '0x1003\n'],
    ['/sys/class/net/eth0/mtu', '1500\n'],
    ['/proc/sys/net/ipv4/conf/all/rp_filter', '0\n'],
    ['/proc/sys/net/ipv4/conf/eth0/rp_filter', '0\n'],
  ])
  modes = new Map<string, Partial<FileFacts>>()
  unwritable = new Set<string>()
  /** What a program prints; null: it fails. One that is missing is not there. */
  programs = new Map<string, string | null>([['nft', '{"nftables":[]}']])
  ports = new Map<number, string>()
  feature: Record<string, string | null> = {}
  /** Thrown when it is asked for features. */
  addonProblem: Error | null = null
  time = new Date('2026-06-01T00:00:00Z')
  user = 0

  read(path: string): string | null {
    return this.files.get(path) ?? null
  }

  list(folder: string): string[] {
    const below = [...this.files.keys()].filter((file) => file.startsWith(`${folder}/`))
    return [...new Set(below.map((file) => file.slice(folder.length + 1).split('/')[0]!))].sort()
  }

  facts(path: string): FileFacts | null {
    const isFile = this.files.has(path)
    if (!isFile && this.list(path).length === 0) return null
    return { mode: isFile ? 0o600 : 0o755, uid: 0, isFile, changedAt: this.time, ...this.modes.get(path) }
  }

  writable(path: string): boolean {
    return this.files.has(path) && !this.unwritable.has(path)
  }

  async run(program: string): Promise<string | null> {
    return this.programs.get(program) ?? null
  }

  async has(program: string): Promise<boolean> {
    return this.programs.has(program)
  }

  features(): KernelFeatures {
    if (this.addonProblem) throw this.addonProblem
    const names = ['capNetAdmin', 'tun', 'tunTso', 'tunUso', 'udpGso', 'udpGro']
    return Object.fromEntries(
      names.map((name) => [name, { ok: this.feature[name] == null, detail: this.feature[name] ?? 'there' }]),
    )
  }

  async udpPort(_: string, port: number): Promise<string | null> {
    return this.ports.get(port) ?? null
  }

  now(): Date {
    return this.time
  }

  uid(): number {
    return this.user
  }
}

export const ROUTE_HEAD = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'

export function defaultRoute(device: string): string {
  return `${device}\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`
}
