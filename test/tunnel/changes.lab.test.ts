/** What goes on under a connection: the server restarts, the client's address or its NAT changes, packets are lost. Needs root. */
import { expect } from 'chai'
import type { Mqvpn } from './support/mqvpn.js'
import { expectPings, mbit, ping, startIperf, untilPings, type Iperf } from './support/traffic.js'
import { INNER, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

describe('tunnel: changes (root)', () => {
  let tunnel: TunnelLab
  before(async () => {
    tunnel = await TunnelLab.open({}, true)
  })
  after(() => tunnel.close())
  afterEach(async () => {
    await tunnel.stopAll()
    await tunnel.path.restore()
  })

  const innerAddresses = async (of: Mqvpn) => (await of.status()).connections[0]!.addresses

  for (const how of ['stopped', 'killed'] as const) {
    it(`a client finds a server again that was ${how} and started again, and has the same address`, async () => {
      const first = await tunnel.startServer()
      const client = await tunnel.connect()
      await expectPings(tunnel.client, INNER.server4)
      const before = await innerAddresses(client)
      const { mark } = client
      const since = performance.now()
      if (how === 'stopped') expect(await first.terminate()).to.equal(0)
      else await first.kill()
      const away = performance.now()
      await tunnel.startServer()
      const back = performance.now()
      await untilPings(tunnel.client, INNER.server4, 40_000)
      const now = performance.now()
      const seconds = (from: number): string => ((now - from) / 1000).toFixed(2)
      console.log(
        `      ${how}: server away ${((back - away) / 1000).toFixed(2)} s; ping works ${seconds(back)} s after it listens again, ${seconds(since)} s after its end began`,
      )
      await client.says('connected', { since: mark })
      expect(await innerAddresses(client)).to.deep.equal(before)
      await expectPings(tunnel.client, INNER.server6)
      await expectPings(tunnel.server, INNER.client4)
      expect((await client.status()).session).to.include({ state: 'connected' })
    })
  }

  /** Resolves when so much more has come out of the path. */
  async function untilCarried(direction: 'up' | 'down', bytes: number): Promise<void> {
    const counter = async () => (await tunnel.lab.shaper.counters()).paths['a']![direction].outBytes
    const before = await counter()
    await until('transfer', async () => (await counter()) > before + bytes)
  }

  /** The longest time in which nothing was carried, and how fast it was at the end. */
  function judge({ intervals }: Iperf) {
    let longest = 0
    let current = 0
    for (const { bytes } of intervals) {
      current = bytes === 0 ? current + 1 : 0
      longest = Math.max(longest, current)
    }
    const last = intervals.slice(-8)
    const rate = last.reduce((sum, { bits_per_second: bits }) => sum + bits, 0) / last.length
    return { gapSeconds: longest / 10, rate }
  }

  const remoteOf = async (server: Mqvpn) => (await server.status()).connections[0]!.paths[0]!.remote

  for (const direction of ['up', 'down'] as const) {
    it(`no TCP connection breaks when the client's address and then its NAT change in the middle of a transfer ${direction}`, async () => {
      const server = await tunnel.startServer()
      const client = await tunnel.connect()
      await untilPings(tunnel.client, INNER.server4)
      const remotes = [await remoteOf(server)]
      const args = ['-t', '4', '-i', '0.1', ...(direction === 'down' ? ['-R'] : [])]
      const { result } = await startIperf(tunnel.client, tunnel.server, INNER.server4, ...args)
      for (const change of [() => tunnel.path.readdress(), () => tunnel.path.rebind()]) {
        await untilCarried(direction, 3e6)
        await change()
        await until('new address at the server', async () => !remotes.includes(await remoteOf(server)))
        remotes.push(await remoteOf(server))
      }
      const { gapSeconds, rate } = judge(await result)
      console.log(`      ${remotes.join(' → ')}: nothing for ${gapSeconds} s, at the end ${mbit(rate)} of 60 Mbit/s`)
      expect(rate).to.be.greaterThan(20e6)
      expect(gapSeconds).to.be.lessThan(2)
      // The same connection, not another one.
      expect(client.said.filter(({ event }) => event === 'connected')).to.have.length(1)
      expect((await client.status()).session).to.include({ state: 'connected', attempts: 1 })
    })
  }

  it('an idle connection survives a change of address and a NAT that has forgotten it', async () => {
    const server = await tunnel.startServer()
    await tunnel.connect()
    await expectPings(tunnel.client, INNER.server4)
    await tunnel.path.readdress()
    await untilPings(tunnel.client, INNER.server4, 5000)
    await untilPings(tunnel.server, INNER.client4, 5000)
    await tunnel.path.rebind()
    await untilPings(tunnel.client, INNER.server4, 5000)
    await untilPings(tunnel.server, INNER.client4, 5000)
    expect((await server.status()).connections).to.have.length(1)
  })

  it('pings and TCP go on at 5 % loss in both directions', async () => {
    await tunnel.startServer()
    const client = await tunnel.connect()
    await tunnel.path.loss({ kind: 'random', probability: 0.05 })
    // Packets in a tunnel are not repeated: of 100 pings (two crossings) 90 come back on average.
    const pings = await ping(tunnel.client, INNER.server4, '-c', '100', '-i', '0.01')
    expect(pings.received, pings.text).to.be.within(70, 100)
    for (const direction of [[], ['-R']]) {
      const { result } = await startIperf(tunnel.client, tunnel.server, INNER.server4, '-t', '2', ...direction)
      const { received } = await result
      console.log(`      5 % loss ${direction.length > 0 ? 'down' : 'up'}: ${mbit(received.bits_per_second)}`)
      expect(received.bytes).to.be.greaterThan(200_000)
    }
    expect((await client.status()).session).to.include({ state: 'connected', attempts: 1 })
  })

  it('connects at 5 % loss in both directions', async () => {
    await tunnel.path.loss({ kind: 'random', probability: 0.05 })
    await tunnel.startServer()
    await tunnel.connect()
    await untilPings(tunnel.client, INNER.server4)
  })

  it('goes on after the path was away for a while, without a new connection', async () => {
    await tunnel.startServer()
    const client = await tunnel.connect()
    await expectPings(tunnel.client, INNER.server4)
    await tunnel.path.down()
    expect((await ping(tunnel.client, INNER.server4, '-c', '10', '-i', '0.1', '-w', '1')).received).to.equal(0)
    await tunnel.path.up()
    const since = performance.now()
    await untilPings(tunnel.client, INNER.server4)
    console.log(`      ping works ${((performance.now() - since) / 1000).toFixed(2)} s after the path is back`)
    expect((await client.status()).session).to.include({ state: 'connected', attempts: 1 })
  })
})
