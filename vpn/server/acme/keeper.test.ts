import { expect } from 'chai'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodeOf } from '../../exit-codes.js'
import { VpnError } from '../../errors.js'
import { AcmeTestServer } from '../../testing/acme-server.js'
import { watchCertificate } from '../certificate-watch.js'
import { AcmeKeeper } from './keeper.js'

const DAY_MS = 24 * 3600_000

describe('a certificate of a public authority', () => {
  let folder: string
  let authority: AcmeTestServer
  let messages: string[]
  let end: AbortController
  let keepers: AcmeKeeper[]
  let waits: number[]
  let random: number
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-acme-'))
    authority = await new AcmeTestServer().listen()
    authority.httpPort = await freePort()
    messages = []
    end = new AbortController()
    keepers = []
    waits = []
    random = 0
  })
  afterEach(async () => {
    end.abort()
    await Promise.all(keepers.map((keeper) => keeper.stop()))
    await authority.close()
    rmSync(folder, { recursive: true })
  })
  const state = (name: string) => join(folder, 'state', name)
  const settings = (more: object = {}) => ({
    acme: ['vpn.example.org', 'other.example.org'],
    acmeEmail: 'admin@example.org',
    acmeDirectory: authority.directory,
    acmeHttp: authority.httpPort,
    stateDir: join(folder, 'state'),
    ...more,
  })
  /** @param pace how long a wait is in truth; none of them ends unless it says so */
  async function start(more: object = {}, pace: (ms: number) => number = () => 2 ** 30): Promise<AcmeKeeper | null> {
    const tell = (message: string, fields?: object): void => void messages.push(`${message} ${JSON.stringify(fields)}`)
    const keeper = await AcmeKeeper.start(settings(more), {
      now: () => new Date(),
      log: { info: tell, warn: tell },
      signal: end.signal,
      random: () => random,
      pollMs: 5,
      pace: (ms) => {
        waits.push(ms)
        return pace(ms)
      },
    })
    if (keeper !== null) keepers.push(keeper)
    keeper?.renew()
    return keeper
  }
  /** The first wait of one that has a certificate is none: it looks at once. */
  const atOnce = (ms: number): number => (ms === 0 ? 0 : 2 ** 30)
  const failure = async (run: Promise<unknown>): Promise<Error> => {
    try {
      await run
    } catch (error) {
      return error as Error
    }
    throw new Error('did not fail')
  }
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const serial = () => new X509Certificate(readFileSync(state('acme.crt'))).serialNumber
  const orders = () => authority.asked.filter((resource) => resource === 'newOrder').length
  const expiring = () => ({
    notBefore: new Date(Date.now() - 70 * DAY_MS),
    notAfter: new Date(Date.now() + 20 * DAY_MS),
  })

  it('is ordered at the first start, for all names, and says what it waits for', async () => {
    const keeper = await start()
    const { certFile, keyFile, pin, selfSigned } = keeper!.certificate()
    expect([certFile, keyFile, selfSigned]).to.deep.equal([state('acme.crt'), state('acme.key'), false])
    const certificate = new X509Certificate(readFileSync(certFile))
    expect(pin).to.equal(certificate.fingerprint256.replaceAll(':', '').toLowerCase())
    expect(certificate.subjectAltName).to.equal('DNS:vpn.example.org, DNS:other.example.org')
    expect(authority.seen).to.have.length(2)
    expect(authority.contacts[0]).to.deep.equal(['mailto:admin@example.org'])
    expect(messages[0]).to.match(/^waiting for a certificate from 127\.0\.0\.1:\d+, which asks on TCP port \d+/)
    expect(messages[1]).to.match(/^got a certificate /)
  })

  it('is kept with its keys in files of the right modes, and nothing is left of the order', async () => {
    await start()
    const modes = ['acme.crt', 'acme.key', 'acme-account.key'].map((name) => statSync(state(name)).mode & 0o777)
    expect(modes).to.deep.equal([0o644, 0o600, 0o600])
    expect(() => statSync(state('acme.key.next'))).to.throw(/ENOENT/)
    expect(await freePort(authority.httpPort)).to.equal(authority.httpPort)
  })

  it('is not ordered again while most of its life is left', async () => {
    await start()
    const before = serial()
    await start({}, atOnce)
    // It has looked, and waits for half a day.
    await until(() => waits.length === 3)
    expect(waits.slice(1)).to.deep.equal([0, 0.9 * 12 * 3600_000])
    expect([orders(), serial()]).to.deep.equal([1, before])
  })

  it('is renewed with a new key and the same account when a third of its life is left, and the watch sees it', async () => {
    authority.life = expiring()
    const keeper = await start()
    const [before, key] = [serial(), readFileSync(state('acme.key'), 'utf8')]
    let uses = 0
    const { certFile, keyFile } = keeper!.certificate()
    const warn = (text: string): void => void messages.push(`warning: ${text}`)
    const watch = watchCertificate(
      [certFile, keyFile],
      async () => void (keeper!.certificate(), (uses += 1)),
      { warn },
      1,
    )
    await start({}, atOnce)
    await until(() => serial() !== before)
    await until(() => uses === 1)
    watch.stop()
    expect(readFileSync(state('acme.key'), 'utf8')).not.to.equal(key)
    expect([orders(), authority.accounts]).to.deep.equal([2, 1])
    expect(messages.join()).not.to.include('warning')
  })

  it('is ordered again for other names, and from another directory', async () => {
    await start()
    await start({ acme: ['third.example.org'] })
    expect(new X509Certificate(readFileSync(state('acme.crt'))).subjectAltName).to.equal('DNS:third.example.org')
    await start({ acme: ['third.example.org'], acmeDirectory: `${authority.url}/directory?other` })
    expect(orders()).to.equal(3)
  })

  it('is ordered again when it has expired', async () => {
    authority.life = { notBefore: new Date(Date.now() - 9 * DAY_MS), notAfter: new Date(Date.now() - DAY_MS) }
    await start()
    authority.life = { ...authority.life, notAfter: new Date(Date.now() + 90 * DAY_MS) }
    const keeper = await start()
    expect(orders()).to.equal(2)
    expect(keeper!.certificate().certFile).to.equal(state('acme.crt'))
  })

  it('is used with its key after a crash between the two', async () => {
    await start()
    renameSync(state('acme.key'), state('acme.key.next'))
    writeFileSync(state('acme.key'), 'of the one before')
    const keeper = await start().catch((error: unknown) => error as Error)
    expect(keeper).to.be.instanceOf(AcmeKeeper)
    expect(orders()).to.equal(1)
    expect((keeper as AcmeKeeper).certificate().keyFile).to.equal(state('acme.key'))
  })

  it('comes in spite of nonces that are refused', async () => {
    authority.badNonces = 3
    await start()
    expect(authority.badNonces).to.equal(0)
    expect(orders()).to.equal(1)
  })

  it('does not come, with the reason and what to do, when the authority cannot ask', async () => {
    authority.httpPort = await freePort()
    const closed = authority.httpPort
    const error = await failure(start({ acmeHttp: await freePort() }))
    expect(authority.httpPort).to.equal(closed)
    expect(error.message).to.match(
      /could not see http:\/\/\w+\.example\.org\/\.well-known\/acme-challenge\/… \(connection\)/,
    )
    expect(error.message).to.match(
      /Connection refused; TCP port \d+ of this host, .* has to be reachable from the internet/,
    )
    expect(exitCodeOf(error)).to.equal(1)
  })

  it('does not come, with the reason, when a rate limit is reached, and does not wait in silence', async () => {
    const problem = {
      type: 'urn:ietf:params:acme:error:rateLimited',
      detail: 'too many certificates (5) already issued',
    }
    authority.refuse = { resource: 'newOrder', status: 429, problem, headers: { 'retry-after': '3600' } }
    const error = await failure(start())
    expect(error).to.be.instanceOf(VpnError)
    expect(error.message).to.match(
      /127\.0\.0\.1:\d+ has had too many orders \(rate limit\): too many certificates \(5\) already issued; not before 60 min/,
    )
    expect(exitCodeOf(error)).to.equal(1)
    expect(orders()).to.equal(1)
  })

  it('does not come when the port is taken, and nobody is asked for anything', async () => {
    const taken = createServer()
    const port = await listen(taken, 0)
    const error = await failure(start({ acmeHttp: port }))
    taken.close()
    expect(error.message).to.match(/^TCP port \d+ is taken by another program, .*--acme-http/)
    expect(authority.asked).to.deep.equal([])
  })

  it('does not come from something that is no ACME server, or is not there', async () => {
    const page = await failure(start({ acmeDirectory: `${authority.url}/newNonce` }))
    expect(page.message).to.match(/\/newNonce is no ACME directory \(RFC 8555\); is --acme-directory right\?/)
    const gone = await failure(start({ acmeDirectory: `http://127.0.0.1:${await freePort()}/directory` }))
    expect(gone.message).to.match(/^127\.0\.0\.1:\d+ cannot be reached: .*ECONNREFUSED/)
  })

  it('stays as it is while the directory is not reachable, with a warning and ever longer waits', async () => {
    authority.life = expiring()
    await start()
    const before = serial()
    const acmeDirectory = authority.directory
    await authority.close()
    authority = await new AcmeTestServer().listen()
    waits = []
    // Every wait ends, until it has tried three times.
    const keeper = await start({ acmeDirectory, acmeHttp: await freePort() }, (ms) =>
      ms === 0 || waits.length <= 3 ? 0 : 2 ** 30,
    )
    await until(() => waits.length === 4)
    expect(waits).to.deep.equal([0, 15 * 60_000, 30 * 60_000, 60 * 60_000])
    const warnings = messages.filter((message) => message.startsWith('the certificate is not renewed'))
    expect(warnings).to.have.length(3)
    expect(warnings[0]).to.match(/, the old one serves until \d.*: 127\.0\.0\.1:\d+ cannot be reached/)
    expect(serial()).to.equal(before)
    expect(keeper!.certificate().certFile).to.equal(state('acme.crt'))
  })

  it('waits for a renewal as long as the authority asks for', async () => {
    authority.life = expiring()
    await start()
    const problem = { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'later' }
    authority.refuse = { resource: 'newOrder', status: 429, problem, headers: { 'retry-after': '86400' } }
    waits = []
    await start({}, atOnce)
    await until(() => waits.length === 2)
    expect(waits).to.deep.equal([0, 86_400_000])
  })

  it('is no longer waited for when the server is stopped, and the port is free again', async () => {
    // The authority asks for nothing, and never decides.
    const silent = createServer()
    const port = await listen(silent, 0)
    const starting = start({ acmeDirectory: `http://127.0.0.1:${port}/directory` })
    await new Promise((resolve) => silent.once('connection', resolve))
    end.abort()
    expect(await starting).to.equal(null)
    silent.close()
    expect(await freePort(authority.httpPort)).to.equal(authority.httpPort)
  })
})

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, () => resolve((server.address() as AddressInfo).port))
  })
}

/** @param port whether this one is; 0: any. Throws when it is not. */
async function freePort(port = 0): Promise<number> {
  const server = createServer()
  const found = await listen(server, port)
  await new Promise((resolve) => server.close(resolve))
  return found
}
