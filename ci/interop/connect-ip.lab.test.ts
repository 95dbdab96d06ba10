/**
 * CONNECT-IP (RFC 9484) with quic-go's connect-ip-go: `mqvpn client` to its proxy, and its client to `mqvpn server`, in two
 * network namespaces (support/hosts.ts).
 *
 *   npm run test:interop -- --grep connect-ip-go
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { makeFolder, type Folder } from './support/files.js'
import { TwoHosts } from './support/hosts.js'
import { hasProgram, needs, Peer, root, stopAll } from './support/peer.js'

const KEY = 'dGhpcyBpcyBhIGtleSBvZiB0aGUgdGVzdHMgb25seSE='
const source = fileURLToPath(new URL('connect-ip', import.meta.url))
const goPeer = `${root}/build/interop-go/connect-ip`
const main = process.env['MQVPN_MAIN'] ?? `${root}/dist/vpn/main.js`
// From the sources, for who works on them: MQVPN_MAIN=vpn/main.ts.
const loader = main.endsWith('.ts') ? ['--import=tsx'] : []
const native = process.env['MQVPN_NATIVE_DIR'] ?? `${root}/build/release`

/** Why connect-ip-go is not there; null: it was built. Its modules come from the network the first time. */
async function withoutGoPeer(): Promise<string | null> {
  if (!hasProgram('go')) return 'go is not installed'
  const { failed, stderr } = await execa('go', ['build', '-o', goPeer, '.'], { cwd: source, reject: false })
  if (!failed) return null
  if (/requires go|invalid go version|toolchain not available/.test(stderr)) return 'go is too old'
  if (/dial tcp|no such host|timeout|connection refused/.test(stderr)) return 'go cannot fetch its modules'
  throw new Error(`connect-ip does not build:\n${stderr}`)
}

describe('connect-ip-go (quic-go)', function () {
  this.timeout(60_000)
  this.retries(0)
  let folder: Folder
  let hosts: TwoHosts

  before(async function () {
    this.timeout(300_000)
    needs(this, 'namespaces need root', process.getuid?.() === 0)
    needs(this, 'mqvpn is not built (npm run build)', existsSync(main))
    needs(this, 'the addon is not built (npm run build:native)', existsSync(`${native}/mqvpn_native.node`))
    const why = await withoutGoPeer()
    needs(this, why ?? '', why === null)
    folder = await makeFolder()
  })
  beforeEach(async () => {
    hosts = await TwoHosts.make()
  })
  afterEach(async () => {
    await stopAll()
    await hosts.remove()
  })
  after(() => {
    folder?.remove()
  })

  let count = 0
  /** `mqvpn client` or `mqvpn server`, with its files in the test's folder. */
  function mqvpn(side: 'client' | 'server', ...args: string[]): Peer {
    const files = ['--state-dir', folder.file(`state-${++count}`), '--control', folder.file(`control-${count}`)]
    return new Peer(
      hosts.at(side, process.execPath, ...loader, main, side, ...files, '--log-level', 'debug', ...args),
      { env: { MQVPN_AUTH_KEY: KEY, MQVPN_NATIVE_DIR: native } },
    )
  }

  /** How many of ten pings from the client's host were answered. */
  async function ping(to: string, ...args: string[]): Promise<number> {
    const command = hosts.at('client', 'ping', '-n', '-c', '10', '-i', '0.05', '-W', '2', ...args, to)
    const [program = '', ...rest] = command
    const { stdout } = await execa(program, rest, { reject: false })
    return Number(/, (\d+) received/.exec(stdout)?.[1])
  }

  describe('as proxy of mqvpn client', () => {
    async function connect(...args: string[]) {
      const files = ['-cert', folder.cert, '-key', folder.key]
      const server = new Peer(hosts.at('server', goPeer, 'server', '-listen', '10.78.0.1:4433', ...files))
      await server.event('listening')
      const client = mqvpn('client', '--server', '10.78.0.1:4433', '--ca', folder.cert, ...args)
      const connected = await client.line(/^connected: .*$/m)
      return { server, client, connected: connected[0] }
    }

    it('is given its addresses, and pings over IPv4 and IPv6', async () => {
      const { server, connected } = await connect()
      expect(connected).to.include('10.77.0.2').and.to.include('fd77::2')
      expect(await server.event('request')).to.include({
        method: 'CONNECT',
        proto: 'connect-ip',
        capsule: '?1',
        authorization: true,
      })
      expect(await ping('10.77.0.1')).to.equal(10)
      expect(await ping('203.0.113.9', '-s', '1000'), 'through the default route').to.equal(10)
      expect(await ping('fd77::1')).to.equal(10)
      expect(await ping('2001:db8::9', '-s', '1000'), 'through the default route').to.equal(10)
    })

    it('carries 3000 packets as fast as they come, and loses none', async () => {
      await connect()
      for (const [to, version] of [
        ['203.0.113.9', '-4'],
        ['2001:db8::9', '-6'],
      ] as const) {
        const [program = '', ...rest] = hosts.at(
          'client',
          'ping',
          version,
          '-n',
          '-q',
          '-f',
          '-c',
          '3000',
          '-s',
          '1100',
          to,
        )
        const { stdout } = await execa(program, rest, { reject: false })
        expect(stdout).to.match(/, 3000 received/)
      }
    })

    it('ends well', async () => {
      const { server, client } = await connect()
      expect(await ping('10.77.0.1')).to.equal(10)
      const ended = await client.stop()
      expect(ended.text).not.to.match(/ (error|fault) /)
      await server.event('closed')
    })
  })

  describe('is missed by mqvpn client', () => {
    it('at a plain HTTP/3 server (gtlsserver), and the client says so', async function () {
      if (!hasProgram('gtlsserver')) needs(this, 'gtlsserver is not installed (Debian: ngtcp2-server)', false)
      const plain = new Peer(
        hosts.at(
          'server',
          'gtlsserver',
          '--quiet',
          `--htdocs=${folder.path}`,
          '10.78.0.1',
          '4433',
          folder.key,
          folder.cert,
        ),
      )
      await plain.line(/Using document root/)
      const { code, text } = await mqvpn('client', '--server', '10.78.0.1:4433', '--ca', folder.cert).end(20_000)
      expect(text)
        .to.match(/connect-ip/i)
        .and.to.match(/check .*port/)
      expect(code).not.to.equal(0)
    })
  })

  describe('as client of mqvpn server', () => {
    async function serve() {
      const files = ['--cert', folder.cert, '--key', folder.key]
      const server = mqvpn('server', '--listen', '10.78.0.1:4433', '--subnet', '10.79.0.0/24', ...files)
      await server.line(/^listening: .*$/m)
      return server
    }
    const dial = (bearer: string, to: string, ...args: string[]) =>
      new Peer(
        hosts.at('client', goPeer, 'client', '-connect', '10.78.0.1:4433', '-bearer', bearer, '-ping', to, ...args),
      ).end()

    it('is given an address, and pings the server', async () => {
      await serve()
      const { code, said, text } = await dial(KEY, '10.79.0.1', '-count', '20')
      expect(said[0], text).to.include({ event: 'response', status: 200 })
      expect(said[1]?.['addresses']).to.deep.equal(['10.79.0.2/32'])
      expect(said[2]).to.include({ event: 'pinged', sent: 20, received: 20 })
      expect(code).to.equal(0)
    })

    it('is refused with a wrong key', async () => {
      const server = await serve()
      const { code, said } = await dial('d3Jvbmc=', '10.79.0.1')
      expect(said[0]?.['status']).to.be.oneOf([401, 403])
      expect(code).to.equal(1)
      await server.line(/wrong.key/)
    })
  })
})
