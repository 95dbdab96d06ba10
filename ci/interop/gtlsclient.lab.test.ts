/**
 * ngtcp2's client (gtlsclient, Debian: ngtcp2-client) against our server, on the loopback device. What the client downloads
 * must be what our server sends, and neither side may find fault with the other.
 *
 *   npm run test:interop -- --grep gtlsclient
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { expect } from 'chai'
import { BODY_BYTES, digest, freePort, makeFolder, NAME, ourBody, writeRandom, type Folder } from './support/files.js'
import { hasProgram, needs, ourPeer, Peer, stopAll, type Said } from './support/peer.js'

const LOSSY = ['--rx-loss=0.05', '--tx-loss=0.05']
const ONLY = 'NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+'

describe('gtlsclient (ngtcp2) against our server', function () {
  this.timeout(60_000)
  this.retries(0)
  let folder: Folder
  let body: string

  before(async function () {
    needs(this, 'gtlsclient is not installed (Debian: ngtcp2-client)', hasProgram('gtlsclient'))
    needs(this, 'mqvpn-interop-peer is not built (npm run test:native builds it)', ourPeer !== undefined)
    folder = await makeFolder()
    body = digest(ourBody(BODY_BYTES))
  })
  afterEach(stopAll)
  after(() => {
    folder?.remove()
  })

  /** Our server, listening. */
  async function serve(args: readonly string[] = [], chosen = folder, host = '127.0.0.1', at?: number) {
    const port = at ?? (await freePort())
    const listen = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    const ours = ['server', '--listen', listen, '--cert', chosen.cert, '--key', chosen.key]
    const server = new Peer([ourPeer!, ...ours, ...args])
    await server.event('listening')
    return { server, port, host }
  }

  /** Runs gtlsclient to its end. Its exit code says nothing; what it prints does. */
  async function fetch(to: { port: number; host: string }, args: readonly string[] = [], paths = [`/${BODY_BYTES}`]) {
    const into = path.join(folder.path, 'downloads')
    rmSync(into, { recursive: true, force: true })
    mkdirSync(into)
    const client = new Peer([
      ...['gtlsclient', '--no-quic-dump', '--no-http-dump', '--exit-on-all-streams-close', '--timeout=10s'],
      ...[`--download=${into}`, `--sni=${NAME}`, ...args, to.host, String(to.port)],
      ...paths.map((one) => `https://${NAME}${one}`),
    ])
    const { text } = await client.end(40_000)
    return { text, file: (name: string) => path.join(into, name) }
  }

  const found = (said: readonly Said[], name: string) => said.filter((one) => one.event === name)

  /** What our server said at the end of a connection that went well. */
  async function closedWell(server: Peer): Promise<Record<string, unknown> & { path: Record<string, unknown> }> {
    const closed = await server.event('closed')
    expect(closed, JSON.stringify(closed)).to.include({ cause: 'peer', application: true, code: 0x100 })
    const stats = closed['stats'] as Record<string, unknown> & { path: Record<string, unknown> }
    expect(stats).to.include({ malformed: 0, undecryptable: 0 })
    expect(found(server.said, 'request-failed')).to.deep.equal([])
    return stats
  }

  async function downloads(serverArgs: readonly string[], clientArgs: readonly string[]) {
    const to = await serve(serverArgs)
    const { text, file } = await fetch(to, clientArgs)
    expect(existsSync(file(String(BODY_BYTES))), text.slice(-2000)).to.equal(true)
    expect(digest(file(String(BODY_BYTES)))).to.equal(body)
    const stats = await closedWell(to.server)
    return { text, said: to.server.said, stats, server: to.server }
  }

  /** Sends 3 MB, gets them back. */
  async function uploads(to: { port: number; host: string }, args: readonly string[]) {
    const upload = folder.file('upload')
    writeRandom(upload)
    const { text, file } = await fetch(to, ['-m', 'POST', `--data=${upload}`, ...args], ['/echo'])
    expect(existsSync(file('echo')), text.slice(-2000)).to.equal(true)
    expect(digest(file('echo'))).to.equal(digest(upload))
  }

  it('downloads 3 MB intact', async () => {
    const { said, text } = await downloads([], [])
    expect(text).to.match(/Negotiated ALPN is h3/)
    expect(found(said, 'handshake')[0]).to.include({ resumed: false, earlyDataAccepted: false })
    expect(found(said, 'request')[0]).to.include({ method: 'GET', path: `/${BODY_BYTES}` })
  })

  it('downloads over IPv6', async () => {
    const to = await serve([], folder, '::1')
    const { file } = await fetch(to)
    expect(digest(file(String(BODY_BYTES)))).to.equal(body)
    await closedWell(to.server)
  })

  it('lets us use BBR', () => downloads(['--congestion', 'bbr'], []))

  it('uses ECN with us', async () => {
    const { stats } = await downloads([], [])
    expect(stats.path['ecnCapable']).to.equal(true)
  })

  it('finds packets of 1472 bytes possible, and so do we', async () => {
    const { stats, text } = await downloads([], [])
    expect(stats.path['mtu']).to.equal(1472)
    expect(text).to.match(/Received packet: .* 1472 bytes/)
  })

  it('updates the keys', async () => {
    const { said, text } = await downloads([], ['--key-update=1ms'])
    expect(found(said, 'key-update')).to.deep.equal([{ event: 'key-update', local: false, phase: 1 }])
    expect(text).to.match(/key update confirmed/)
  })

  it('follows our key update', async () => {
    const { said, text } = await downloads(['--key-update-after', '500000'], [])
    expect(found(said, 'key-update')).to.deep.equal([{ event: 'key-update', local: true, phase: 1 }])
    expect(text).to.match(/pkt rx .* type=1RTT k=1/)
  })

  it('moves to another address in the middle', async () => {
    const { said, text } = await downloads([], ['--change-local-addr=2ms'])
    expect(found(said, 'path').map((one) => one['state'])).to.deep.equal(['moved', 'validated'])
    expect(text).to.match(/Path validation against path .* succeeded/)
  })

  it('is moved by a NAT in the middle of an upload', async () => {
    // Who only downloads has nothing to send, and then nobody learns of the new address.
    const to = await serve()
    await uploads(to, ['--change-local-addr=2ms', '--nat-rebinding'])
    expect(found(to.server.said, 'path').map((one) => one['state'])).to.deep.equal(['moved', 'validated'])
  })

  it('answers our Retry', async () => {
    const { server, text } = await downloads(['--retry'], [])
    expect(text).to.match(/type=Retry/)
    const stopped = await server.stop()
    expect(found(stopped.said, 'stopped')[0]).to.include({ retries: 1 })
  })

  for (const cipher of ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305']) {
    it(`speaks ${cipher}`, async () => {
      const { text } = await downloads([], [`--ciphers=${ONLY}${cipher}`, '--key-update=1ms'])
      expect(text).to.include(`Negotiated cipher suite is ${cipher}`)
    })
  }

  for (const group of ['X25519', 'SECP256R1', 'SECP384R1']) {
    it(`agrees on keys over ${group}`, () => downloads([], [`--groups=-GROUP-ALL:+GROUP-${group}`]))
  }

  it('is asked for another group by a HelloRetryRequest', async () => {
    const { text } = await downloads(['--priority', '-GROUP-ALL:+GROUP-SECP521R1'], [])
    expect(text.match(/frm tx \d+ Initial CRYPTO/g), 'two ClientHellos').to.have.lengthOf.at.least(2)
  })

  it('is asked for another group behind a Retry', () =>
    downloads(['--retry', '--priority', '-GROUP-ALL:+GROUP-SECP521R1'], []))

  it('sends its request with 0-RTT, and again', async () => {
    const to = await serve()
    const again = [`--session-file=${folder.file('session')}`, `--tp-file=${folder.file('parameters')}`]
    for (let round = 0; round < 3; round++) {
      const { file } = await fetch(to, again)
      expect(digest(file(String(BODY_BYTES)))).to.equal(body)
    }
    await to.server.until('three ends', () => (found(to.server.said, 'closed').length === 3 ? true : undefined))
    const handshakes = found(to.server.said, 'handshake').map((one) => [one['resumed'], one['earlyDataAccepted']])
    expect(handshakes).to.deep.equal([
      [false, false],
      [true, true],
      [true, true],
    ])
    // Requests of 0-RTT are answered before the handshake is over.
    expect(found(to.server.said, 'request').map((one) => one['handshakeComplete'])).to.deep.equal([true, false, false])
  })

  it('sends its request again when another server refuses 0-RTT', async () => {
    const again = [`--session-file=${folder.file('session')}`, `--tp-file=${folder.file('parameters')}`]
    const first = await serve()
    await fetch(first, again)
    await first.server.stop()
    const second = await serve()
    const { text, file } = await fetch(second, again)
    expect(text).to.match(/Early data was rejected by server/)
    expect(digest(file(String(BODY_BYTES)))).to.equal(body)
    expect(found(second.server.said, 'handshake')[0]).to.include({ resumed: false, earlyDataAccepted: false })
  })

  it('learns from us which version we speak, and gives up when it has none of them', async () => {
    const to = await serve()
    const { text } = await fetch(to, ['--version=0x1a2a3a4a'])
    expect(text)
      .to.match(/type=VN/)
      .and.to.match(/ERR_RECV_VERSION_NEGOTIATION/)
    const stopped = await to.server.stop()
    expect(found(stopped.said, 'stopped')[0]).to.include({ versionNegotiations: 1 })
    expect(found(stopped.said, 'connection')).to.deep.equal([])
  })

  it('comes back with version 1 after our Version Negotiation', async () => {
    const { text } = await downloads([], ['--version=v2draft', '--preferred-versions=v2draft,v1'])
    expect(text).to.match(/Client selected version 0x1/)
  })

  it('has no connection ID of its own', () => downloads([], ['--scid=']))

  it('takes packets of 1200 bytes only', () => downloads([], ['--max-udp-payload-size=1200', '--no-pmtud']))

  for (const congestion of ['cubic', 'bbr']) {
    it(`downloads while it loses one packet in twenty, both ways (${congestion})`, async () => {
      const { text, file } = await fetch(await serve(['--congestion', congestion]), LOSSY)
      for (const way of ['incoming', 'outgoing']) expect(text).to.include(`Simulated ${way} packet loss`)
      expect(digest(file(String(BODY_BYTES)))).to.equal(body)
    })
  }

  it('uploads while it loses one packet in twenty, both ways', async () => {
    await uploads(await serve(), LOSSY)
  })

  it('connects behind a Retry five times, with one packet in ten lost, both ways', async function () {
    // Five Initial packets in a row may be lost: then 15 s are over, and once in a thousand runs the time-outs below.
    this.retries(1)
    const to = await serve(['--retry', '--handshake-timeout', '30'])
    for (let round = 0; round < 5; round++) {
      const { text, file } = await fetch(to, ['--rx-loss=0.1', '--tx-loss=0.1', '--handshake-timeout=30s'], ['/50000'])
      expect(existsSync(file('50000')), text.slice(-2000)).to.equal(true)
      expect(digest(file('50000'))).to.equal(digest(ourBody(50_000)))
    }
  })

  it('gives us very little flow control credit', () =>
    downloads([], ['--max-data=20K', '--max-stream-data-bidi-local=15K', '--max-window=0', '--max-stream-window=0']))

  it('opens more streams than it may have at a time', async () => {
    const to = await serve()
    const { text, file } = await fetch(to, ['--nstreams=300'], ['/10000'])
    expect(text.match(/HTTP stream \S+ closed with error code 256/g)).to.have.lengthOf(300)
    expect(digest(file('10000'))).to.equal(digest(ourBody(10_000)))
    await closedWell(to.server)
    expect(found(to.server.said, 'request')).to.have.lengthOf(300)
  })

  it('uploads 3 MB intact', async () => {
    const to = await serve()
    await uploads(to, [])
    await closedWell(to.server)
  })

  it('gets a certificate chain that is larger than three of its packets', async () => {
    const large = await makeFolder(400)
    try {
      expect(readFileSync(large.cert).length).to.be.greaterThan(12_000)
      const to = await serve([], large)
      const { file } = await fetch(to)
      expect(digest(file(String(BODY_BYTES)))).to.equal(body)
      await closedWell(to.server)
    } finally {
      large.remove()
    }
  })

  it('is told by a stateless reset that the server was started again', async () => {
    const { server, port, host } = await serve()
    // When it moves, at the latest, it sends something.
    const idle = ['--no-quic-dump', '--no-http-dump', '--timeout=20s', '--change-local-addr=2s', `--sni=${NAME}`]
    const client = new Peer(['gtlsclient', ...idle, host, String(port), `https://${NAME}/100`])
    await client.line(/HTTP stream 0 closed with error code 256/)
    await server.stop('SIGKILL')
    const again = await serve([], folder, host, port)
    const { text } = await client.end(15_000)
    expect(text).to.match(/rx 0 SR token=.*\n.*ERR_DRAINING/)
    expect(found((await again.server.stop()).said, 'stopped')[0]?.['statelessResets']).to.be.greaterThan(0)
  })

  it('is refused when it has no cipher suite of ours', async () => {
    const to = await serve(['--priority', '-CIPHER-ALL:+AES-256-GCM'])
    const { text } = await fetch(to, [`--ciphers=${ONLY}CHACHA20-POLY1305`])
    // 0x100 and the alert handshake_failure (40).
    expect(text).to.match(/CONNECTION_CLOSE.*CRYPTO_ERROR\(0x128\)/)
    expect(await to.server.event('closed')).to.include({ cause: 'protocol error', code: 0x128 })
  })
})
