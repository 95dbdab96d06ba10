import { expect } from 'chai'
import { engineStatus } from '../engine.js'
import type { Status } from '../status/render.js'
import { renderMetrics } from './render.js'

const path = {
  id: 0,
  device: 'eth0',
  state: 'active',
  sinceSeconds: 9,
  rttMs: 20.5,
  minRttMs: 10,
  cwnd: 1_500_000,
  bytesInFlight: 7,
  bytesReceived: 2_500_000,
  bytesSent: 999_600,
  packetsSent: 1000,
  packetsReceived: 2000,
  packetsLost: 5,
  mtu: 1452,
  deliveryRateBps: 80e6,
}
const connection = {
  id: 3,
  user: 'anna',
  remote: '203.0.113.1:443',
  state: 'connected',
  addresses: ['10.0.0.2/32', 'fd00::2/128'],
  uptimeSeconds: 61,
  bytesIn: 2_400_000,
  bytesOut: 900_000,
  datagramsIn: 1800,
  datagramsOut: 900,
  datagramsLost: 3,
  drops: { spoofedSource: 2 },
  paths: [path, { id: null, device: 'wwan0', state: 'down', cause: 'no carrier', sinceSeconds: 3 }],
}
const tun = { name: 'mqvpn0', mtu: 1391, rxBytes: 10, txBytes: 20, rxPackets: 1, txPackets: 2, drops: { queue: 4 } }

function statusOf(role: 'client' | 'server', extra: Partial<Status>): Status {
  const engine = engineStatus.parse({ role, uptimeSeconds: 5, tun, connections: [connection] })
  return { ...engine, version: '1.2.3', pid: 42, ...extra }
}

const session = { state: 'connected', server: 'vpn:443', attempts: 2, retryInSeconds: null, lastProblem: null } as const
const listening = { address: '::', port: 443, pin: 'ab'.repeat(32), maxClients: 64 }

const lines = (text: string): string[] => text.trimEnd().split('\n')
/** A line is a comment, or a sample: name, labels, value (the grammar of the format). */
const LINE =
  /^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (?:-?[\d.]+(?:e[+-]\d+)?|NaN|[+-]Inf))$/

describe('the metrics', () => {
  it('of a client say whether it is connected, and what each path does', () => {
    const found = lines(renderMetrics(statusOf('client', { session })))
    expect(found).to.include.members([
      'mqvpn_info{version="1.2.3",role="client"} 1',
      'mqvpn_connected 1',
      'mqvpn_client_state{state="connected"} 1',
      'mqvpn_client_state{state="waiting"} 0',
      'mqvpn_connection_attempts_total 2',
      'mqvpn_tun_receive_bytes_total{device="mqvpn0"} 10',
      'mqvpn_tun_dropped_packets_total{device="mqvpn0",reason="queue"} 4',
      'mqvpn_path_rtt_seconds{connection="3",user="anna",path="0",device="eth0"} 0.0205',
      'mqvpn_path_delivery_rate_bytes_per_second{connection="3",user="anna",path="0",device="eth0"} 10000000',
      'mqvpn_path_transmit_packets_total{connection="3",user="anna",path="0",device="eth0"} 1000',
      'mqvpn_path_active{connection="3",user="anna",path="0",device="eth0",state="active"} 1',
      'mqvpn_path_active{connection="3",user="anna",device="wwan0",state="down"} 0',
    ])
    // Nothing is measured on a link that has no path.
    expect(found.filter((line) => line.includes('wwan0') && !/mqvpn_path_(active|state)/.test(line))).to.deep.equal([])
    expect(found.join('\n')).not.to.match(/mqvpn_clients|retry_wait/)
  })

  it('of a client without a connection say when it tries again', () => {
    const waiting = { ...session, state: 'waiting', retryInSeconds: 7.25, lastProblem: 'no answer' } as const
    const found = lines(renderMetrics(statusOf('client', { session: waiting, connections: [], tun: null })))
    expect(found).to.include.members(['mqvpn_connected 0', 'mqvpn_retry_wait_seconds 7.25'])
    expect(found.join('\n')).not.to.match(/mqvpn_(tun|path|connection_(info|uptime))/)
  })

  it('of a server count its clients, and tell them apart', () => {
    const other = engineStatus.parse({
      role: 'server',
      tun: null,
      connections: [{ ...connection, id: 4, user: null, state: 'closing', paths: [] }],
    }).connections[0]!
    const status = statusOf('server', { listening })
    const found = lines(renderMetrics({ ...status, connections: [...status.connections, other] }))
    expect(found).to.include.members([
      'mqvpn_clients 1',
      'mqvpn_clients_limit 64',
      'mqvpn_connection_receive_bytes_total{connection="3",user="anna"} 2400000',
      'mqvpn_connection_receive_bytes_total{connection="4"} 2400000',
      'mqvpn_connection_dropped_packets_total{connection="3",user="anna",reason="spoofedSource"} 2',
    ])
    expect(found.join('\n')).not.to.match(/mqvpn_connected|mqvpn_client_state/)
  })

  it('keep to the format: every line, each family in one piece, and a unit or _total in each name that has one', () => {
    const hostile = { ...connection, user: 'a"}\n# TYPE x counter\\', paths: [path, path] }
    const status = statusOf('server', { listening })
    const text = renderMetrics({
      ...status,
      connections: [
        ...status.connections,
        engineStatus.parse({ role: 'server', tun: null, connections: [hostile] }).connections[0]!,
      ],
    })
    expect(text).to.match(/\n$/)
    const seen = new Set<string>()
    let family = ''
    for (const line of lines(text)) {
      expect(line).to.match(LINE)
      if (line.startsWith('# HELP')) {
        family = line.split(' ')[2]!
        expect(seen.has(family), family).to.equal(false)
        seen.add(family)
      } else if (line.startsWith('# TYPE')) {
        const [, , name, type] = line.split(' ')
        expect(name).to.equal(family)
        expect(name!.endsWith('_total'), name).to.equal(type === 'counter')
      } else expect(line.split(/[{ ]/)[0]).to.equal(family)
    }
    expect(seen.size).to.be.greaterThan(20)
  })
})
