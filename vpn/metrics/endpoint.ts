/** Where metrics are served: `127.0.0.1:9100`, `[::1]:9100`, `9100` (loopback), or `unix:/run/mqvpn/metrics.sock`. */
import { isIP } from 'node:net'
import { listenEndpoint, socketPath, ValueError, type Endpoint } from '../config/values.js'

export type MetricsEndpoint = ({ kind: 'tcp' } & Endpoint) | { kind: 'unix'; path: string }

const UNIX = 'unix:'
const EXAMPLES = 'write 127.0.0.1:PORT, or unix:PATH'

/**
 * A port alone is of the loopback interface: who wants to show the network what is inside writes so. Throws a ValueError.
 */
export function metricsEndpoint(text: string): MetricsEndpoint {
  if (text.startsWith(UNIX)) {
    const path = socketPath(text.slice(UNIX.length))
    // A relative one would depend on where mqvpn was started; a service is started in /.
    if (!path.startsWith('/')) throw new ValueError('write an absolute path: unix:/run/mqvpn/metrics.sock')
    return { kind: 'unix', path }
  }
  if (text.startsWith('/')) throw new ValueError(`a socket is written with unix: in front, as unix:${text}`)
  const place = text.replace(/^localhost(?=:)/i, '127.0.0.1').replace(/^:?(?=\d{1,5}$)/, '127.0.0.1:')
  if (!/:\d{1,5}$/.test(place) || isIP(place) !== 0) throw new ValueError(`there is no port; ${EXAMPLES}`)
  const { address, port } = listenEndpoint(place)
  return { kind: 'tcp', address, port }
}

export function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.') || /^::ffff:(127\.|7f)/i.test(address)
}

export function endpointText(endpoint: MetricsEndpoint): string {
  if (endpoint.kind === 'unix') return `unix:${endpoint.path}`
  const { address, port } = endpoint
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
