/** Two links, one tunnel: links that are dead, missing, away, back, or only there in case. Needs root. */
import { writeFileSync } from 'node:fs'
import { expect } from 'chai'
import type { PathStatus } from '../../vpn/engine.js'
import type { Mqvpn } from './support/mqvpn.js'
import { expectPings, mbit, ping, startIperf, untilPings } from './support/traffic.js'
import { INNER, OUTER, PORT, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

describe('tunnel: paths (root)', () => {
  let tunnel: TunnelLab
  before(async () => {
    tunnel = await TunnelLab.open({}, false, ['a', 'b'])
  })
  after(() => tunnel.close())
  beforeEach(() => tunnel.startServer())
  afterEach(async () => {
    await tunnel.stopAll()
    await Promise.all(['a', 'b'].map((name) => tunnel.lab.path(name).restore()))
  })

  const both = ['--path', 'a', '--path', 'b']
  const paths = async (of: Mqvpn): Promise<PathStatus[]> => (await of.status()).connections[0]?.paths ?? []
  const stateOf = async (of: Mqvpn, device: string) => (await paths(of)).find((one) => one.device === device)?.state

  async function untilState(of: Mqvpn, device: string, state: string, deadlineMs = 10_000): Promise<void> {
    await until(`path ${device} that is ${state}`, async () => (await stateOf(of, device)) === state, {
      deadlineMs,
      explain: () => of.text,
    })
  }

  async function connectOver(...args: string[]): Promise<Mqvpn> {
    const client = await tunnel.connect({}, ...args)
    await untilState(client, 'a', 'active')
    return client
  }

  /** One connection for the whole test. */
  function expectOneConnection(client: Mqvpn): void {
    expect(client.said.filter(({ event }) => event === 'connected')).to.have.length(1)
  }

  it('both links are used, and shown', async () => {
    const client = await connectOver(...both)
    await untilState(client, 'b', 'active')
    await expectPings(tunnel.client, INNER.server4)
    const { result } = await startIperf(tunnel.client, tunnel.server, INNER.server4, '-t', '3', '-P', '4')
    const { received } = await result
    console.log(`      4 streams over 60 + 60 Mbit/s: ${mbit(received.bits_per_second)}`)
    expect(received.bits_per_second).to.be.greaterThan(75e6)
    for (const { device, bytesSent } of await paths(client)) expect(bytesSent, device ?? '').to.be.greaterThan(3e6)
    expect(await client.statusText()).to.match(/ a +active .*\n.* b +active /)
  })

  for (const [how, fail, repair] of [
    ['loses its carrier', () => tunnel.path.carrier(false), () => tunnel.path.carrier(true)],
    ['is switched off', () => tunnel.path.down(), () => tunnel.path.up()],
  ] as const) {
    it(`a link that ${how} is left at once, and used again when it is back`, async () => {
      const client = await connectOver(...both)
      await untilState(client, 'b', 'active')
      const pings = ping(tunnel.client, INNER.server4, '-c', '200', '-i', '0.01')
      await until('pings', async () => (await paths(client)).some(({ packetsSent }) => packetsSent > 40))
      await fail()
      await untilState(client, 'a', 'down')
      await repair()
      await untilState(client, 'a', 'active', 3000)
      const { received, text } = await pings
      console.log(`      ${200 - received} of 200 pings lost`)
      expect(received, text).to.be.at.least(195)
      expectOneConnection(client)
      expect(client.text).to.match(/path a is down: (no carrier|the interface is switched off).*traffic goes over b/)
    })
  }

  it('a link that goes silent is left, and used again when it answers', async () => {
    // A flow may choose either of two links, and one that carries nothing is not missed.
    const client = await connectOver('--path', 'a', '--path', 'b:backup')
    await untilState(client, 'b', 'standby')
    const pings = ping(tunnel.client, INNER.server4, '-c', '300', '-i', '0.01')
    await until('pings', async () => (await paths(client)).some(({ packetsSent }) => packetsSent > 40))
    await tunnel.path.blackhole()
    await untilState(client, 'a', 'silent')
    await tunnel.path.restore()
    await untilState(client, 'a', 'active', 3000)
    const { received, text } = await pings
    console.log(`      ${300 - received} of 300 pings lost`)
    expect(received, text).to.be.at.least(290)
    expectOneConnection(client)
  })

  it('one link has IPv4 alone, the other IPv6 alone: both are used', async () => {
    const { client: host, lab } = tunnel
    const [a, b] = [lab.path('a'), lab.path('b')]
    writeFileSync(`/etc/netns/${host.netns}/hosts`, `${OUTER.server4} vpn.lab\n${OUTER.server6} vpn.lab\n`)
    await tunnel.stopAll()
    await tunnel.startServer({ listen: `[::]:${PORT}` })
    await host.ip(`address del ${a.client6}/64 dev a`, `address del ${b.client4}/24 dev b`)
    try {
      const client = await tunnel.connect({ server: `vpn.lab:${PORT}` }, ...both)
      for (const name of ['a', 'b']) await untilState(client, name, 'active')
      const remotes = new Map((await paths(client)).map(({ device, remote }) => [device, remote]))
      expect(remotes.get('a')).to.equal(`${OUTER.server4}:${PORT}`)
      expect(remotes.get('b')).to.equal(`[${OUTER.server6}]:${PORT}`)
      await a.carrier(false)
      await expectPings(host, INNER.server4)
      await a.carrier(true)
      await untilState(client, 'a', 'active')
      await b.carrier(false)
      await expectPings(host, INNER.server4)
      expectOneConnection(client)
    } finally {
      await Promise.all([a.carrier(true), b.carrier(true)])
      // As it was: addresses, and the routes that went with them.
      for (const path of [a, b]) {
        await path.down()
        await path.up()
      }
    }
  })

  it('an interface that is missing at the start does not hold up the others, and is used when it comes', async () => {
    const client = await tunnel.connect({}, '--path', 'eth9', '--path', 'b')
    await untilPings(tunnel.client, INNER.server4)
    expect(await stateOf(client, 'eth9')).to.equal('down')
    expect(await client.statusText()).to.match(/eth9: there is no interface of this name/)
  })

  it('the first link is dead at the start: the second one is taken, and the first one joins later', async () => {
    await tunnel.path.blackhole()
    const before = performance.now()
    const client = await tunnel.connect({}, ...both)
    console.log(`      connected ${Math.round(performance.now() - before)} ms after its start`)
    await expectPings(tunnel.client, INNER.server4)
    expect(await stateOf(client, 'b')).to.equal('active')
    await tunnel.path.restore()
    await untilState(client, 'a', 'active', 20_000)
    expectOneConnection(client)
  })

  it('a backup carries nothing while another link works, and everything when none does', async () => {
    const client = await connectOver('--path', 'a', '--path', 'b:backup')
    await untilState(client, 'b', 'standby')
    const sent = async () => (await paths(client)).find(({ device }) => device === 'b')!.packetsSent
    const before = await sent()
    await ping(tunnel.client, INNER.server4, '-c', '50', '-i', '0.01')
    expect(await sent()).to.be.at.most(before + 5)
    await tunnel.path.carrier(false)
    await expectPings(tunnel.client, INNER.server4)
    expect(await sent()).to.be.greaterThan(before + 4)
    expectOneConnection(client)
  })

  it('both links away, one comes back: the connection goes on over it', async () => {
    const client = await connectOver(...both)
    await untilState(client, 'b', 'active')
    await tunnel.path.carrier(false)
    await tunnel.lab.path('b').carrier(false)
    await untilState(client, 'b', 'down')
    await tunnel.lab.path('b').carrier(true)
    await untilPings(tunnel.client, INNER.server4, 5000)
    await tunnel.path.carrier(true)
    await untilState(client, 'a', 'active', 5000)
    expectOneConnection(client)
  })

  it('a hundred failures in a row break no connection', async () => {
    const client = await connectOver(...both)
    await untilState(client, 'b', 'active')
    for (let i = 0; i < 100; ++i) {
      const path = tunnel.lab.path(i % 2 === 0 ? 'a' : 'b')
      await path.carrier(false)
      await expectReply()
      await path.carrier(true)
      await expectReply()
    }
    await untilState(client, 'a', 'active')
    await untilState(client, 'b', 'active')
    expectOneConnection(client)
    expect((await client.status()).session).to.include({ state: 'connected', attempts: 1 })
  })

  async function expectReply(): Promise<void> {
    const { received, text } = await ping(tunnel.client, INNER.server4, '-c', '3', '-i', '0.01', '-W', '1')
    expect(received, text).to.be.at.least(1)
  }
})
