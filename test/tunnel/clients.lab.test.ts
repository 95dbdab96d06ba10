/** Several clients of one server, and what a client may not do. Needs root. */
import { expect } from 'chai'
import type { Host } from '../../harness/lab/host.js'
import type { Mqvpn } from './support/mqvpn.js'
import { expectPings, iperf, ping } from './support/traffic.js'
import { DEVICE, INNER, PORT, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

describe('tunnel: clients (root)', () => {
  let tunnel: TunnelLab
  let server: Mqvpn
  before(async () => {
    tunnel = await TunnelLab.open()
  })
  after(() => tunnel.close())
  afterEach(() => tunnel.stopAll())

  describe('three at once', () => {
    let hosts: Host[]
    before(async () => {
      hosts = [tunnel.client, await tunnel.clientHost(2), await tunnel.clientHost(3)]
      await tunnel.server.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })
    })

    it('gives each an address of its own; each reaches the server and the others, and traffic of one is no other’s', async () => {
      server = await tunnel.startServer({ listen: `0.0.0.0:${PORT}` })
      const clients = await Promise.all(
        hosts.map((host, index) =>
          tunnel.connect({ host, ...(index === 0 ? {} : { server: `172.31.${index + 1}.1:${PORT}` }) }),
        ),
      )
      const addresses = await Promise.all(
        clients.map(async (client) => {
          const own = (await client.status()).connections[0]!.addresses
          return own.map((address) => address.replace(/\/\d+$/, ''))
        }),
      )
      expect(addresses.flat().toSorted()).to.deep.equal(
        ['10.77.0.2', '10.77.0.3', '10.77.0.4', 'fd77::2', 'fd77::3', 'fd77::4'].toSorted(),
      )
      await Promise.all(
        hosts.flatMap((host, own) => [
          expectPings(host, INNER.server4),
          expectPings(host, INNER.server6),
          ...addresses.filter((_, other) => other !== own).flatMap((other) => other.map((to) => expectPings(host, to))),
        ]),
      )
      const { connections } = await server.status()
      expect(connections.map(({ addresses: own }) => own[0]).toSorted()).to.deep.equal([
        '10.77.0.2/32',
        '10.77.0.3/32',
        '10.77.0.4/32',
      ])

      const before = await Promise.all(clients.map(async (client) => (await client.status()).connections[0]!.bytesIn))
      const { received } = await iperf(hosts[1]!, hosts[2]!, addresses[2]![0]!, '-t', '1', '-b', '40M')
      const grown = await Promise.all(
        clients.map(async (client, index) => (await client.status()).connections[0]!.bytesIn - before[index]!),
      )
      expect(received.bytes).to.be.greaterThan(1e6)
      expect(grown[2]).to.be.greaterThan(received.bytes)
      expect(grown[0]).to.be.lessThan(10_000)
    })

    it('gives the address of a client that has left to the next one, and answers it alone', async () => {
      server = await tunnel.startServer({ listen: `0.0.0.0:${PORT}` })
      const first = await tunnel.connect({ host: hosts[1]!, server: `172.31.2.1:${PORT}` })
      await expectPings(hosts[1]!, INNER.server4)
      expect(await first.terminate()).to.equal(0)
      await until('server without clients', async () => (await server.status()).connections.length === 0)
      const second = await tunnel.connect({ host: hosts[2]!, server: `172.31.3.1:${PORT}` })
      expect((await second.status()).connections[0]!.addresses).to.have.length(2)
      await expectPings(hosts[2]!, INNER.server4)
    })
  })

  it('answers packets for an address that no client has with an ICMP error', async () => {
    server = await tunnel.startServer()
    for (const to of ['10.77.0.50', 'fd77::50']) {
      const nobody = await ping(tunnel.server, to, '-c', '3', '-w', '1')
      expect(nobody.text).to.match(/Destination Host Unreachable|Address unreachable/)
    }
    expect(await server.drops('unknownDestination')).to.be.at.least(2)
  })

  for (const [family, own, foreign, bits, to] of [
    ['IPv4', INNER.client4, '10.77.0.200', 32, INNER.server4],
    ['IPv6', INNER.client6, 'fd77::c8', 128, INNER.server6],
  ] as const) {
    it(`drops and counts packets of ${family} from an address that is not the client's`, async () => {
      server = await tunnel.startServer()
      const client = await tunnel.connect()
      await expectPings(tunnel.client, to, '-I', own)
      const nodad = family === 'IPv6' ? ' nodad' : ''
      await tunnel.client.ip(`address add ${foreign}/${bits} dev ${DEVICE}${nodad}`)
      const before = await Promise.all([client.drops('spoofedSource'), server.drops('spoofedSource')])
      const spoofed = await ping(tunnel.client, to, '-I', foreign, '-c', '5', '-w', '1')
      expect(spoofed.sent).to.be.at.least(5)
      expect(spoofed.received).to.equal(0)
      const [ofClient, ofServer] = [await client.drops('spoofedSource'), await server.drops('spoofedSource')]
      console.log(`      spoofed ${family}: client dropped ${ofClient - before[0]}, server ${ofServer - before[1]}`)
      expect(ofClient - before[0] + ofServer - before[1]).to.be.at.least(5)
      // The honest traffic goes on.
      await expectPings(tunnel.client, to, '-I', own)
    })
  }
})
