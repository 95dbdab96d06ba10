/**
 * Our client against ngtcp2's server (gtlsserver, Debian: ngtcp2-server), on the loopback device.
 *
 *   npm run test:interop -- --grep gtlsserver
 */
import { existsSync, mkdirSync } from 'node:fs'
import { expect } from 'chai'
import {
  BODY_BYTES,
  digest,
  freePort,
  makeFolder,
  NAME,
  untilBound,
  writeRandom,
  type Folder,
} from './support/files.js'
import { hasProgram, needs, ourPeer, Peer, stopAll, type Said } from './support/peer.js'

describe('our client against gtlsserver (ngtcp2)', function () {
  this.timeout(60_000)
  this.retries(0)
  let folder: Folder
  let documents: string
  let body: string

  before(async function () {
    needs(this, 'gtlsserver is not installed (Debian: ngtcp2-server)', hasProgram('gtlsserver'))
    needs(this, 'mqvpn-interop-peer is not built (npm run test:native builds it)', ourPeer !== undefined)
    folder = await makeFolder()
    documents = folder.file('documents')
    mkdirSync(documents)
    writeRandom(`${documents}/large`)
    writeRandom(`${documents}/small`, 10_000)
    body = digest(`${documents}/large`)
  })
  afterEach(stopAll)
  after(() => {
    folder?.remove()
  })

  async function serve(args: readonly string[] = [], chosen = folder) {
    const port = await freePort()
    const options = ['--no-quic-dump', '--no-http-dump', `--htdocs=${documents}`]
    const server = new Peer(['gtlsserver', ...options, ...args, '127.0.0.1', String(port), chosen.key, chosen.cert])
    await untilBound(port)
    return { server, port, cert: chosen.cert }
  }

  let count = 0
  /** Runs our client to its end. */
  async function fetch(to: { port: number; cert: string }, args: readonly string[] = [], what = '/large') {
    const out = folder.file(`got-${++count}`)
    const where = ['--connect', `127.0.0.1:${to.port}`, '--name', NAME, '--ca', to.cert, '--get', what, '--out', out]
    const ended = await new Peer([ourPeer!, 'client', ...where, ...args]).end(40_000)
    const first = (name: string): Said => ended.said.find((one) => one.event === name) ?? { event: `no ${name}` }
    return { ...ended, out, first }
  }

  async function downloads(serverArgs: readonly string[], clientArgs: readonly string[]) {
    const to = await serve(serverArgs)
    const got = await fetch(to, clientArgs)
    expect(got.code, got.text).to.equal(0)
    expect(digest(got.out)).to.equal(body)
    const stats = got.first('closed')['stats'] as Record<string, unknown>
    expect(stats).to.include({ malformed: 0, undecryptable: 0 })
    // It got our CONNECTION_CLOSE with H3_NO_ERROR (but what loses packets may lose that one), and sent none of its own.
    if (!serverArgs.some((one) => one.includes('loss')))
      await to.server.line(/frm rx \d+ 1RTT CONNECTION_CLOSE\(0x1d\) error_code=\S*\(0x100\)/)
    expect(to.server.text).not.to.match(/frm tx \d+ \S+ CONNECTION_CLOSE/)
    return { ...got, server: to.server, stats, path: stats['path'] as Record<string, unknown> }
  }
  const events = (said: readonly Said[], name: string) => said.filter((one) => one.event === name)

  it('downloads 3 MB intact', async () => {
    const { first } = await downloads([], [])
    expect(first('handshake')).to.include({ resumed: false, earlyDataAccepted: false, retry: false })
    expect(first('response')).to.include({ status: 200, bytes: BODY_BYTES })
  })

  it('downloads with the server’s other congestion control, in packets of 1200 bytes', () =>
    downloads(['--cc=bbr2', '--max-udp-payload-size=1200'], []))

  it('uses ECN and packets of 1472 bytes with it', async () => {
    const { path } = await downloads([], [])
    expect(path).to.include({ ecnCapable: true, mtu: 1472 })
  })

  it('updates the keys', async () => {
    const { said, server } = await downloads([], ['--key-update-after', '500000'])
    expect(events(said, 'key-update')).to.deep.equal([{ event: 'key-update', local: true, phase: 1 }])
    expect(server.text).to.match(/key update confirmed/)
  })

  it('moves to another address in the middle', async () => {
    const { said, server } = await downloads([], ['--migrate-after', '500000'])
    expect(events(said, 'path').map((one) => one['state'])).to.deep.equal(['migrated', 'validated'])
    expect(server.text).to.match(/Path validation against path .* succeeded/)
  })

  it('is moved by a NAT in the middle', async () => {
    const { server } = await downloads([], ['--rebind-after', '500000'])
    expect(server.text).to.match(/Path validation against path .* succeeded/)
  })

  it('answers a Retry', async () => {
    const { first } = await downloads(['--validate-addr'], [])
    expect(first('handshake')).to.include({ retry: true })
  })

  for (const cipher of ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305']) {
    it(`speaks ${cipher}`, async () => {
      const { server } = await downloads([], ['--priority', `-CIPHER-ALL:+${cipher}`, '--key-update-after', '500000'])
      expect(server.text).to.include(`Negotiated cipher suite is ${cipher}`)
    })
  }

  for (const group of ['X25519', 'SECP256R1', 'SECP384R1']) {
    it(`agrees on keys over ${group}`, () => downloads([`--groups=-GROUP-ALL:+GROUP-${group}`], []))
  }

  it('sends a second ClientHello after a HelloRetryRequest, also behind a Retry', async () => {
    const { first, server } = await downloads(['--validate-addr', '--groups=-GROUP-ALL:+GROUP-SECP384R1'], [])
    expect(first('handshake')).to.include({ retry: true })
    expect(
      server.text.match(/frm rx \d+ Initial CRYPTO\(0x06\) offset=[1-9]/g),
      'the second',
    ).to.have.lengthOf.at.least(1)
  })

  it('sends its request with 0-RTT, again, and without a Retry thanks to the token', async () => {
    const to = await serve(['--validate-addr'])
    const again = ['--ticket', folder.file('ticket'), '--token', folder.file('token')]
    const seen = []
    for (let round = 0; round < 3; round++) {
      const got = await fetch(to, again)
      expect(got.code, got.text).to.equal(0)
      expect(digest(got.out)).to.equal(body)
      const { resumed, earlyDataAccepted, retry } = got.first('handshake')
      seen.push({ early: got.first('ready')['early'], resumed, earlyDataAccepted, retry })
    }
    const early = { early: true, resumed: true, earlyDataAccepted: true, retry: false }
    expect(seen).to.deep.equal([{ early: false, resumed: false, earlyDataAccepted: false, retry: true }, early, early])
  })

  it('sends 0-RTT twice when a Retry comes in between', async () => {
    const to = await serve(['--validate-addr'])
    const ticket = ['--ticket', folder.file('ticket-retry')]
    await fetch(to, ticket)
    const got = await fetch(to, ticket)
    expect(got.code, got.text).to.equal(0)
    expect(digest(got.out)).to.equal(body)
    expect(got.first('handshake')).to.include({ resumed: true, earlyDataAccepted: true, retry: true })
  })

  it('sends its request again when another server refuses 0-RTT', async () => {
    const ticket = ['--ticket', folder.file('ticket-refused')]
    const first = await serve()
    await fetch(first, ticket)
    const second = await serve()
    const got = await fetch(second, ticket)
    expect(got.code, got.text).to.equal(0)
    expect(got.first('early-data-rejected')).to.have.property('event', 'early-data-rejected')
    expect(got.first('handshake')).to.include({ resumed: false, earlyDataAccepted: false })
    expect(digest(got.out)).to.equal(body)
  })

  for (const congestion of ['cubic', 'bbr']) {
    it(`downloads while the server loses one packet in twenty, both ways (${congestion})`, () =>
      downloads(['--tx-loss=0.05', '--rx-loss=0.05'], ['--congestion', congestion]))
  }

  it('connects behind a Retry five times, with one packet in ten lost, both ways', async function () {
    // Five Initial packets in a row may be lost: then 15 s are over, and once in a thousand runs the time-outs below.
    this.retries(1)
    const to = await serve(['--validate-addr', '--tx-loss=0.1', '--rx-loss=0.1', '--handshake-timeout=30s'])
    for (let round = 0; round < 5; round++) {
      const got = await fetch(to, ['--handshake-timeout', '30'], '/small')
      expect(got.code, got.text).to.equal(0)
      expect(digest(got.out)).to.equal(digest(`${documents}/small`))
    }
  })

  it('gets a response before its request is complete, and trailers behind it', () =>
    downloads(['--early-response', '--send-trailers'], []))

  it('opens more streams than it may have at a time', async () => {
    const to = await serve(['--max-streams-bidi=7'])
    const got = await fetch(to, ['--requests', '100'], '/small')
    expect(got.code, got.text).to.equal(0)
    expect(events(got.said, 'response').map((one) => one['bytes'])).to.deep.equal(Array<number>(100).fill(10_000))
    for (const file of [got.out, `${got.out}.99`]) expect(digest(file)).to.equal(digest(`${documents}/small`))
  })

  it('keeps to the address that it has when the server would prefer another', async () => {
    const other = await freePort()
    const { path } = await downloads([`--preferred-ipv4-addr=127.0.0.1:${other}`], [])
    expect(path['remote']).not.to.equal(`127.0.0.1:${other}`)
  })

  it('gets a certificate chain that is larger than three of its packets', async () => {
    const large = await makeFolder(400)
    try {
      const got = await fetch(await serve([], large))
      expect(got.code, got.text).to.equal(0)
      expect(digest(got.out)).to.equal(body)
    } finally {
      large.remove()
    }
  })

  it('gets the same chain although one packet in ten is lost, both ways', async function () {
    this.retries(1)
    const large = await makeFolder(400)
    try {
      const to = await serve(['--tx-loss=0.1', '--rx-loss=0.1'], large)
      for (let round = 0; round < 5; round++) {
        const got = await fetch(to, ['--handshake-timeout', '30'], '/small')
        expect(got.code, got.text).to.equal(0)
      }
    } finally {
      large.remove()
    }
  })

  it('does not believe a certificate of somebody else', async () => {
    const other = await makeFolder()
    try {
      const got = await fetch({ ...(await serve()), cert: other.cert })
      expect(got.code).to.equal(1)
      expect(got.first('closed')).to.include({ cause: 'protocol error', application: false })
      expect(Number(got.first('closed')['code'])).to.be.within(0x100, 0x1ff)
    } finally {
      other.remove()
    }
  })

  it('says why, when the server wants a certificate of the client', async () => {
    const to = await serve(['--verify-client'])
    const got = await fetch(to)
    expect(got.code).to.equal(1)
    // 0x100 and the alert certificate_required (116).
    expect(got.first('closed')).to.include({ cause: 'peer', application: false, code: 0x174 })
    expect(existsSync(got.out) && digest(got.out) === body).to.equal(false)
  })

  it('says why, when they have no group in common', async () => {
    const got = await fetch(await serve(['--groups=-GROUP-ALL:+GROUP-SECP521R1']))
    // 0x100 and the alert handshake_failure (40).
    expect(got.first('closed')).to.include({ cause: 'peer', application: false, code: 0x128 })
  })
})
