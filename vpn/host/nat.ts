/**
 * A server's address translation: clients reach what the server's host reaches, under its address.
 *
 *   table inet mqvpn_NAME
 *     postrouting   from the clients' subnets, to a device other than the TUN: masquerade (IPv4 and IPv6)
 *     forward       SYN through the TUN, either way: no larger segments than the route takes (`rt mtu` looks at both)
 *
 * Forwarding itself is in sysctl.ts. What the forward chain of another table drops stays dropped, whatever is accepted here:
 * nftables asks every chain. So there is no `accept` here, and a warning instead that names the rule which is missing there.
 */
import { messageOf, VpnError } from '../errors.js'
import { z } from 'zod'
import type { Log } from '../log.js'
import type { ChangeKind } from './changes.js'
import { closedForwarding, type ForwardChain } from './forward-chains.js'
import {
  addChain,
  addRule,
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
  /** Of the clients: `10.0.0.0/24`. */
  subnet: z.string(),
  subnet6: z.string().optional(),
})
export type NatNote = z.infer<typeof noteSchema>

/** Throws when this host has no nft; for before the change is noted. */
export async function planNat(note: NatNote, nft = new Nft()): Promise<NatNote> {
  tableName('mqvpn_', note.tunName)
  await nft.expectHere()
  return note
}

/** @param log is told of chains of others that drop what clients send */
export function natKind(log: Log, nft = new Nft()): ChangeKind<NatNote> {
  return {
    kind: 'nat',
    async apply(note) {
      await nft.commit('address translation cannot be set up', natRules(note))
      await warnOfOthers(note, log, nft)
    },
    async undo(given) {
      const { data: note } = noteSchema.safeParse(given)
      if (note === undefined) throw new VpnError('what was noted of it cannot be understood')
      await nft.commit('address translation cannot be removed', removeTable(tableName('mqvpn_', note.tunName)))
    },
  }
}

export function natRules({ tunName, subnet, subnet6 }: NatNote): NftCommand[] {
  const table = tableName('mqvpn_', expectDevice(tunName))
  // Over loopback the host speaks to itself.
  const elsewhere = match(meta('oifname'), { set: [tunName, 'lo'] }, '!=')
  const masquerade = (protocol: 'ip' | 'ip6', cidr: string): NftCommand =>
    addRule(table, 'postrouting', elsewhere, match(payload(protocol, 'saddr'), prefixOf(cidr)), { masquerade: null })
  const clamp = (side: 'iifname' | 'oifname'): NftCommand =>
    addRule(table, 'forward', match(meta(side), tunName), IS_SYN, CLAMP)
  return replaceTable(table, [
    // srcnat, mangle: where nft's own names for these priorities are.
    addChain(table, { name: 'postrouting', type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' }),
    addChain(table, { name: 'forward', type: 'filter', hook: 'forward', prio: -150, policy: 'accept' }),
    masquerade('ip', subnet),
    ...(subnet6 === undefined ? [] : [masquerade('ip6', subnet6)]),
    clamp('iifname'),
    clamp('oifname'),
  ])
}

const IS_SYN = match({ '&': [payload('tcp', 'flags'), ['syn', 'rst']] }, 'syn')
const CLAMP: NftExpression = {
  mangle: { key: { 'tcp option': { name: 'maxseg', field: 'size' } }, value: { rt: { key: 'mtu' } } },
}

function prefixOf(cidr: string): NftExpression {
  const [addr = '', len = ''] = cidr.split('/')
  return { prefix: { addr, len: Number(len) } }
}

/** That it cannot be found out is no reason not to start. */
async function warnOfOthers({ tunName, subnet6 }: NatNote, log: Log, nft: Nft): Promise<void> {
  let chains: ForwardChain[]
  try {
    chains = closedForwarding(await nft.ruleset('firewall'), tunName)
  } catch (error) {
    log.debug(`whether another firewall drops what clients send could not be found out: ${messageOf(error)}`)
    return
  }
  for (const { family, where, todo } of chains) {
    if (family === 'ip6' && subnet6 === undefined) continue
    log.warn(
      `another firewall drops what is forwarded (${where}), and what clients send may be among it; let it: ${todo}`,
    )
  }
}
