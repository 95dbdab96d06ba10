/**
 * The client's kill switch: nothing leaves this host but through the tunnel.
 *
 *   table inet mqvpn_kill_NAME        IPv4 and IPv6 always both, whatever the tunnel carries
 *     output    policy drop           loopback, the TUN, UDP to the server (from any path), DHCP, neighbour discovery
 *     forward   policy drop           only into and out of the TUN: for networks behind this client
 *
 * It is the kernel's: it stays when mqvpn is killed, and goes by `undo` alone. It is put up before the tunnel is.
 *
 * There is no `ct state established accept`: connections of before are cut, too, or they would go on past the tunnel.
 *
 * There is no exception for DNS. A server that is given by name is looked up before this goes up, and a reconnect uses the
 * addresses that are known; names that are asked through the tunnel may change them (`allowServers`).
 *
 * What comes in is not filtered: answers, and ICMP errors for the tunnel's own packets (too big), are needed; what a
 * program here would answer to strangers does not get out. ARP, and sockets that bypass IP (a DHCP client's before it has
 * an address), are not seen by these hooks.
 */
import { isIP } from 'node:net'
import { z } from 'zod'
import { VpnError } from '../errors.js'
import type { ChangeKind } from './changes.js'
import {
  ACCEPT,
  addChain,
  addRule,
  addSet,
  expectDevice,
  match,
  meta,
  Nft,
  payload,
  removeTable,
  replaceTable,
  tableName,
  type NftCommand,
  type NftExpression,
} from './nft.js'

const noteSchema = z.object({
  tunName: z.string(),
  servers: z.array(z.object({ address: z.string(), port: z.number() })),
  /** Devices from which the server may be reached; empty: all. */
  paths: z.array(z.string()),
})
export type KillSwitchNote = z.infer<typeof noteSchema>

/** After everything that changes where a packet goes (`dstnat`, `mangle`), so that it is judged as it leaves. */
const PRIORITY = 100

/** Throws when it could not be put up here; for before the change is noted. */
export async function planKillSwitch(note: KillSwitchNote, nft = new Nft()): Promise<KillSwitchNote> {
  killSwitchRules(note)
  await nft.expectHere()
  return note
}

export function killSwitchKind(nft = new Nft()): ChangeKind<KillSwitchNote> {
  return {
    kind: 'kill-switch',
    apply: async (note) => nft.commit('the kill switch cannot be put up', killSwitchRules(note)),
    async undo(given) {
      // Of a note that a later version wrote, the name is enough.
      const { data: note } = noteSchema.pick({ tunName: true }).safeParse(given)
      if (note === undefined) throw new VpnError('what was noted of it cannot be understood')
      await nft.commit('the kill switch cannot be lifted', removeTable(tableName('mqvpn_kill_', note.tunName)))
    },
  }
}

/**
 * Other servers or paths, in one step, while it stays up. The whole table is replaced rather than the sets, so that it is
 * there again after somebody else's `nft flush ruleset`.
 */
export async function allowServers(note: KillSwitchNote, nft = new Nft()): Promise<void> {
  await nft.commit('the kill switch cannot be changed (what was allowed stays)', killSwitchRules(note))
}

export function killSwitchRules({ tunName, servers, paths }: KillSwitchNote): NftCommand[] {
  const table = tableName('mqvpn_kill_', expectDevice(tunName))
  for (const path of paths) expectDevice(path)
  const chain = (name: 'output' | 'forward'): NftCommand =>
    addChain(table, { name, type: 'filter', hook: name, prio: PRIORITY, policy: 'drop' })
  const output = (...parts: NftExpression[]): NftCommand => addRule(table, 'output', ...parts, ACCEPT)
  const elements = (family: 4 | 6): unknown[] => serversOf(servers, family)
  const outside = [
    match(meta('oifname'), tunName, '!='),
    ...(paths.length === 0 ? [] : [match(meta('oifname'), { set: [...new Set(paths)] })]),
  ]
  const toServer = (protocol: 'ip' | 'ip6', set: string): NftCommand =>
    output(
      ...outside,
      match(meta('l4proto'), 'udp'),
      match({ concat: [payload(protocol, 'daddr'), payload('udp', 'dport')] }, `@${set}`),
    )
  return replaceTable(table, [
    addSet(table, 'servers4', ['ipv4_addr', 'inet_service'], elements(4)),
    addSet(table, 'servers6', ['ipv6_addr', 'inet_service'], elements(6)),
    chain('output'),
    chain('forward'),
    output(match(meta('oifname'), 'lo')),
    output(match(meta('oifname'), tunName)),
    toServer('ip', 'servers4'),
    toServer('ip6', 'servers6'),
    // DHCPv4: a renewal goes to its server alone, wherever that is.
    output(match(meta('nfproto'), 'ipv4'), match(payload('udp', 'sport'), 68), match(payload('udp', 'dport'), 67)),
    // DHCPv6 stays on the link (RFC 8415, sections 7.1 and 18.2).
    output(
      match(payload('ip6', 'saddr'), LINK_LOCAL),
      match(payload('ip6', 'daddr'), { set: [LINK_LOCAL, 'ff02::1:2'] }),
      match(payload('udp', 'sport'), 546),
      match(payload('udp', 'dport'), 547),
    ),
    // Neighbour discovery; whoever gets it over a router, and with less, has to ignore it (RFC 4861, section 6.1).
    output(match(payload('ip6', 'hoplimit'), 255), match(payload('icmpv6', 'type'), { range: [133, 137] })),
    addRule(table, 'forward', match(meta('oifname'), tunName), ACCEPT),
    addRule(table, 'forward', match(meta('iifname'), tunName), ACCEPT),
  ])
}

const LINK_LOCAL = { prefix: { addr: 'fe80::', len: 10 } }

function serversOf(servers: KillSwitchNote['servers'], family: 4 | 6): unknown[] {
  const keys = new Map<string, unknown>()
  for (const { address, port } of servers) {
    // `fe80::1%eth0`: the zone is no part of the packet.
    const plain = addressOf(address)
    if (isIP(plain) === 0) {
      throw new VpnError(`kill switch: ${JSON.stringify(address)} is no IP address; look the server's name up first`)
    }
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new VpnError(`kill switch: ${address}: port ${port} is none; write 1 to 65535`)
    }
    if (isIP(plain) === family) keys.set(`${plain} ${port}`, { concat: [plain, port] })
  }
  return [...keys.values()]
}

/** As packets have it: an IPv4 address that is written as IPv6 is sent to over IPv4. */
function addressOf(address: string): string {
  const plain = address.replace(/%.*$/, '')
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain)?.[1] ?? plain
}
