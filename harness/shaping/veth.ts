/**
 * No shaper: a path is a plain pair of veth devices, as fast as this machine. For paths without any property of a link,
 * where an emulator would be the limit. Nothing can be changed on it but its carrier.
 */
import { z } from 'zod'
import type { Host } from '../lab/host.js'
import type { DirectionSpec, Directions, PathSpec } from '../scenario/types.js'
import type { DirectionCounters, LinkCounters, LiveSpec, ShaperBackend } from './backend.js'

const count = z.number().default(0)
const links = z.array(
  z.object({
    stats64: z.object({
      rx: z.object({ bytes: count, packets: count }),
      tx: z.object({ bytes: count, packets: count }),
    }),
  }),
)

/** Null when the path is a plain wire; else a clause that says what it is more than that. */
export function vethCannot(path: PathSpec): string | null {
  for (const way of ['up', 'down'] as const) {
    const property = propertyOf(path[way])
    if (property !== null) return `path ${path.name} has ${property}, which a plain wire has not`
  }
  return null
}

const PLAIN = {
  bitsPerSecond: null,
  trace: null,
  delayMs: 0,
  jitterMs: 0,
  loss: null,
  reorder: 0,
  duplicate: 0,
} as const

function propertyOf(spec: Omit<DirectionSpec, 'queue' | 'jitterReorders' | 'aqm'> & { aqm?: string }): string | null {
  if (spec.bitsPerSecond !== null || spec.trace !== null) return 'a rate'
  if (spec.delayMs > 0 || spec.jitterMs > 0) return 'a delay'
  if (spec.loss !== null) return 'loss'
  if (spec.reorder > 0 || spec.duplicate > 0) return 'reordering or duplicates'
  return (spec.aqm ?? 'droptail') === 'droptail' ? null : 'an AQM'
}

export class VethShaper implements ShaperBackend {
  readonly kind = 'none'
  readonly pid = null
  readonly #paths = new Map<string, { client: Host; server: Host }>()

  cannot(path: PathSpec): string | null {
    return vethCannot(path)
  }

  async addPath({ name }: PathSpec, client: Host, server: Host): Promise<void> {
    await client.ip(`link add name ${name} type veth peer name ${name} netns ${server.netns}`)
    this.#paths.set(name, { client, server })
  }

  /** To put a wire back as it was is all that can be asked for. */
  async set(path: string, _: Directions, change: Partial<LiveSpec>): Promise<void> {
    const { blackhole = false, silentMtu = 0 } = change
    if (!blackhole && silentMtu === 0 && propertyOf({ ...PLAIN, ...change }) === null) return
    return Promise.reject(new Error(`path ${path} is a plain wire; nothing can be changed on it (--shaper user can)`))
  }

  /** One end of the wire pulled is carrier lost on the other. */
  async carrier(path: string, on: boolean): Promise<void> {
    await this.#hosts(path).server.ip(`link set dev ${path} ${on ? 'up' : 'down'}`)
  }

  async counters(): Promise<LinkCounters> {
    const paths: LinkCounters['paths'] = {}
    for (const [name, { client }] of this.#paths) {
      const { stdout } = await client.run('ip', ['-s', '-j', 'link', 'show', 'dev', name])
      const { tx, rx } = links.parse(JSON.parse(stdout))[0]!.stats64
      paths[name] = { up: carried(tx), down: carried(rx) }
    }
    return { atMs: Number(process.hrtime.bigint()) / 1e6, paths }
  }

  resetMarks(): Promise<void> {
    return Promise.resolve()
  }

  cpuSeconds(): number {
    return 0
  }

  /** The devices go with the hosts. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  #hosts(path: string): { client: Host; server: Host } {
    const found = this.#paths.get(path)
    if (!found) throw new Error(`no path "${path}" in this lab`)
    return found
  }
}

/** What goes in comes out. A super-packet of the kernel counts as one. */
function carried({ bytes, packets }: { bytes: number; packets: number }): DirectionCounters {
  return {
    inPackets: packets,
    inBytes: bytes,
    outPackets: packets,
    outBytes: bytes,
    dropQueue: 0,
    dropLoss: 0,
    dropAqm: 0,
    dropBlackhole: 0,
    dropOther: 0,
    dropEmulator: 0,
    queueHighWaterBytes: null,
    sojournMaxMs: null,
  }
}
