/** What a client or a server does, in one line: for `systemctl status`, and for `mqvpn up`. */
import { clean } from '../clean.js'
import type { Status } from '../status/render.js'

export function statusLine(status: Status): string {
  return status.role === 'server' ? serverLine(status) : clientLine(status)
}

function serverLine({ listening, connections }: Status): string {
  if (!listening) return 'starting'
  const { address, port, maxClients } = listening
  const host = address.includes(':') ? `[${address}]` : address
  const connected = connections.filter(({ state }) => state === 'connected').length
  return `listening on ${host}:${port}, ${connected} of ${maxClients} clients`
}

function clientLine({ session, connections, tun }: Status): string {
  const [connection] = connections
  const state = session?.state ?? connection?.state ?? 'unknown'
  const server = clean(session?.server ?? connection?.remote ?? 'the server')
  if (state === 'connected' && connection) {
    const addresses = connection.addresses.map((one) => clean(one).replace(/\/(32|128)$/, '')).join(', ')
    const usable = connection.paths.filter((path) => path.state === 'active' || path.state === 'standby').length
    const device = tun ? ` (${clean(tun.name)}, MTU ${tun.mtu})` : ''
    return `connected: ${addresses} via ${server}${device}, ${usable} path${usable === 1 ? '' : 's'}`
  }
  const problem = session?.lastProblem == null ? '' : `: ${clean(session.lastProblem)}`
  if (state === 'waiting') return `not connected to ${server}${problem}; trying again`
  return `${clean(state)} to ${server}${problem}`
}
