/** What one end of iperf3 saw in one interval; its text and its JSON output both become this. */
export interface IperfInterval {
  /** Milliseconds since that end's test began; since the end of the omitted part where `omitted` is false. */
  startMs: number
  endMs: number
  /** Before the end of iperf3's own `--omit`. */
  omitted: boolean
  /** Of this end: `received` is goodput, `sent` is what was handed to the socket. */
  direction: 'received' | 'sent'
  /** All streams together. */
  bitsPerSecond: number
  /** TCP senders only. */
  retransmits: number | null
  udp: {
    /** Datagrams sent (by a sender), or sent as far as a receiver can tell from their numbers. */
    total: number
    /** Receivers only. Negative when datagrams arrive that were counted as lost in an earlier interval. */
    lost: number | null
    jitterMs: number | null
  } | null
}

/**
 * Makes the intervals of one direction follow each other without gaps or overlaps: each begins where the one before
 * ended, intervals without length are left out. iperf3's first interval after `--omit` may claim a wrong start.
 */
export function tile(intervals: readonly IperfInterval[]): IperfInterval[] {
  const tiled: IperfInterval[] = []
  for (const interval of intervals) {
    const before = tiled.at(-1)
    const startMs = before && before.omitted === interval.omitted ? before.endMs : 0
    if (interval.endMs > startMs) tiled.push({ ...interval, startMs })
  }
  return tiled
}
