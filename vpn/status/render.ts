/** What `mqvpn status` shows of a client or a server. */
import { createColors } from 'picocolors'
import { clean } from '../clean.js'
import type { ConnectionStatus, EngineStatus, PathStatus } from '../engine.js'
import { bitsPerSecond, bytes, duration, milliseconds, share, table } from './format.js'

/** What the program adds to what its engine says. */
export interface Status extends EngineStatus {
  version: string
  pid: number
  /** A client's: whether it is connected, or when it tries again. */
  session?: {
    state: 'connecting' | 'connected' | 'waiting' | 'stopped'
    server: string
    /** Since the last connection: how often it has been tried. */
    attempts: number
    /** Until the next try. */
    retryInSeconds: number | null
    /** Why there is no connection. */
    lastProblem: string | null
  }
  /** A server's. */
  listening?: { address: string; port: number; pin: string; maxClients: number } | null
}

export function renderStatus(status: Status, colour: boolean): string {
  const pc = createColors(colour)
  const [title = '', ...lines] = status.role === 'client' ? client(status) : server(status)
  return [pc.bold(title), ...lines].join('\n')
}

function client(status: Status): string[] {
  const { session } = status
  const [connection] = status.connections
  const lines = [heading(status, session ? stateOf(session) : (connection?.state ?? 'unknown'))]
  if (session?.lastProblem != null) lines.push(`  problem   ${clean(session.lastProblem)}`)
  if (!connection) return lines
  lines.push(`  server    ${clean(connection.remote)}`)
  lines.push(`  address   ${connection.addresses.map(clean).join(', ') || '–'}`)
  lines.push(...traffic(status, connection))
  lines.push('', ...paths(connection.paths))
  return lines
}

function stateOf({ state, retryInSeconds, server }: NonNullable<Status['session']>): string {
  if (state === 'connected') return `connected to ${clean(server)}`
  if (state === 'waiting' && retryInSeconds !== null) {
    return `not connected to ${clean(server)}; next try in ${Math.ceil(retryInSeconds)} s`
  }
  return `${state}${state === 'connecting' ? ` to ${clean(server)}` : ''}`
}

function server(status: Status): string[] {
  const { connections, listening } = status
  const most = listening ? ` of ${listening.maxClients}` : ''
  const lines = [heading(status, `${connections.length}${most} client${connections.length === 1 ? '' : 's'}`)]
  if (listening) {
    lines.push(`  listens   ${hostPort(listening.address, listening.port)}`)
    lines.push(`  pin       ${listening.pin}`)
  }
  const dropped = dropsOf([status.tun?.drops ?? {}, ...connections.map(({ drops }) => drops)])
  if (dropped !== null) lines.push(`  dropped   ${dropped}`)
  if (connections.length === 0) return lines
  const rows = connections.map((one) => [
    `${one.id}`,
    clean(one.user ?? '–'),
    clean(one.remote),
    one.addresses.map(clean).join(' '),
    clean(one.state),
    duration(one.uptimeSeconds),
    bytes(one.bytesIn),
    bytes(one.bytesOut),
    share(one.datagramsLost, one.datagramsOut),
    rtt(one.paths[0]),
    `${one.paths.filter(({ state }) => state === 'active' || state === 'standby').length}`,
  ])
  const head = ['id', 'user', 'from', 'address', 'state', 'up', 'in', 'out', 'lost', 'rtt', 'paths']
  lines.push('', ...table(head, rows, [0, 6, 7, 8, 9, 10]))
  return lines
}

function heading({ role, tun, uptimeSeconds, pid, version }: Status, state: string): string {
  const device = tun ? `${clean(tun.name)} (MTU ${tun.mtu})` : 'no device'
  return `${role} · ${state} · ${device} · up ${duration(uptimeSeconds)} · mqvpn ${version}, pid ${pid}`
}

function traffic(status: Status, connection: ConnectionStatus): string[] {
  const { tun } = status
  const lines = [`  in        ${bytes(connection.bytesIn)}, ${connection.datagramsIn} packets`]
  lines.push(
    `  out       ${bytes(connection.bytesOut)}, ${connection.datagramsOut} packets, lost ${share(connection.datagramsLost, connection.datagramsOut)}`,
  )
  const dropped = dropsOf([tun?.drops ?? {}, connection.drops])
  if (dropped !== null) lines.push(`  dropped   ${dropped}`)
  return lines
}

/** `spoofedSource 3, queue 12`, or null when nothing was dropped. */
function dropsOf(counters: readonly Record<string, number>[]): string | null {
  const sums = new Map<string, number>()
  for (const [reason, count] of counters.flatMap((one) => Object.entries(one))) {
    if (count > 0) sums.set(reason, (sums.get(reason) ?? 0) + count)
  }
  if (sums.size === 0) return null
  return [...sums].map(([reason, count]) => `${clean(reason)} ${count}`).join(', ')
}

function paths(all: readonly PathStatus[]): string[] {
  const rows = all.map((path) => [
    path.id === null ? '–' : `${path.id}`,
    clean(path.device ?? '–'),
    clean(path.state),
    path.sinceSeconds == null ? '–' : duration(path.sinceSeconds),
    rtt(path),
    path.deliveryRateBps == null ? '–' : bitsPerSecond(path.deliveryRateBps),
    path.id === null ? '–' : share(path.packetsLost, path.packetsSent),
    bytes(path.bytesReceived),
    bytes(path.bytesSent),
    path.cwnd == null ? '–' : bytes(path.cwnd),
    path.mtu == null ? '–' : `${path.mtu}`,
  ])
  const head = ['path', 'device', 'state', 'since', 'rtt', 'rate', 'lost', 'in', 'out', 'window', 'mtu']
  const why = all.flatMap(({ device, cause }) =>
    cause ? [`  ${clean(device ?? 'the network')}: ${clean(cause)}`] : [],
  )
  return [...table(head, rows, [0, 3, 4, 5, 6, 7, 8, 9, 10]), ...why]
}

function rtt(path: PathStatus | undefined): string {
  return path?.rttMs == null ? '–' : milliseconds(path.rttMs)
}

function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
