/** Packets through the tunnel, in every direction and family. Needs root. */
import { expect } from 'chai'
import type { Mqvpn } from './support/mqvpn.js'
import { expectPings, iperf, mbit } from './support/traffic.js'
import { DEVICE, INNER, OUTER, PORT, TunnelLab } from './support/tunnel-lab.js'

/** Of the 60 Mbit/s of the path: what is left on a machine that is busy with something else. */
const ENOUGH = 25e6

describe('tunnel: traffic (root)', () => {
  let tunnel: TunnelLab
  before(async () => {
    tunnel = await TunnelLab.open()
  })
  after(() => tunnel.close())

  for (const outside of ['IPv4', 'IPv6'] as const) {
    describe(`over ${outside}`, () => {
      let server: Mqvpn
      let client: Mqvpn
      before(async () => {
        const where = outside === 'IPv4' ? OUTER.server4 : `[${OUTER.server6}]`
        server = await tunnel.startServer({ listen: `${where}:${PORT}` })
        client = await tunnel.connect({ server: `${where}:${PORT}` })
      })
      after(() => tunnel.stopAll())

      it('pings both ways, IPv4 and IPv6, small packets and the largest', async () => {
        const { mtu } = (await client.status()).tun!
        for (const size of ['56', String(mtu - 28)]) {
          await expectPings(tunnel.client, INNER.server4, '-M', 'do', '-s', size)
          await expectPings(tunnel.server, INNER.client4, '-M', 'do', '-s', size)
        }
        for (const size of ['56', String(mtu - 48)]) {
          await expectPings(tunnel.client, INNER.server6, '-M', 'do', '-s', size)
          await expectPings(tunnel.server, INNER.client6, '-M', 'do', '-s', size)
        }
      })

      for (const inside of outside === 'IPv4' ? (['IPv4', 'IPv6'] as const) : (['IPv6'] as const)) {
        const to = inside === 'IPv4' ? INNER.server4 : INNER.server6
        for (const direction of ['up', 'down'] as const) {
          const reverse = direction === 'down' ? ['-R'] : []
          it(`carries TCP of ${inside} ${direction}`, async () => {
            const { received } = await iperf(tunnel.client, tunnel.server, to, '-t', '1', ...reverse)
            console.log(
              `      TCP ${inside} over ${outside} ${direction}: ${mbit(received.bits_per_second)} of 60 Mbit/s`,
            )
            expect(received.bits_per_second).to.be.greaterThan(ENOUGH)
          })
          if (outside === 'IPv4')
            it(`carries UDP of ${inside} ${direction} without a loss of its own`, async () => {
              const udp = ['-u', '-b', '10M', '-l', '1200', '-t', '1', ...reverse]
              const { received } = await iperf(tunnel.client, tunnel.server, to, ...udp)
              expect(received.packets).to.be.greaterThan(900)
              expect(received.lost_percent).to.be.lessThan(2)
            })
        }
      }

      it('shows in the status of both sides what has passed', async () => {
        const [ofServer, ofClient] = await Promise.all([server.status(), client.status()])
        const up = ofClient.connections[0]!
        const down = ofServer.connections[0]!
        expect([ofServer.role, ofServer.connections.length, ofClient.role, ofClient.connections.length]).to.deep.equal([
          'server',
          1,
          'client',
          1,
        ])
        expect(ofClient.session).to.include({ state: 'connected', attempts: 1, lastProblem: null })
        expect(ofServer.listening).to.include({ port: PORT, pin: tunnel.pin, maxClients: 64 })
        expect(ofClient.tun).to.include({ name: DEVICE, mtu: up['mtu'] })
        expect(down.addresses).to.deep.equal(up.addresses)
        expect(up.addresses).to.deep.equal([`${INNER.client4}/32`, `${INNER.client6}/128`])
        // At rest, what one side has sent the other has got, but for what the path's queue has dropped.
        for (const [sender, receiver] of [
          [up, down],
          [down, up],
        ] as const) {
          expect(sender.datagramsOut).to.be.greaterThan(1000)
          expect(receiver.datagramsIn + sender.datagramsLost).to.be.closeTo(sender.datagramsOut, 5)
          expect(receiver.bytesIn).to.be.within(0.95 * sender.bytesOut, sender.bytesOut)
        }
        for (const { paths } of [up, down]) {
          expect(paths).to.have.length(1)
          const [path] = paths
          expect(path).to.include({ state: 'active', mtu: outside === 'IPv4' ? 1472 : 1452 })
          expect(path!.rttMs).to.be.within(5, 100)
          expect(path!.bytesSent).to.be.greaterThan(1e6)
        }
      })

      it('shows the same to a person', async () => {
        const ofServer = await server.statusText()
        expect(ofServer).to.match(/^server · 1 of 64 client · vpn \(MTU \d+\) · up \d+ s/)
        expect(ofServer).to.contain(tunnel.pin).and.to.contain('10.77.0.2/32 fd77::2/128')
        const ofClient = await client.statusText()
        expect(ofClient).to.contain('client · connected to ').and.to.contain('10.77.0.2/32, fd77::2/128')
        expect(ofClient).to.match(/\n +0 +\S+ +active +.* [\d.]+ ms/)
      })
    })
  }
})
