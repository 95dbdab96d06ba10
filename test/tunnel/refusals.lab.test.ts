/** What a client is told that may not, or cannot, connect: each cause in its own words, with its exit code. Needs root. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'chai'
import { EXIT } from '../../vpn/exit-codes.js'
import { untilPings } from './support/traffic.js'
import { INNER, OUTER, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

describe('tunnel: refusals (root)', () => {
  let tunnel: TunnelLab
  before(async () => {
    tunnel = await TunnelLab.open()
  })
  after(() => tunnel.close())
  afterEach(() => tunnel.stopAll())

  /** A refused client has made nothing that stays. */
  async function expectNoDevice(): Promise<void> {
    expect((await tunnel.client.run('ip', ['-o', 'link'])).stdout).not.to.contain(' vpn:')
  }

  it('a wrong key ends the client with code 4, and both sides say so', async () => {
    const server = await tunnel.startServer()
    const client = tunnel.launchClient({ keyFile: tunnel.file('other-key', 'x'.repeat(44)) })
    const { code, complaint } = await client.ends()
    expect(complaint).to.contain('mqvpn: the server does not accept this key; compare it with the key')
    expect(code).to.equal(EXIT.refused)
    const refused = await server.says(({ message }) => message === 'client refused')
    expect(refused).to.include({ reason: 'wrong-key' })
    expect((await server.status()).connections).to.deep.equal([])
    await expectNoDevice()
  })

  it('a certificate with another pin ends the client with code 4', async () => {
    await tunnel.startServer()
    const client = tunnel.launchClient({ trust: ['--pin', '0'.repeat(64)] })
    const { code, complaint } = await client.ends()
    expect(complaint).to.match(/pin/).and.to.contain('the server prints its pin when it starts')
    expect(code).to.equal(EXIT.refused)
    await expectNoDevice()
  })

  describe('with a certificate of an authority', () => {
    const name = 'vpn.example.org'
    let files: { ca: string; cert: string; key: string; otherCa: string }
    before(async () => {
      files = await authority(tunnel.directory, name)
    })

    it('the right authority and name connect', async () => {
      await tunnel.startServer({}, '--cert', files.cert, '--key', files.key)
      await tunnel.connect({ trust: ['--ca', files.ca, '--tls-server-name', name] })
      await untilPings(tunnel.client, INNER.server4)
    })

    it('another name ends the client with code 4', async () => {
      await tunnel.startServer({}, '--cert', files.cert, '--key', files.key)
      const { code, complaint } = await tunnel.launchClient({ trust: ['--ca', files.ca] }).ends()
      expect(complaint).to.match(/name|host/i)
      expect(complaint).to.contain('for the name in --server')
      expect(code).to.equal(EXIT.refused)
      await expectNoDevice()
    })

    it('another authority ends the client with code 4', async () => {
      await tunnel.startServer({}, '--cert', files.cert, '--key', files.key)
      const trust = ['--ca', files.otherCa, '--tls-server-name', name]
      const { code, complaint } = await tunnel.launchClient({ trust }).ends()
      expect(complaint).to.contain('must be signed by an authority in --ca')
      expect(code).to.equal(EXIT.refused)
    })

    it('without --ca or --pin the authorities of the system decide, and they do not know it', async () => {
      await tunnel.startServer({}, '--cert', files.cert, '--key', files.key)
      const { code, complaint } = await tunnel.launchClient({ trust: ['--tls-server-name', name] }).ends()
      expect(complaint).to.contain('a self-signed server is trusted by its --pin')
      expect(code).to.equal(EXIT.refused)
    })

    it('--insecure connects to anybody, and warns', async () => {
      await tunnel.startServer({}, '--cert', files.cert, '--key', files.key)
      const client = await tunnel.connect({ trust: ['--insecure'] })
      expect(client.said.some(({ message }) => message?.startsWith('--insecure: ANYBODY'))).to.equal(true)
    })
  })

  it('a full server is told apart: the client tries again, and comes in when a place is free', async () => {
    const server = await tunnel.startServer({}, '--max-clients', '1')
    const host = await tunnel.clientHost(2)
    const first = await tunnel.connect()
    const second = tunnel.launchClient({ host })
    const waits = await second.says(({ message }) => /tries? ?again|trying again/.test(message ?? ''))
    expect(waits.message).to.contain('the server has as many clients as it takes; its --max-clients sets how many')
    expect((await second.status()).session).to.include({ state: 'waiting' })
    expect(await server.says(({ message }) => message === 'client refused')).to.include({ reason: 'full' })
    expect(await first.terminate()).to.equal(0)
    await second.says('connected')
    await untilPings(host, INNER.server4)
  })

  it('a full server ends a client with code 4 that shall not try again', async () => {
    await tunnel.startServer({}, '--max-clients', '1')
    await tunnel.connect()
    const host = await tunnel.clientHost(3)
    const { code, complaint } = await tunnel.launchClient({ host }, '--no-reconnect').ends()
    expect(complaint).to.contain('the server has as many clients as it takes')
    expect(code).to.equal(EXIT.refused)
  })

  it('an HTTP/3 server that is no VPN server is told apart', async function () {
    if (spawnSync('gtlsserver', ['--help']).error) this.skip()
    const files = await authority(tunnel.directory, 'web.example.org')
    const web = tunnel.server.spawn('gtlsserver', ['-q', OUTER.server4, '4434', files.key, files.cert], { role: 'lab' })
    await until('web server', async () => (await tunnel.server.run('ss', ['-Hlnu'])).stdout.includes(':4434'), {
      explain: () => web.tail(),
    })
    const trust = ['--ca', files.ca, '--tls-server-name', 'web.example.org']
    const { code, complaint } = await tunnel.launchClient({ server: `${OUTER.server4}:4434`, trust }).ends()
    expect(complaint, complaint).to.contain('what answers there is no VPN server')
    expect(code).to.equal(EXIT.refused)
    await expectNoDevice()
  })

  it('where nobody listens, the client says so and tries again; with --no-reconnect it ends with code 1', async () => {
    tunnel.pin = '0'.repeat(64)
    // Nothing comes back at all, not even an ICMP error.
    const where = `${OUTER.server4}:9`
    await tunnel.server.run('nft', ['-f', '-'], {
      input: 'table inet silent { chain in { type filter hook input priority 0; udp dport 9 drop; }; }',
    })
    const started = performance.now()
    const patient = tunnel.launchClient({ server: where })
    const { code, complaint } = await tunnel
      .launchClient({ server: where, device: 'vpn2' }, '--no-reconnect')
      .ends(40_000)
    console.log(`      no answer after ${((performance.now() - started) / 1000).toFixed(1)} s`)
    expect(complaint).to.equal(
      `mqvpn: no answer from ${where}: is the server running, and does UDP port 9 get through?`,
    )
    expect(code).to.equal(EXIT.failed)
    await until('second try', async () => ((await patient.status()).session?.attempts ?? 0) >= 1)
    const waits = await patient.says(({ message }) => message?.includes('trying again') ?? false)
    expect(waits.message).to.contain(`no answer from ${where}`)
    expect(patient.process.running).to.equal(true)
  })
})

/** An authority, a certificate by it for `name` alone, and another authority. */
async function authority(directory: string, name: string) {
  const at = (file: string): string => join(directory, file)
  const openssl = (...args: string[]) => execa('openssl', args)
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  for (const ca of ['ca', 'other-ca'])
    await openssl('req', '-x509', ...ec, '-keyout', at(`${ca}.key`), '-out', at(`${ca}.pem`), '-subj', `/CN=${ca}`)
  const leaf = ['-keyout', at('leaf.key'), '-out', at('leaf.pem'), '-subj', `/CN=${name}`]
  const by = ['-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-addext', `subjectAltName=DNS:${name}`]
  await openssl('req', '-x509', ...ec, ...leaf, ...by, '-addext', 'basicConstraints=critical,CA:FALSE')
  return { ca: at('ca.pem'), cert: at('leaf.pem'), key: at('leaf.key'), otherCa: at('other-ca.pem') }
}
