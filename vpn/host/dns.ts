/**
 * The DNS servers of `--dns`, in place of the system's: by systemd-resolved where programs ask that, else by
 * resolv.conf.
 *
 *     planDns ──► note ──► HostChanges.make(dnsKind(log), note) ──► watchDns ──► stop it ──► undo
 *
 * Queries stay in the tunnel when the servers are routed through it (`dnsRoutes`). What this cannot reach: programs with
 * servers of their own (DNS over HTTPS in a browser), and, with systemd-resolved, names under a search domain of another
 * link, which it asks there. The kill switch is for those.
 */
import { isIP } from 'node:net'
import { z } from 'zod'
import { VpnError } from '../errors.js'
import type { Log } from '../log.js'
import type { ChangeKind } from './changes.js'
import { applyResolvConf, planResolvConf, RESOLV_CONF, resolvConfNote, undoResolvConf } from './dns-resolv-conf.js'
import {
  applyResolved,
  RESOLVED_PLACES,
  resolvedNote,
  undoResolved,
  usesResolved,
  type ResolvedPlaces,
} from './dns-resolved.js'
import { watchResolvConf } from './dns-watch.js'

const noteSchema = z.discriminatedUnion('method', [resolvedNote, resolvConfNote])
export type DnsNote = z.infer<typeof noteSchema>

export interface DnsOptions {
  searchDomains?: readonly string[]
  /** Others than this machine's, in tests. */
  path?: string
  places?: ResolvedPlaces
}

/** Chooses the way and takes the backup; changes nothing. Throws a VpnError that says why it cannot be done. */
export async function planDns(
  tunName: string,
  servers: readonly string[],
  { searchDomains = [], path = RESOLV_CONF, places = RESOLVED_PLACES }: DnsOptions = {},
): Promise<DnsNote> {
  expectServers(servers)
  expectDomains(searchDomains)
  const asked = { tunName, servers: [...servers], searchDomains: [...searchDomains] }
  return (await usesResolved(path, places)) ? { method: 'resolved', ...asked } : planResolvConf(path, asked)
}

/** @param log gets what was left as it is because another program has written it */
export function dnsKind(log: Log, places = RESOLVED_PLACES): ChangeKind<DnsNote> {
  return {
    kind: 'dns',
    async apply(note) {
      if (note.method === 'resolved') await applyResolved(note)
      else applyResolvConf(note)
    },
    async undo(given) {
      const { data: note } = noteSchema.safeParse(given)
      if (note === undefined) throw new VpnError('what was noted of it cannot be understood')
      if (note.method === 'resolved') await undoResolved(note, places)
      else undoResolvConf(note, log)
    },
  }
}

/**
 * Keeps what was applied against programs that write resolv.conf too.
 *
 * @returns ends it; to be called before the change is undone
 */
export function watchDns(note: DnsNote, log: Log): () => void {
  return note.method === 'resolv.conf' ? watchResolvConf(note, log) : () => undefined
}

/** What has to be routed through the tunnel, so that no query goes elsewhere: `1.1.1.1/32`, `2606:4700::1111/128`. */
export function dnsRoutes(servers: readonly string[]): string[] {
  const outside = servers.map(plain).filter((server) => !isLoopback(server))
  return [...new Set(outside.map((server) => `${server}/${isIP(server) === 4 ? 32 : 128}`))]
}

/** Into a file and onto a command line go only words that are what they should be. */
function expectServers(servers: readonly string[]): void {
  if (servers.length === 0) throw new VpnError('--dns: no DNS server is given; write an IP address, such as 1.1.1.1')
  for (const server of servers) {
    if (isIP(server) === 0) throw new VpnError(`--dns ${server}: write an IP address, such as 1.1.1.1`)
    if (/^fe[89ab]/i.test(server)) {
      throw new VpnError(`--dns ${server}: a link-local address is not reached through a tunnel; give another`)
    }
    if (server === '0.0.0.0' || /^[0:]+$/.test(server)) {
      throw new VpnError(`--dns ${server}: is no server's address; write one such as 1.1.1.1`)
    }
  }
}

function expectDomains(domains: readonly string[]): void {
  for (const domain of domains) {
    if (domain.length > 253 || !/^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(domain))
      throw new VpnError(`search domain ${JSON.stringify(domain)}: write a name such as example.com`)
  }
}

/** An IPv4 address written as IPv6 is asked over IPv4. */
function plain(server: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(server)?.[1] ?? server
}

/** A resolver on this host: its own queries follow the routes. */
function isLoopback(server: string): boolean {
  return server.startsWith('127.') || /^[0:]+:0*1$/.test(server)
}
