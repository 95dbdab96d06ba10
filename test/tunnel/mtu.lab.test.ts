/** The MTU of the tunnel, and what becomes of packets that are too large. Needs root. */
import { expect } from 'chai'
import type { Host } from '../../harness/lab/host.js'
import type { Mqvpn } from './support/mqvpn.js'
import { expectPings, iperf, ping } from './support/traffic.js'
import { DEVICE, INNER, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

/** IPv4 and ICMP header; IPv6 and ICMPv6 header. */
const HEADERS4 = 28
const HEADERS6 = 48

describe('tunnel: MTU (root)', () => {
  let tunnel: TunnelLab
  let client: Mqvpn
  before(async () => {
    tunnel = await TunnelLab.open()
  })
  after(() => tunnel.close())
  beforeEach(async () => {
    await tunnel.startServer()
    client = await tunnel.connect()
  })
  afterEach(async () => {
    await tunnel.stopAll()
    await tunnel.path.restore()
  })

  const deviceMtu = async (host: Host): Promise<number> =>
    Number(/ mtu (\d+)/.exec((await host.run('ip', ['-o', 'link', 'show', DEVICE])).stdout)?.[1])

  /** What the device has once the tunnel has found out. */
  async function untilMtu(agrees: (mtu: number) => boolean, deadlineMs = 20_000): Promise<number> {
    const since = performance.now()
    const mtu = await until(
      'new MTU',
      async () => {
        const now = await deviceMtu(tunnel.client)
        return agrees(now) && now
      },
      { deadlineMs, explain: () => client.text },
    )
    console.log(`      MTU ${mtu} after ${((performance.now() - since) / 1000).toFixed(2)} s`)
    return mtu
  }

  /** The largest that fits goes through, one byte more is refused with the size that would have been right. */
  async function expectLimit(mtu: number): Promise<void> {
    for (const [family, to, headers, host] of [
      ['IPv4', INNER.server4, HEADERS4, tunnel.client],
      ['IPv6', INNER.server6, HEADERS6, tunnel.client],
      ['IPv4', INNER.client4, HEADERS4, tunnel.server],
      ['IPv6', INNER.client6, HEADERS6, tunnel.server],
    ] as const) {
      await expectPings(host, to, '-M', 'do', '-s', String(mtu - headers))
      const tooLarge = await ping(
        host,
        to,
        '-M',
        'do',
        '-c',
        '3',
        '-i',
        '0.1',
        '-w',
        '2',
        '-s',
        String(mtu - headers + 1),
      )
      expect(tooLarge.received, `${family} ${tooLarge.text}`).to.equal(0)
      expect(tooLarge.text, `${family} from ${host.name}`).to.match(
        /Message too long|message too long|Frag needed|Packet too big/i,
      )
      expect(tooLarge.text).to.match(new RegExp(`mtu ?[=:] ?${mtu}\\b`, 'i'))
    }
  }

  it('is what the path carries, less what the tunnel adds, and larger packets get their ICMP', async () => {
    const mtu = await untilMtu((now) => now > 1400)
    await expectLimit(mtu)
  })

  it('follows the MTU of the device below it', async () => {
    await untilMtu((now) => now > 1400)
    await tunnel.path.mtu(1400)
    // Nothing tells an idle tunnel; the next large packet does.
    await ping(tunnel.client, INNER.server4, '-c', '1', '-s', '1380', '-W', '1')
    const mtu = await untilMtu((now) => now > 1300 && now < 1400)
    await expectLimit(mtu)
    const { received } = await iperf(tunnel.client, tunnel.server, INNER.server4, '-t', '1')
    expect(received.bytes).to.be.greaterThan(1e6)
  })

  it('finds out where large packets vanish without a word, and TCP goes on', async () => {
    await untilMtu((now) => now > 1400)
    await tunnel.path.mtu(1400, true)
    const { received } = await iperf(tunnel.client, tunnel.server, INNER.server4, '-t', '2')
    console.log(`      ${(received.bytes / 1e6).toFixed(1)} MB in 2 s from the moment of the change`)
    expect(received.bytes).to.be.greaterThan(1e6)
    const mtu = await untilMtu((now) => now < 1400)
    expect(mtu).to.be.at.least(1280)
    await expectPings(tunnel.client, INNER.server4, '-M', 'do', '-s', String(mtu - HEADERS4))
  })

  it('carries packets of 1280 bytes where the path has less room than that', async () => {
    await untilMtu((now) => now > 1400)
    await tunnel.path.mtu(1300, true)
    // Each side finds out by what it has sent in vain.
    for (const [host, to] of [
      [tunnel.client, INNER.server6],
      [tunnel.server, INNER.client6],
    ] as const) {
      const large = ['-M', 'do', '-s', String(1280 - HEADERS6)]
      await until(
        'answer to 1280 bytes',
        async () => (await ping(host, to, '-c', '1', ...large, '-W', '0.2')).received > 0,
      )
      await expectPings(host, to, ...large)
    }
    expect(await untilMtu((now) => now < 1400)).to.equal(1280)
  })

  it('stays what --mtu says', async () => {
    await client.terminate()
    client = await tunnel.connect({}, '--mtu', '1300')
    expect(await deviceMtu(tunnel.client)).to.equal(1300)
    await expectPings(tunnel.client, INNER.server4, '-M', 'do', '-s', String(1300 - HEADERS4))
    expect((await ping(tunnel.client, INNER.server4, '-M', 'do', '-c', '1', '-s', '1300')).text).to.match(/too long/i)
  })
})
