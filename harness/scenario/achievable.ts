/**
 * Goodput that headers leave of a link's rate. Rates count whole Ethernet frames (14 bytes of header, no checksum, no
 * preamble), so a full IPv4 TCP segment with time stamps carries 1448 of 1514 bytes. Loss, acknowledgements of the other
 * direction and slow start are not taken off.
 */
import type { Direction, Directions, LoadSpec, PathSpec } from './types.js'

const ETHERNET = 14
const IPV4 = 20
const UDP = 8
/** 20 bytes, and 12 of time stamps (RFC 7323), which Linux always sends. */
const TCP = 32

/** Payload bytes per frame byte of full TCP segments: 1448/1514 at MTU 1500. */
export function tcpShare(mtu: number): number {
  return (mtu - IPV4 - TCP) / (mtu + ETHERNET)
}

/** Payload bytes per frame byte of UDP datagrams; one that is larger than the MTU travels in several fragments. */
export function udpShare(payloadBytes: number, mtu: number): number {
  const packet = payloadBytes + UDP
  // Every fragment but the last carries a multiple of 8 bytes (RFC 791).
  const perFragment = Math.floor((mtu - IPV4) / 8) * 8
  const fragments = packet <= mtu - IPV4 ? 1 : Math.ceil(packet / perFragment)
  return payloadBytes / (packet + fragments * (IPV4 + ETHERNET))
}

/** Bits per second of payload on one path; null without a fixed rate. `both`: the sum of both directions. */
export function pathGoodput(path: PathSpec, load: LoadSpec | null, direction: Directions): number | null {
  const share = load?.kind === 'udp' ? udpShare(load.payloadBytes, path.mtu) : tcpShare(path.mtu)
  const ways: Direction[] = direction === 'both' ? ['up', 'down'] : [direction]
  let sum = 0
  for (const way of ways) {
    const bits = path[way].bitsPerSecond
    if (bits === null) return null
    sum += bits * share
  }
  return sum
}

export interface Achievable {
  perPath: Record<string, number | null>
  /** null when a path has no fixed rate. */
  sum: number | null
}

/** Per path, and of all paths together. A measurement without a load is counted as TCP both ways. */
export function achievable(paths: readonly PathSpec[], load: LoadSpec | null): Achievable {
  const perPath = Object.fromEntries(
    paths.map((path) => [path.name, pathGoodput(path, load, load?.direction ?? 'both')]),
  )
  return { perPath, sum: sumOrNull(Object.values(perPath)) }
}

/** null as soon as one value is. */
export function sumOrNull(values: readonly (number | null)[]): number | null {
  return values.reduce<number | null>((sum, value) => (sum === null || value === null ? null : sum + value), 0)
}
