/**
 * A VPN that is left on: all traffic through it, whatever happens to server, client and link. tcpdump judges what leaves
 * beside it. Needs root.
 *
 *   client ── path a ── server (translates) ──── internet
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { INTERNET } from '../../harness/lab/addressing.js'
import { EXEMPT, Judge } from './support/judge.js'
import { MAIN, type Mqvpn } from './support/mqvpn.js'
import { expectPings, iperf, ping, startIperf, untilPings } from './support/traffic.js'
import { DEVICE, INNER, OUTER, PORT, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

/** Each breaks something in turn; more by hand: MQVPN_LEAK_ROUNDS=50. */
const ROUNDS = Number(process.env['MQVPN_LEAK_ROUNDS'] ?? 6)
const BESIDE = `(${EXEMPT}) and not (udp and port ${PORT})`

/** A program that never stops to ask, whatever the answer: UDP, name servers and TCP, of both families. */
const CHATTER = `
const { createSocket } = require('node:dgram'), { connect } = require('node:net')
const sockets = { 4: createSocket('udp4'), 6: createSocket('udp6') }
for (const socket of Object.values(sockets)) socket.on('error', () => {})
const targets = [[4, '${INTERNET.internet4}'], [6, '${INTERNET.internet6}']]
setInterval(() => {
  for (const [family, address] of targets)
    for (const port of [9, 53]) sockets[family].send('x', port, address, () => {})
}, 10)
setInterval(() => {
  for (const [, address] of targets) connect({ host: address, port: 80 }).on('error', () => {}).setTimeout(200, function () { this.destroy() })
}, 100)
`

describe('tunnel: always on (root)', () => {
  let tunnel: TunnelLab
  before(async () => {
    tunnel = await TunnelLab.open()
    await tunnel.lab.internet.ip(
      `route add default via ${INTERNET.server4}`,
      `route add default via ${INTERNET.server6} dev eth0`,
    )
  })
  after(() => tunnel.close())
  afterEach(async () => {
    await tunnel.stopAll()
    await tunnel.client.run(process.execPath, [MAIN, 'recover'])
  })

  const routeTo = async (address: string): Promise<string> =>
    (await tunnel.client.run('ip', ['route', 'get', address])).stdout

  it('carries everything to the internet, and leaves the host its own default route', async () => {
    const own = (await tunnel.client.run('ip', ['route', 'show', 'default'])).stdout
    await tunnel.startServer({ nat: true })
    await tunnel.connect({ managed: true })
    for (const address of [INTERNET.internet4, INTERNET.internet6]) {
      expect(await routeTo(address)).to.contain(`dev ${DEVICE}`)
      await expectPings(tunnel.client, address)
    }
    expect(await routeTo(OUTER.server4)).to.contain('dev a')
    expect((await tunnel.client.run('ip', ['route', 'show', 'default'])).stdout).to.equal(own)
    // The network changes under it: nothing has to be followed.
    await tunnel.client.ip('route del default dev a metric 1', 'route add default via 10.100.1.1 dev a metric 7')
    await expectPings(tunnel.client, INTERNET.internet4)
    await tunnel.client.ip('route del default dev a metric 7', 'route add default via 10.100.1.1 dev a metric 1')
  })

  it('carries only what is asked for, and what is excluded goes past it', async () => {
    await tunnel.startServer({ nat: true })
    const client = await tunnel.connect(
      { managed: true },
      '--allowed-ips',
      '198.51.100.0/24,203.0.113.0/24',
      '--exclude',
      '203.0.113.7',
    )
    expect(await routeTo(INTERNET.internet4)).to.contain(`dev ${DEVICE}`)
    expect(await routeTo('203.0.113.6')).to.contain(`dev ${DEVICE}`)
    expect(await routeTo('203.0.113.7')).to.contain('dev a')
    expect(await routeTo('192.0.2.1')).to.contain('dev a')
    expect(await routeTo(INNER.server4)).to.contain(`dev ${DEVICE}`)
    await client.terminate()
    expect(await routeTo('203.0.113.6')).to.contain('dev a')
  })

  for (const how of ['terminate', 'kill'] as const) {
    it(`a TCP connection through the tunnel outlives a restart of the server (${how})`, async () => {
      const server = await tunnel.startServer()
      const client = await tunnel.connect({ managed: true })
      await iperf(tunnel.client, tunnel.server, INNER.server4, '-t', '1')
      const { result } = await startIperf(tunnel.client, tunnel.server, INNER.server4, '-t', '7')
      await sleep(2000)
      const { mark } = client
      // The server's end of the TCP connection is on the device that goes with it; the address comes back.
      await tunnel.server.ip(`address add ${INNER.server4}/32 dev lo`)
      await server[how]()
      await tunnel.startServer()
      const back = performance.now()
      const { addresses } = await client.says('connected', { since: mark })
      const took = performance.now() - back
      expect(addresses).to.include(`${INNER.client4}/32`)
      const { received, intervals } = await result
      await tunnel.server.ip(`address del ${INNER.server4}/32 dev lo`)
      process.stdout.write(
        `      tunnel back ${(took / 1000).toFixed(2)} s after the server; ${intervals.map((one) => (one.bits_per_second / 1e6).toFixed(0)).join(' ')} Mbit/s\n`,
      )
      expect(received.bytes).to.be.greaterThan(0)
      expect(intervals.at(-1)!.bytes, 'of the last second').to.be.greaterThan(0)
    })
  }

  it(`nothing leaves beside the tunnel while the kill switch is up, in ${ROUNDS} failures of every kind`, async () => {
    let server = await tunnel.startServer({ nat: true })
    const start = (): Mqvpn => tunnel.launchClient({ managed: true }, '--kill-switch', 'on')
    let client = start()
    const isUp = async (): Promise<boolean> =>
      (await tunnel.client.run('nft', ['list', 'table', 'inet', `mqvpn_kill_${DEVICE}`], { check: false })).exitCode ===
      0
    await until('kill switch', isUp)
    const judge = await Judge.on(tunnel.client, 'a', 'out', BESIDE)
    tunnel.client.spawn(process.execPath, ['-e', CHATTER], { role: 'traffic' })
    await untilPings(tunnel.client, INTERNET.internet4)
    for (let round = 0; round < ROUNDS; ++round) {
      const { mark } = client
      switch (round % 4) {
        case 0:
          await server.kill()
          server = await tunnel.startServer({ nat: true })
          await client.says('connected', { since: mark })
          break
        case 1:
          await client.kill()
          expect(await isUp()).to.equal(true)
          expect((await ping(tunnel.client, INTERNET.internet4, '-c', '3', '-W', '0.3')).received).to.equal(0)
          client = start()
          break
        case 2:
          await tunnel.client.ip('link set dev a down')
          await sleep(300)
          await tunnel.client.ip('link set dev a up', 'route replace default via 10.100.1.1 dev a metric 1')
          break
        case 3:
          await server.terminate()
          server = await tunnel.startServer({ nat: true })
          await client.says('connected', { since: mark })
          break
      }
      await untilPings(tunnel.client, INTERNET.internet4)
    }
    expect(judge.seen.slice(0, 5), `${judge.seen.length} packets`).to.deep.equal([])
    // And the judge does see such packets, once it is lifted.
    await client.terminate()
    expect(await isUp()).to.equal(false)
    await judge.sees(/\.53: /)
  })
})
