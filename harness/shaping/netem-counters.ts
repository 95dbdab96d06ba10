/** Reads what `tc -s -j qdisc show`, `ip -s -j link show` and `nft -j list counters` say in the middle namespace. */
import { z } from 'zod'
import type { DirectionCounters } from './backend.js'
import { gateCounters, middleDevices, placesOf, type Way } from './netem-commands.js'

const count = z.number().default(0)
const qdiscs = z.array(
  z.object({
    kind: z.string(),
    dev: z.string().optional(),
    root: z.boolean().optional(),
    drops: count,
    // CoDel's own.
    drop_overlimit: z.number().optional(),
  }),
)
const links = z.array(
  z.object({
    ifname: z.string(),
    stats64: z.object({
      rx: z.object({ bytes: count, packets: count, dropped: count }),
      tx: z.object({ bytes: count, packets: count, dropped: count }),
    }),
  }),
)
const counters = z.object({
  nftables: z.array(z.object({ counter: z.object({ name: z.string(), packets: count }).optional() })),
})

export interface MiddleCounters {
  qdiscs: z.infer<typeof qdiscs>
  links: z.infer<typeof links>
  /** Packets by counter name. */
  gates: Record<string, number>
}

export function parseMiddle(texts: { qdiscs: string; links: string; gates: string | null }): MiddleCounters {
  const gates = texts.gates === null ? [] : counters.parse(JSON.parse(texts.gates)).nftables
  return {
    qdiscs: qdiscs.parse(JSON.parse(texts.qdiscs || '[]')),
    links: links.parse(JSON.parse(texts.links || '[]')),
    gates: Object.fromEntries(gates.flatMap(({ counter }) => (counter ? [[counter.name, counter.packets]] : []))),
  }
}

/**
 * One direction.
 *
 * @param everLossy whether loss was ever asked for: netem counts what it lost on purpose and what found its delay line
 *   full as one number, and the latter must not happen
 */
export function directionCounters(
  middle: MiddleCounters,
  index: number,
  way: Way,
  everLossy: boolean,
): DirectionCounters {
  const { entry, rate, delay } = placesOf(middleDevices(index), way)
  const link = (name: string) => middle.links.find(({ ifname }) => ifname === name)?.stats64
  const on = (device: string) => middle.qdiscs.filter(({ dev }) => dev === device)
  const tbf = on(rate).find(({ kind }) => kind === 'tbf')
  const codel = on(rate).find(({ kind }) => kind === 'codel')
  const netem = on(delay).find(({ kind }) => kind === 'netem')
  const gate = gateCounters(index, way)
  const refusedByCodel = codel?.drop_overlimit ?? 0
  const dropAqm = codel ? codel.drops - refusedByCodel : 0
  const netemDrops = netem?.drops ?? 0
  return {
    inPackets: link(entry)?.rx.packets ?? 0,
    inBytes: link(entry)?.rx.bytes ?? 0,
    outPackets: link(delay)?.tx.packets ?? 0,
    outBytes: link(delay)?.tx.bytes ?? 0,
    // A qdisc counts what those below it dropped as well.
    dropQueue: codel ? refusedByCodel : (tbf?.drops ?? 0),
    dropLoss: everLossy ? netemDrops : 0,
    dropAqm,
    dropBlackhole: middle.gates[gate.blackhole] ?? 0,
    dropOther: (middle.gates[gate.mtu] ?? 0) + (link(delay)?.tx.dropped ?? 0),
    dropEmulator: everLossy ? 0 : netemDrops,
    queueHighWaterBytes: null,
    sojournMaxMs: null,
  }
}
