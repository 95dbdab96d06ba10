/** Whatever ends the tunnel: what it leaves behind is nothing. Needs root. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import type { Host } from '../../harness/lab/host.js'
import { INTERNET } from '../../harness/lab/addressing.js'
import { EXIT } from '../../vpn/exit-codes.js'
import { MAIN, type Mqvpn } from './support/mqvpn.js'
import { expectPings, untilPings } from './support/traffic.js'
import { DEVICE, INNER, OUTER, PORT, TunnelLab } from './support/tunnel-lab.js'
import { until, untilQuiet } from './support/until.js'

/** Three probe time-outs of a path of 10 ms take less. */
const QUIET_MS = 500

/** The state of a host's network, but for counters, timers and neighbours, which change by themselves. */
async function snapshot(host: Host): Promise<string> {
  const shown = [
    'ip -o link | sed "s/ state [A-Z]* / /"',
    'ip -o address',
    'ip -4 route show table all',
    'ip -6 route show table all',
    'ip rule; ip -6 rule',
    'ss -Hanu | awk "{print \\$1, \\$4, \\$5}" | sort',
    'nft list ruleset',
    'cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding',
    'cat /etc/resolv.conf',
  ]
  const { stdout } = await host.run('sh', ['-c', shown.map((command) => `echo "# ${command}"; ${command}`).join('\n')])
  return stdout.replace(/ (expires \d+sec|pref medium)/g, '')
}

describe('tunnel: removal (root)', () => {
  let tunnel: TunnelLab
  let untouched: Record<'client' | 'server', string>

  const snapshots = async () => ({ client: await snapshot(tunnel.client), server: await snapshot(tunnel.server) })
  const files = (): string[] => readdirSync(tunnel.directory, { recursive: true }).map(String).toSorted()

  before(async () => {
    tunnel = await TunnelLab.open()
    await tunnel.lab.internet.ip(`route add ${INNER.subnet4} via ${INTERNET.server4}`)
    await tunnel.server.sysctl({ 'net.ipv4.ip_forward': 1 })
  })
  after(() => tunnel.close())
  beforeEach(async () => {
    untouched = await snapshots()
  })
  afterEach(() => tunnel.stopAll())

  for (const managed of [true, false]) {
    it(`SIGTERM of client and server leaves the network as it was (${managed ? 'with' : 'without'} managed routes)`, async () => {
      const server = await tunnel.startServer()
      const client = await tunnel.connect({ managed })
      await expectPings(tunnel.client, INNER.server4)
      const during = await snapshots()
      expect(during.client).to.contain(INNER.client4)
      if (managed) {
        // Everything goes through the tunnel, but for the tunnel itself.
        await expectPings(tunnel.client, INTERNET.internet4)
        const route = (await tunnel.client.run('ip', ['route', 'get', INTERNET.internet4])).stdout
        expect(route).to.contain(`dev ${DEVICE}`)
        expect((await tunnel.client.run('ip', ['route', 'get', OUTER.server4])).stdout).to.contain('dev a')
      }
      expect(await client.terminate()).to.equal(EXIT.ok)
      expect(await snapshot(tunnel.client)).to.equal(untouched.client)
      expect(await server.terminate()).to.equal(EXIT.ok)
      expect(await snapshots()).to.deep.equal(untouched)
      // Certificate and ticket are meant to stay; sockets are not.
      const meant = /^key$|^server(\/server\.(crt|key))?$|^client[^/]*(\/(ticket-[0-9a-f]+|client-id-\w+))?$/
      expect(files().filter((file) => !meant.test(file))).to.deep.equal([])
    })
  }

  it('SIGINT removes everything too, and says so in its exit code', async () => {
    await tunnel.startServer()
    const client = await tunnel.connect({ managed: true })
    process.kill(client.process.pid, 'SIGINT')
    expect((await client.ends()).code).to.equal(EXIT.interrupted)
    expect(await snapshot(tunnel.client)).to.equal(untouched.client)
  })

  it('a server that stops tells its clients, busy or idle, at once', async () => {
    const server = await tunnel.startServer()
    const client = await tunnel.connect()
    // Long enough for every timer of the connection but the keep-alive's to have passed.
    await untilIdle(server)
    const { mark } = client
    expect(await server.terminate()).to.equal(EXIT.ok)
    await client.says(({ message }) => message?.includes('trying again') ?? false, { since: mark, deadlineMs: 3000 })
  })

  it('a client that stops tells its server, idle as it is, at once', async () => {
    const server = await tunnel.startServer()
    const client = await tunnel.connect()
    await untilIdle(server)
    expect(await client.terminate()).to.equal(EXIT.ok)
    await server.says(({ message }) => message === 'client disconnected', { deadlineMs: 3000 })
    expect((await server.status()).connections.filter(({ state }) => state === 'connected')).to.deep.equal([])
  })

  it('after SIGKILL `mqvpn recover` removes what the kernel has not, and a next start works without it', async () => {
    const server = await tunnel.startServer()
    const client = await tunnel.connect({ managed: true })
    await expectPings(tunnel.client, INNER.server4)
    await Promise.all([client.kill(), server.kill()])
    // Rules to the empty table of a device that is gone; nothing follows them.
    expect((await tunnel.client.run('ip', ['route', 'get', INTERNET.internet4])).stdout).to.contain('dev a')
    await tunnel.client.run(process.execPath, [MAIN, 'recover'])
    expect(await snapshots()).to.deep.equal(untouched)
    await tunnel.startServer()
    const second = await tunnel.connect({ managed: true })
    await untilPings(tunnel.client, INNER.server4)
    await second.kill()
    const third = await tunnel.connect({ managed: true })
    await untilPings(tunnel.client, INNER.server4)
    await third.terminate()
    expect(await snapshot(tunnel.client)).to.equal(untouched.client)
  })

  for (const end of ['SIGTERM', 'SIGKILL and `mqvpn recover`']) {
    it(`${end}: nothing is left of all that can be asked for at once`, async () => {
      const server = await tunnel.startServer({ nat: true })
      const asked = ['--dns', INTERNET.internet4, '--dns', INTERNET.internet6, '--kill-switch', 'on']
      const client = await tunnel.connect({ managed: true }, ...asked, '--exclude', '203.0.113.0/24')
      await until('name servers', async () => (await snapshot(tunnel.client)).includes('written by mqvpn'))
      await expectPings(tunnel.client, INTERNET.internet4)
      const during = await snapshots()
      for (const trace of ['203.0.113.0/24', `mqvpn_kill_${DEVICE}`]) expect(during.client).to.contain(trace)
      expect(during.server).to.contain('masquerade')
      if (end === 'SIGTERM') {
        expect(await client.terminate()).to.equal(EXIT.ok)
        expect(await server.terminate()).to.equal(EXIT.ok)
      } else {
        await Promise.all([client.kill(), server.kill()])
        for (const host of [tunnel.client, tunnel.server]) await host.run(process.execPath, [MAIN, 'recover'])
      }
      expect(await snapshots()).to.deep.equal(untouched)
    })
  }

  it('after SIGKILL a control socket that is left is no obstacle', async () => {
    // Both use the same path, as by default.
    const control = join(tunnel.directory, 'same.sock')
    const first = tunnel.launchServer({ control })
    await first.says('listening')
    await first.kill()
    expect(existsSync(control)).to.equal(true)
    const second = tunnel.launchServer({ control })
    await second.says('listening')
    expect((await second.status()).role).to.equal('server')
    expect(await second.terminate()).to.equal(EXIT.ok)
    expect(existsSync(control)).to.equal(false)
  })

  describe('a set-up that fails leaves nothing and says why:', () => {
    async function expectFailure(program: Mqvpn, text: RegExp, code: number): Promise<void> {
      const end = await program.ends()
      expect(end.complaint).to.match(text)
      expect(end.complaint.split('\n'), 'one line').to.have.length(1)
      expect(end.code).to.equal(code)
    }

    it('a device of that name exists', async () => {
      await tunnel.startServer()
      await tunnel.client.ip(`link add ${DEVICE} type veth peer name peer`)
      const taken = await snapshot(tunnel.client)
      await expectFailure(tunnel.launchClient(), /device vpn is in use.*--tun-name/, EXIT.failed)
      expect(await snapshot(tunnel.client)).to.equal(taken)
      await tunnel.client.ip(`link del ${DEVICE}`)
    })

    it('another mqvpn has the device', async () => {
      await tunnel.startServer()
      const during = await snapshot(tunnel.server)
      const other = tunnel.launchServer({ listen: `${OUTER.server4}:${PORT + 1}` })
      await expectFailure(other, /device vpn is in use.*--tun-name/, EXIT.failed)
      expect(await snapshot(tunnel.server)).to.equal(during)
    })

    it('the port is taken', async () => {
      await tunnel.startServer()
      const during = await snapshot(tunnel.server)
      const other = tunnel.launchServer({ device: 'vpn2' })
      await expectFailure(other, new RegExp(`UDP port ${PORT}.*--listen`), EXIT.failed)
      expect(await snapshot(tunnel.server)).to.equal(during)
    })

    it('the address is not of this host', async () => {
      const server = tunnel.launchServer({ listen: `192.0.2.1:${PORT}` })
      await expectFailure(server, /does not have the address 192\.0\.2\.1.*--listen/, EXIT.failed)
      expect(await snapshot(tunnel.server)).to.equal(untouched.server)
    })

    it('--path names no interface: it may come, so the client waits, says so, and leaves nothing when it ends', async () => {
      await tunnel.startServer()
      const client = tunnel.launchClient({}, '--path', 'eth9')
      await client.says(({ message }) => /path eth9 is down: there is no interface of this name/.test(message ?? ''))
      await client.says(({ message }) => /no link is up \(eth9: there is no interface/.test(message ?? ''))
      expect(await client.terminate()).to.equal(EXIT.ok)
      expect(await snapshot(tunnel.client)).to.equal(untouched.client)
    })

    it('the certificate file is missing', async () => {
      const missing = join(tunnel.directory, 'missing.pem')
      await expectFailure(tunnel.launchServer({}, '--cert', missing, '--key', missing), /missing\.pem/, EXIT.usage)
      expect(await snapshot(tunnel.server)).to.equal(untouched.server)
    })
  })
})

/** No packet has come for longer than three probe time-outs. */
async function untilIdle(server: Mqvpn): Promise<void> {
  await untilQuiet(async () => (await server.status()).connections[0]!.paths[0]!.packetsReceived, QUIET_MS)
}
