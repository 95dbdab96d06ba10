/**
 * Which addresses a lab uses. Pure: the same path index gives the same addresses in every lab, so that logs of two runs
 * can be compared; two labs never meet, because each lives in its own namespaces.
 *
 *   client                     path i                       server                    internet
 *   10.100.i.2  fd00:100:i::2 ───────── 10.100.i.1  fd00:100:i::1
 *                                       10.100.0.1  fd00:100::1   (lo: the server's one address)
 *                                       198.51.100.1 ──────────── 198.51.100.2        (RFC 5737)
 *                                       2001:db8:1::1 ─────────── 2001:db8:1::2       (RFC 3849)
 */
export interface PathAddresses {
  /** From 1. Also the metric and the routing table (100 + index) of the path's routes on the client. */
  index: number
  client4: string
  client6: string
  server4: string
  server6: string
  /** Used after a `readdress` fault; a second one goes back to `client4`. */
  alternate4: string
  alternate6: string
  clientMac: string
  serverMac: string
  table: number
}

export const PREFIX4 = 24
export const PREFIX6 = 64

/** The server's one address: every path leads to it. */
export const SERVER4 = '10.100.0.1'
export const SERVER6 = 'fd00:100::1'

export const INTERNET = {
  device: 'inet',
  server4: '198.51.100.1',
  internet4: '198.51.100.2',
  server6: '2001:db8:1::1',
  internet6: '2001:db8:1::2',
} as const

/** @param index 1 … 8 */
export function pathAddresses(index: number): PathAddresses {
  const hex = index.toString(16).padStart(2, '0')
  return {
    index,
    client4: `10.100.${index}.2`,
    client6: `fd00:100:${index}::2`,
    server4: `10.100.${index}.1`,
    server6: `fd00:100:${index}::1`,
    alternate4: `10.100.${index}.3`,
    alternate6: `fd00:100:${index}::3`,
    // Locally administered (bit 1 of the first byte), so that they can meet no real card's.
    clientMac: `02:6d:71:00:${hex}:02`,
    serverMac: `02:6d:71:00:${hex}:01`,
    table: 100 + index,
  }
}
