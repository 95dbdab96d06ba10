/**
 * The status of a client or a server as metrics. Names carry their unit, in base units as Prometheus asks for: seconds,
 * bytes, bytes per second.
 */
import type { ConnectionStatus, PathStatus } from '../engine.js'
import type { Status } from '../status/render.js'
import { Exposition } from './text.js'

const CLIENT_STATES = ['connecting', 'connected', 'waiting', 'stopped'] as const

export function renderMetrics(status: Status): string {
  const out = new Exposition()
  const { role, version, tun, session, listening } = status
  out.gauge('mqvpn_info', 'Version and role of this mqvpn; always 1.', 1, { version, role })
  out.gauge('mqvpn_uptime_seconds', 'Time since it was started.', status.uptimeSeconds)
  if (session) {
    const { state, attempts, retryInSeconds } = session
    out.gauge('mqvpn_connected', 'Whether the client is connected: 1 or 0.', state === 'connected' ? 1 : 0)
    for (const one of CLIENT_STATES) {
      out.gauge(
        'mqvpn_client_state',
        'What the client does: 1 for its state, 0 for the others.',
        one === state ? 1 : 0,
        {
          state: one,
        },
      )
    }
    out.counter('mqvpn_connection_attempts_total', 'How often a connection has been tried.', attempts)
    out.gauge('mqvpn_retry_wait_seconds', 'Time until the next try, while there is no connection.', retryInSeconds)
  }
  if (role === 'server') {
    const connected = status.connections.filter(({ state }) => state === 'connected')
    out.gauge('mqvpn_clients', 'Clients that are connected.', connected.length)
    out.gauge('mqvpn_clients_limit', 'Clients that it takes at the same time.', listening?.maxClients)
  }
  if (tun) {
    const device = { device: tun.name }
    out.gauge('mqvpn_tun_mtu_bytes', 'MTU of the TUN device.', tun.mtu, device)
    out.counter('mqvpn_tun_receive_bytes_total', 'Bytes that came from this host.', tun.rxBytes, device)
    out.counter('mqvpn_tun_receive_packets_total', 'Packets that came from this host.', tun.rxPackets, device)
    out.counter('mqvpn_tun_transmit_bytes_total', 'Bytes that were given to this host.', tun.txBytes, device)
    out.counter('mqvpn_tun_transmit_packets_total', 'Packets that were given to this host.', tun.txPackets, device)
    for (const [reason, count] of Object.entries(tun.drops)) {
      out.counter('mqvpn_tun_dropped_packets_total', 'Packets that were dropped at the device.', count, {
        ...device,
        reason,
      })
    }
  }
  for (const connection of status.connections) addConnection(out, connection)
  return out.toString()
}

function addConnection(out: Exposition, one: ConnectionStatus): void {
  const labels = { connection: one.id, user: one.user }
  out.gauge('mqvpn_connection_info', 'Address of the other side, and inner addresses; always 1.', 1, {
    ...labels,
    remote: one.remote,
    addresses: one.addresses.join(','),
    state: one.state,
  })
  out.gauge('mqvpn_connection_uptime_seconds', 'Age of the connection.', one.uptimeSeconds, labels)
  out.counter('mqvpn_connection_receive_bytes_total', 'Inner bytes that came.', one.bytesIn, labels)
  out.counter('mqvpn_connection_transmit_bytes_total', 'Inner bytes that were sent.', one.bytesOut, labels)
  out.counter('mqvpn_connection_receive_packets_total', 'Inner packets that came.', one.datagramsIn, labels)
  out.counter('mqvpn_connection_transmit_packets_total', 'Inner packets that were sent.', one.datagramsOut, labels)
  out.counter('mqvpn_connection_lost_packets_total', 'Inner packets lost on the way out.', one.datagramsLost, labels)
  for (const [reason, count] of Object.entries(one.drops)) {
    out.counter('mqvpn_connection_dropped_packets_total', 'Inner packets that were dropped.', count, {
      ...labels,
      reason,
    })
  }
  for (const path of one.paths) addPath(out, path, labels)
}

function addPath(
  out: Exposition,
  path: PathStatus,
  connection: { connection: number; user: string | null | undefined },
) {
  const labels = { ...connection, path: path.id, device: path.device }
  const seconds = (ms: number | null | undefined): number | null => (ms == null ? null : ms / 1000)
  out.gauge('mqvpn_path_active', 'Whether the path carries or may carry packets: 1 or 0.', isUsable(path) ? 1 : 0, {
    ...labels,
    state: path.state,
  })
  out.gauge('mqvpn_path_state_seconds', 'How long the path has been in its state.', path.sinceSeconds, labels)
  // A link without a path has counted nothing.
  if (path.id === null) return
  out.gauge('mqvpn_path_rtt_seconds', 'Smoothed round-trip time.', seconds(path.rttMs), labels)
  out.gauge('mqvpn_path_rtt_min_seconds', 'Smallest round-trip time.', seconds(path.minRttMs), labels)
  out.gauge('mqvpn_path_congestion_window_bytes', 'Congestion window.', path.cwnd, labels)
  out.gauge('mqvpn_path_in_flight_bytes', 'Bytes sent that nobody has acknowledged yet.', path.bytesInFlight, labels)
  const rate = path.deliveryRateBps == null ? null : path.deliveryRateBps / 8
  out.gauge('mqvpn_path_delivery_rate_bytes_per_second', 'What the path has shown to carry.', rate, labels)
  out.gauge('mqvpn_path_mtu_bytes', 'Largest UDP payload that the path takes.', path.mtu, labels)
  out.counter('mqvpn_path_receive_bytes_total', 'Bytes that came over the path.', path.bytesReceived, labels)
  out.counter('mqvpn_path_transmit_bytes_total', 'Bytes that were sent over the path.', path.bytesSent, labels)
  out.counter('mqvpn_path_receive_packets_total', 'QUIC packets that came.', path.packetsReceived, labels)
  out.counter('mqvpn_path_transmit_packets_total', 'QUIC packets that were sent.', path.packetsSent, labels)
  out.counter('mqvpn_path_lost_packets_total', 'QUIC packets lost on the way out.', path.packetsLost, labels)
}

function isUsable({ state }: PathStatus): boolean {
  return state === 'active' || state === 'standby'
}
