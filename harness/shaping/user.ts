/**
 * The `user` shaper: `mqvpn-link` joins a TAP device on the client with one on the server. Works on every kernel that
 * has TUN/TAP; one process carries every path of the lab.
 */
import { z } from 'zod'
import { programPath } from '../native.js'
import type { Host } from '../lab/host.js'
import type { Directions, PathSpec } from '../scenario/types.js'
import type { DirectionCounters, LinkCounters, LiveSpec, ShaperBackend } from './backend.js'
import { LinkClient } from './link-client.js'

const NS_PER_MS = 1e6
const US_PER_MS = 1e3

const count = z.number().default(0)
const counters = z.object({
  inPackets: count,
  inBytes: count,
  outPackets: count,
  outBytes: count,
  queueHighWaterBytes: count,
  sojournMaxNs: count,
  dropQueue: count,
  dropLoss: count,
  dropAqm: count,
  dropBlackhole: count,
  dropMtu: count,
  dropDown: count,
  writeErrors: count,
  dropTapRing: count,
  dropPool: count,
  dropOversize: count,
})
const statsReply = z.object({
  tNs: z.number(),
  paths: z.record(z.string(), z.object({ up: counters, down: counters })),
})

/** `DirectionSpec` in the emulator's own keys and units (native/README.md). */
export function linkSpec(spec: Partial<LiveSpec>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  if (spec.bitsPerSecond !== undefined) out['rate'] = spec.bitsPerSecond
  if (spec.trace !== undefined) out['trace'] = spec.trace
  if (spec.delayMs !== undefined) out['delayUs'] = Math.round(spec.delayMs * US_PER_MS)
  if (spec.jitterMs !== undefined) out['jitterUs'] = Math.round(spec.jitterMs * US_PER_MS)
  if (spec.jitterReorders !== undefined) out['jitterReorders'] = spec.jitterReorders
  if (spec.loss !== undefined) out['loss'] = spec.loss
  if (spec.reorder !== undefined) out['reorder'] = spec.reorder
  if (spec.duplicate !== undefined) out['duplicate'] = spec.duplicate
  if (spec.queue !== undefined) out['queue'] = spec.queue
  if (spec.aqm !== undefined) out['aqm'] = spec.aqm
  if (spec.silentMtu !== undefined) out['mtu'] = spec.silentMtu
  if (spec.blackhole !== undefined) out['blackhole'] = spec.blackhole
  return out
}

export class UserShaper implements ShaperBackend {
  readonly kind = 'user'
  readonly #link: LinkClient

  private constructor(link: LinkClient) {
    this.#link = link
  }

  static async start(seed: number, logFile: string | null): Promise<UserShaper> {
    return new UserShaper(await LinkClient.start(programPath('mqvpn-link'), seed, logFile))
  }

  get pid(): number {
    return this.#link.process.pid
  }

  cannot(): null {
    return null
  }

  async addPath(path: PathSpec, client: Host, server: Host): Promise<void> {
    await this.#link.request('add', {
      path: path.name,
      left: { netns: client.netnsPath, dev: path.name },
      right: { netns: server.netnsPath, dev: path.name },
      up: linkSpec(path.up),
      down: linkSpec(path.down),
    })
  }

  async set(path: string, direction: Directions, change: Partial<LiveSpec>): Promise<void> {
    await this.#link.request('set', { path, direction, spec: linkSpec(change) })
  }

  async carrier(path: string, on: boolean): Promise<void> {
    await this.#link.request('carrier', { path, side: 'left', on })
  }

  async counters(): Promise<LinkCounters> {
    const reply = statsReply.parse(await this.#link.request('stats'))
    return {
      atMs: reply.tNs / NS_PER_MS,
      paths: Object.fromEntries(
        Object.entries(reply.paths).map(([name, both]) => [name, { up: plain(both.up), down: plain(both.down) }]),
      ),
    }
  }

  async resetMarks(): Promise<void> {
    await this.#link.request('resetHighWater')
  }

  cpuSeconds(): number {
    return this.#link.process.cpuSeconds()
  }

  async close(): Promise<void> {
    await this.#link.close()
  }
}

function plain(counted: z.infer<typeof counters>): DirectionCounters {
  return {
    inPackets: counted.inPackets,
    inBytes: counted.inBytes,
    outPackets: counted.outPackets,
    outBytes: counted.outBytes,
    dropQueue: counted.dropQueue,
    dropLoss: counted.dropLoss,
    dropAqm: counted.dropAqm,
    dropBlackhole: counted.dropBlackhole,
    dropOther: counted.dropMtu + counted.dropDown + counted.writeErrors,
    dropEmulator: counted.dropTapRing + counted.dropPool + counted.dropOversize,
    queueHighWaterBytes: counted.queueHighWaterBytes,
    sojournMaxMs: counted.sojournMaxNs / NS_PER_MS,
  }
}
