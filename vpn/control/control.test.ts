import { expect } from 'chai'
import fc from 'fast-check'
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createConnection, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError, VpnError } from '../errors.js'
import { findControl } from './paths.js'
import { answer, REQUEST_LIMIT_BYTES, type Controlled } from './protocol.js'
import { request } from './request.js'
import { ControlServer } from './server.js'

const quiet = { debug: () => undefined, warn: () => undefined }

describe('the control socket', () => {
  let folder: string
  let path: string
  let open: ControlServer | null
  const controlled: Controlled = {
    status: async () => ({ role: 'server', connections: [] }),
    command: async (message) => ({ ok: true, did: message.cmd }),
  }
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-control-'))
    path = join(folder, 'run', 'tun.sock')
    open = null
  })
  afterEach(async () => {
    await open?.close()
    rmSync(folder, { recursive: true })
  })
  const listen = async (limits?: Parameters<typeof ControlServer.listen>[3], what = controlled) =>
    (open = await ControlServer.listen(path, what, quiet, limits))
  const failure = (run: Promise<unknown>): Promise<Error> =>
    run.then(
      () => {
        throw new Error('did not fail')
      },
      (error: unknown) => error as Error,
    )

  it('answers, and only its owner may ask', async () => {
    await listen()
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    expect(await request(path, { cmd: 'status' })).to.deep.equal({
      ok: true,
      status: { role: 'server', connections: [] },
    })
    expect(await request(path, { cmd: 'disconnect', id: 3 })).to.deep.equal({ ok: true, did: 'disconnect' })
  })

  it('is gone when it is closed, twice if need be', async () => {
    const control = await listen()
    await control.close()
    await control.close()
    expect(readdirSync(join(folder, 'run'))).to.deep.equal([])
    expect((await failure(request(path, { cmd: 'status' }))).message).to.match(/no mqvpn runs here under this name/)
  })

  it('can be removed at once, but not when it is another program’s', async () => {
    const control = await listen()
    control.removeFile()
    expect(existsSync(path)).to.equal(false)
    writeFileSync(path, 'theirs')
    control.removeFile()
    expect(existsSync(path)).to.equal(true)
  })

  it('replaces what a crash left', async () => {
    mkdirSync(join(folder, 'run'))
    await leaveStaleSocket(path)
    expect(lstatSync(path).isSocket()).to.equal(true)
    expect((await failure(request(path, {}))).message).to.match(/nobody listens there/)
    await listen()
    expect((await request(path, { cmd: 'status' })).ok).to.equal(true)
  })

  it('does not take the place of one that answers, or of a file', async () => {
    await listen()
    const error = await failure(ControlServer.listen(path, controlled, quiet))
    expect(error).to.be.instanceOf(UsageError)
    expect(error.message).to.match(/another mqvpn with this TUN name is running.*--tun-name/)
    expect((await request(path, { cmd: 'status' })).ok).to.equal(true)
    const file = join(folder, 'file')
    writeFileSync(file, 'x')
    expect((await failure(ControlServer.listen(file, controlled, quiet))).message).to.match(/exists and is no socket/)
    expect(await failure(ControlServer.listen(join(file, 'x'), controlled, quiet))).to.be.instanceOf(VpnError)
  })

  it('serves many at once, each as many requests as it likes, in order', async () => {
    await listen()
    const talks = Array.from({ length: 20 }, async (_, i) => {
      const { socket, lines } = await talk(path)
      for (let j = 0; j < 10; j++) socket.write(`{"cmd":"${j % 2 === 0 ? 'status' : 'disconnect'}","id":${i}}\n`)
      const replies = await lines(10)
      expect(replies.map((reply) => 'did' in reply)).to.deep.equal(Array.from({ length: 10 }, (_, j) => j % 2 === 1))
      socket.destroy()
    })
    await Promise.all(talks)
  })

  it('answers a request that ends with the connection instead of a newline', async () => {
    await listen()
    const { socket, lines } = await talk(path)
    socket.end('{"cmd":"status"}')
    expect((await lines(1))[0]).to.include({ ok: true })
  })

  it('answers what it does not understand, and goes on', async () => {
    await listen()
    const { socket, lines } = await talk(path)
    socket.write('{\n[]\nnull\n{"cmd":7}\n{"cmd":"stauts"}\n\n{"cmd":"status"}\n')
    const replies = await lines(6)
    expect(replies.slice(0, 5).every(({ ok }) => !ok)).to.equal(true)
    expect(replies[4]).to.deep.equal({ ok: false, error: 'unknown cmd "stauts"; did you mean "status"?' })
    expect(replies[5]).to.include({ ok: true })
    socket.destroy()
  })

  it('ends a conversation whose request is too long', async () => {
    await listen()
    const { socket, lines, ended } = await talk(path)
    socket.write('x'.repeat(REQUEST_LIMIT_BYTES * 20))
    expect((await lines(1))[0]).to.deep.equal({ ok: false, error: 'a request has at most 4096 bytes' })
    await ended
    expect((await request(path, { cmd: 'status' })).ok).to.equal(true)
  })

  it('ends one that says nothing', async () => {
    await listen({ connections: 4, idleMs: 30 })
    const { ended } = await talk(path)
    await ended
  })

  it('tells one too many, and has room again when another leaves', async () => {
    await listen({ connections: 2, idleMs: 10_000 })
    const first = await talk(path)
    first.socket.write('{"cmd":"status"}\n')
    await first.lines(1)
    const second = await talk(path)
    second.socket.write('{"cmd":"status"}\n')
    await second.lines(1)
    expect(await request(path, { cmd: 'status' })).to.deep.equal({
      ok: false,
      error: 'too many connections; 2 are the most',
    })
    first.socket.destroy()
    await first.ended
    while (!(await request(path, { cmd: 'status' })).ok) await new Promise((resolve) => setImmediate(resolve))
    second.socket.destroy()
  })

  it('answers with the error when the engine fails', async () => {
    await listen(undefined, { ...controlled, status: () => Promise.reject(new Error('the engine is gone')) })
    expect(await request(path, { cmd: 'status' })).to.deep.equal({ ok: false, error: 'the engine is gone' })
  })

  it('does not make the one who asks wait for ever', async () => {
    await listen(undefined, { ...controlled, status: () => new Promise(() => undefined) })
    expect((await failure(request(path, { cmd: 'status' }, 30))).message).to.match(/no answer within 0.03 s/)
  })

  it('answers any line with an object that says whether it is ok', async () => {
    const line = fc.oneof(
      fc.string(),
      fc.json(),
      fc.record({ cmd: fc.string() }).map((value) => JSON.stringify(value)),
    )
    await fc.assert(
      fc.asyncProperty(line, async (text) => {
        expect(await answer(text, controlled))
          .to.have.property('ok')
          .that.is.a('boolean')
      }),
    )
  })

  it('is found by name, as mqvpn0, or as the only one', () => {
    expect(() => findControl(null, folder)).to.throw(VpnError, /no mqvpn is running here/)
    expect(() => findControl(null, join(folder, 'none'))).to.throw(VpnError, /no mqvpn is running here/)
    expect(findControl('x', folder)).to.equal(join(folder, 'x.sock'))
    writeFileSync(join(folder, 'a.sock'), '')
    expect(findControl(null, folder)).to.equal(join(folder, 'a.sock'))
    writeFileSync(join(folder, 'b.sock'), '')
    expect(() => findControl(null, folder)).to.throw(UsageError, /several run here: a, b; choose one with --name/)
    writeFileSync(join(folder, 'mqvpn0.sock'), '')
    expect(findControl(null, folder)).to.equal(join(folder, 'mqvpn0.sock'))
  })
})

interface Talk {
  socket: Socket
  /** Resolves with that many more answers. */
  lines: (count: number) => Promise<{ ok: boolean }[]>
  ended: Promise<void>
}

async function talk(path: string): Promise<Talk> {
  const socket = createConnection(path)
  const received: string[] = []
  let rest = ''
  let wake = (): void => undefined
  socket.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    received.push(...parts)
    wake()
  })
  // A connection that the server ends while we still write is reset.
  socket.on('error', () => undefined)
  const ended = new Promise<void>((resolve) => socket.on('close', () => resolve()))
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  return {
    socket,
    ended,
    lines: async (count) => {
      while (received.length < count) await new Promise<void>((resolve) => (wake = resolve))
      return received.splice(0, count).map((line) => JSON.parse(line) as { ok: boolean })
    },
  }
}

/** A socket file whose owner is gone, as after SIGKILL. */
async function leaveStaleSocket(path: string): Promise<void> {
  const { rename } = await import('node:fs/promises')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(`${path}.x`, () => resolve()))
  // Closing removes the file under its own name only.
  await rename(`${path}.x`, path)
  await new Promise<void>((resolve) => server.close(() => resolve()))
}
