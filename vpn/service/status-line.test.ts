import { expect } from 'chai'
import { engineStatus } from '../engine.js'
import type { Status } from '../status/render.js'
import { statusLine } from './status-line.js'

const session = { state: 'connected', server: 'vpn:443', attempts: 1, retryInSeconds: null, lastProblem: null } as const

function of(role: 'client' | 'server', extra: Partial<Status> = {}): Status {
  const connection = {
    id: 1,
    remote: '192.0.2.1:443',
    state: 'connected',
    addresses: ['10.0.0.2/32', 'fd00::2/128'],
    paths: [
      { id: 0, state: 'active' },
      { id: 1, state: 'standby' },
      { id: null, state: 'down' },
    ],
  }
  const engine = engineStatus.parse({ role, tun: { name: 'mqvpn0', mtu: 1391 }, connections: [connection] })
  return { ...engine, version: '1', pid: 1, ...extra }
}

describe('the status in one line', () => {
  it('of a client', () => {
    expect(statusLine(of('client', { session }))).to.equal(
      'connected: 10.0.0.2, fd00::2 via vpn:443 (mqvpn0, MTU 1391), 2 paths',
    )
    const waiting = { ...session, state: 'waiting', lastProblem: 'no answer\nfrom vpn' } as const
    expect(statusLine(of('client', { session: waiting, connections: [] }))).to.equal(
      'not connected to vpn:443: no answer\\u000afrom vpn; trying again',
    )
    const connecting = { ...session, state: 'connecting' } as const
    expect(statusLine(of('client', { session: connecting, connections: [] }))).to.equal('connecting to vpn:443')
  })

  it('of a server', () => {
    const listening = { address: '::', port: 443, pin: 'ab', maxClients: 64 }
    expect(statusLine(of('server', { listening }))).to.equal('listening on [::]:443, 1 of 64 clients')
    expect(statusLine(of('server', { listening: null }))).to.equal('starting')
  })
})
