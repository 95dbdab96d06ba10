/**
 * aioquic (Python) against our server, and our client against aioquic, on the loopback device. pip installs it into
 * build/interop-venv; without pip or the network the tests are left out.
 *
 *   npm run test:interop -- --grep aioquic
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'
import { BODY_BYTES, digest, freePort, makeFolder, NAME, ourBody, type Folder } from './support/files.js'
import { needs, ourPeer, Peer, root, stopAll, type Said } from './support/peer.js'

const VERSION = '1.7.2'
const environment = `${root}/build/interop-venv`
const python = `${environment}/bin/python`
const script = fileURLToPath(new URL('aioquic_peer.py', import.meta.url))

/** Whether aioquic is there, after an attempt to install it. */
async function hasAioquic(): Promise<boolean> {
  const works = async () =>
    existsSync(python) && !(await execa(python, ['-c', 'import aioquic.h3.connection'], { reject: false })).failed
  if (await works()) return true
  const made = await execa('python3', ['-m', 'venv', environment], { reject: false, timeout: 60_000 })
  if (!made.failed)
    await execa(python, ['-m', 'pip', 'install', '--quiet', `aioquic==${VERSION}`], { reject: false, timeout: 180_000 })
  return works()
}

describe('aioquic', function () {
  this.timeout(60_000)
  this.retries(0)
  let folder: Folder

  before(async function () {
    this.timeout(300_000)
    needs(this, 'mqvpn-interop-peer is not built (npm run test:native builds it)', ourPeer !== undefined)
    needs(this, `pip cannot install aioquic ${VERSION} (Debian: python3-venv)`, await hasAioquic())
    folder = await makeFolder()
  })
  afterEach(stopAll)
  after(() => {
    folder?.remove()
  })

  const named = (said: readonly Said[], name: string) => said.filter((one) => one.event === name)
  const state = (said: readonly Said[]) => {
    const handshake = named(said, 'handshake')[0]
    return { resumed: handshake?.['resumed'], earlyDataAccepted: handshake?.['earlyDataAccepted'] }
  }

  describe('as client of our server', () => {
    async function serve(args: readonly string[] = []) {
      const port = await freePort()
      const ours = ['server', '--listen', `127.0.0.1:${port}`, '--cert', folder.cert, '--key', folder.key]
      const server = new Peer([ourPeer!, ...ours, ...args])
      await server.event('listening')
      return { server, port }
    }

    async function fetch(port: number, args: readonly string[]) {
      const where = ['--port', String(port), '--ca', folder.cert, '--name', NAME, '--get', `/${BODY_BYTES}`]
      const got = await new Peer([python, script, 'client', ...where, ...args]).end()
      expect(got.code, got.text).to.equal(0)
      expect(named(got.said, 'done')[0]).to.include({
        status: 200,
        bytes: BODY_BYTES,
        sha256: digest(ourBody(BODY_BYTES)),
      })
      return got
    }

    async function downloads(serverArgs: readonly string[], clientArgs: readonly string[]) {
      const { server, port } = await serve(serverArgs)
      const got = await fetch(port, clientArgs)
      const closed = await server.event('closed')
      expect(closed).to.include({ cause: 'peer', code: 0 })
      expect(closed['stats']).to.include({ malformed: 0, undecryptable: 0 })
      return { got, server }
    }

    it('downloads 3 MB intact', () => downloads([], []))

    it('updates the keys', async () => {
      const { server } = await downloads([], ['--key-update'])
      expect(named(server.said, 'key-update')).to.deep.equal([{ event: 'key-update', local: false, phase: 1 }])
    })

    it('follows our key update', async () => {
      const { server } = await downloads(['--key-update-after', '500000'], [])
      expect(named(server.said, 'key-update')).to.deep.equal([{ event: 'key-update', local: true, phase: 1 }])
    })

    it('changes connection IDs', () => downloads([], ['--change-id']))

    it('answers our Retry', async () => {
      const { server } = await downloads(['--retry'], [])
      expect(named((await server.stop()).said, 'stopped')[0]).to.include({ retries: 1 })
    })

    for (const cipher of ['AES_128_GCM_SHA256', 'AES_256_GCM_SHA384', 'CHACHA20_POLY1305_SHA256']) {
      it(`speaks ${cipher}`, async () => {
        const { got } = await downloads([], ['--cipher', cipher])
        expect(named(got.said, 'handshake')[0]).to.include({ cipher })
      })
    }

    it('sends its request with 0-RTT', async () => {
      const { server, port } = await serve()
      const ticket = ['--ticket', folder.file('ticket')]
      expect(state((await fetch(port, ticket)).said)).to.deep.equal({ resumed: false, earlyDataAccepted: false })
      expect(state((await fetch(port, ticket)).said)).to.deep.equal({ resumed: true, earlyDataAccepted: true })
      expect(named(server.said, 'request').map((one) => one['handshakeComplete'])).to.deep.equal([true, false])
    })

    it('comes back with version 1 after our Version Negotiation', async () => {
      const { server } = await downloads([], ['--version-2-first'])
      expect(named((await server.stop()).said, 'stopped')[0]).to.include({ versionNegotiations: 1 })
    })
  })

  describe('as server of our client', () => {
    let count = 0

    async function serve(args: readonly string[] = []) {
      const port = await freePort()
      const options = ['--port', String(port), '--cert', folder.cert, '--key', folder.key]
      const server = new Peer([python, script, 'server', ...options, ...args])
      await server.event('listening')
      return { server, port }
    }

    async function fetch(port: number, args: readonly string[]) {
      const out = folder.file(`aioquic-${++count}`)
      const where = ['--connect', `127.0.0.1:${port}`, '--name', NAME, '--ca', folder.cert]
      const what = ['--get', `/${BODY_BYTES}`, '--out', out]
      return { ...(await new Peer([ourPeer!, 'client', ...where, ...what, ...args]).end()), out }
    }

    async function downloads(serverArgs: readonly string[], clientArgs: readonly string[]) {
      const { server, port } = await serve(serverArgs)
      const got = await fetch(port, clientArgs)
      expect(got.code, got.text).to.equal(0)
      expect(digest(got.out)).to.equal((await server.event('request'))['sha256'])
      expect(named(got.said, 'closed')[0]?.['stats']).to.include({ malformed: 0, undecryptable: 0 })
      expect(await server.event('closed')).to.include({ code: 0x100, reason: 'done' })
      return { got, server }
    }

    it('downloads 3 MB intact', () => downloads([], []))

    it('updates the keys', async () => {
      const { got } = await downloads([], ['--key-update-after', '500000'])
      expect(named(got.said, 'key-update')).to.deep.equal([{ event: 'key-update', local: true, phase: 1 }])
    })

    it('answers a Retry', async () => {
      const { got } = await downloads(['--retry'], [])
      expect(named(got.said, 'handshake')[0]).to.include({ retry: true })
    })

    it('moves to another address in the middle', async () => {
      const { got } = await downloads([], ['--migrate-after', '500000'])
      expect(named(got.said, 'path').map((one) => one['state'])).to.deep.equal(['migrated', 'validated'])
    })

    it('is moved by a NAT in the middle', () => downloads([], ['--rebind-after', '500000']))

    for (const cipher of ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305']) {
      it(`speaks ${cipher}`, async () => {
        const { server } = await downloads([], ['--priority', `-CIPHER-ALL:+${cipher}`])
        expect(String((await server.event('handshake'))['cipher'])).to.match(
          new RegExp(`^${cipher.replaceAll('-', '_')}`),
        )
      })
    }

    it('sends its request with 0-RTT', async () => {
      const { server, port } = await serve()
      const ticket = ['--ticket', folder.file('our-ticket')]
      expect(state((await fetch(port, ticket)).said)).to.deep.equal({ resumed: false, earlyDataAccepted: false })
      const again = await fetch(port, ticket)
      expect(state(again.said)).to.deep.equal({ resumed: true, earlyDataAccepted: true })
      expect(digest(again.out)).to.equal(named(server.said, 'request')[1]?.['sha256'])
    })

    it('gives up at once when the server has no version of ours', async () => {
      const { port } = await serve(['--version-2-only'])
      const got = await fetch(port, [])
      expect(got.code).to.equal(1)
      expect(named(got.said, 'closed')[0]).to.include({ cause: 'version mismatch' })
      expect(Number(named(got.said, 'done')[0]?.['milliseconds'])).to.be.lessThan(1000)
    })
  })
})
