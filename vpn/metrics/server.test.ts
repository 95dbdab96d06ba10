import { expect } from 'chai'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UsageError, VpnError } from '../errors.js'
import type { Status } from '../status/render.js'
import type { MetricsEndpoint } from './endpoint.js'
import { MetricsServer, type MetricsLimits } from './server.js'

const status: Status = { role: 'client', version: '1.2.3', pid: 1, uptimeSeconds: 5, tun: null, connections: [] }
const LOOPBACK = { kind: 'tcp', address: '127.0.0.1', port: 0 } as const

interface Answer {
  code: number | undefined
  type: string | undefined
  text: string
}

describe('the metrics server', () => {
  let folder: string
  let running: MetricsServer[]
  let warnings: string[]
  let answer: () => Promise<Status>
  const log = { debug: () => undefined, info: () => undefined, warn: (text: string) => void warnings.push(text) }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-metrics-'))
    running = []
    warnings = []
    answer = () => Promise.resolve(status)
  })
  afterEach(async () => {
    await Promise.all(running.map((server) => server.close()))
    rmSync(folder, { recursive: true })
  })

  async function listen(endpoint: MetricsEndpoint = LOOPBACK, limits?: MetricsLimits): Promise<MetricsServer> {
    const server = await MetricsServer.listen(endpoint, () => answer(), log, limits)
    running.push(server)
    return server
  }

  const where = ({ endpoint }: MetricsServer) =>
    endpoint.kind === 'unix' ? { socketPath: endpoint.path } : { host: endpoint.address, port: endpoint.port }

  function ask(server: MetricsServer, { path = '/metrics', method = 'GET', headers = {} } = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = request({ ...where(server), path, method, headers, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ code: response.statusCode, type: response.headers['content-type'], text }))
        response.on('error', reject)
      })
      asked.on('error', reject)
      asked.end()
    })
  }

  /** What comes back for these bytes, until the other side closes. */
  function say(server: MetricsServer, text: string): Promise<string> {
    return new Promise((resolve) => {
      let got = ''
      const socket: Socket = createConnection(where(server) as { host: string; port: number })
      socket.on('connect', () => socket.write(text))
      socket.on('data', (chunk: Buffer) => (got += chunk.toString('latin1')))
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(got))
    })
  }

  it('serves /metrics on a port and on a socket, in the format that Prometheus reads', async () => {
    const servers = [await listen(), await listen({ kind: 'unix', path: join(folder, 'run', 'm.sock') })]
    for (const server of servers) {
      const { code, type, text } = await ask(server)
      expect({ code, type }).to.deep.equal({ code: 200, type: 'text/plain; version=0.0.4; charset=utf-8' })
      expect(text).to.include('mqvpn_info{version="1.2.3",role="client"} 1\n')
    }
    expect(warnings).to.deep.equal([])
  })

  it('serves nothing else', async () => {
    const server = await listen()
    expect(await ask(server, { path: '/' })).to.include({ code: 404, text: 'there is only /metrics here\n' })
    expect((await ask(server, { path: '/metrics/../secret' })).code).to.equal(404)
    expect((await ask(server, { path: '/metrics?x=1' })).code).to.equal(200)
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      expect((await ask(server, { method })).code, method).to.equal(405)
    }
    expect(await ask(server, { method: 'HEAD' })).to.include({ code: 200, text: '' })
    expect(await say(server, 'no HTTP at all\r\n\r\n')).to.match(/^HTTP\/1\.1 400 /)
  })

  it('does not answer a browser that was led to loopback under a foreign name', async () => {
    const server = await listen()
    expect((await ask(server, { headers: { host: 'evil.example:9100' } })).code).to.equal(403)
    for (const host of ['localhost:9100', '127.0.0.1', '[::1]:9100']) {
      expect((await ask(server, { headers: { host } })).code, host).to.equal(200)
    }
  })

  it('says why there is no status, and asks again the next time', async () => {
    const server = await listen(LOOPBACK, { connections: 4, requestMs: 5000, statusMs: 30 })
    answer = () => Promise.reject(new VpnError('the server is starting, or stopping'))
    expect(await ask(server)).to.include({ code: 503, text: 'the server is starting, or stopping\n' })
    let release: (value: Status) => void = () => undefined
    answer = () => new Promise((resolve) => (release = resolve))
    expect(await ask(server)).to.include({ code: 503, text: 'no status within 0.03 s\n' })
    release(status)
    answer = () => Promise.resolve(status)
    expect((await ask(server)).code).to.equal(200)
  })

  it('asks the engine once for many who ask at the same time', async () => {
    const server = await listen()
    let asked = 0
    let release: (value: Status) => void = () => undefined
    answer = () => {
      asked += 1
      return new Promise((resolve) => (release = resolve))
    }
    let arrived = 0
    server.server.prependListener('request', () => {
      arrived += 1
      if (arrived === 5) setImmediate(() => release(status))
    })
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(server)))
    expect(answers.map(({ code }) => code)).to.deep.equal([200, 200, 200, 200, 200])
    expect(asked).to.equal(1)
  })

  it('refuses headers without end, and closes on who is slow', async () => {
    const server = await listen(LOOPBACK, { connections: 4, requestMs: 100, statusMs: 100 })
    expect(await say(server, `GET /metrics HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`)).to.match(/^HTTP\/1\.1 431 /)
    // Each of them never ends its request; that the conversation ends is what is tested.
    expect(await say(server, 'GET /metrics HTTP/1.1\r\nHost: 127')).to.match(/^(HTTP\/1\.1 408 |$)/)
    expect(await say(server, '')).to.match(/^(HTTP\/1\.1 408 |$)/)
  })

  it('takes no more connections than it may have, and goes on when they are gone', async () => {
    const server = await listen(LOOPBACK, { connections: 2, requestMs: 5000, statusMs: 5000 })
    const held = [1, 2].map(() => createConnection(where(server) as { host: string; port: number }))
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.on('connect', resolve))))
    // The two are connected for the kernel; the server must have taken them as well.
    await ask(server).catch(() => undefined)
    const error = await ask(server).catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(Error)
    for (const socket of held) socket.destroy()
    for (;;) {
      const last = await ask(server).catch(() => null)
      if (last?.code === 200) break
    }
  })

  it('warns when the network can read it', async () => {
    await listen({ kind: 'tcp', address: '0.0.0.0', port: 0 })
    expect(warnings).to.have.length(1)
    expect(warnings[0]).to.match(/^--metrics 0\.0\.0\.0:\d+: everybody who reaches this address/)
  })

  it('takes the place of a dead socket, but of nothing else, and goes with its own', async () => {
    const path = join(folder, 'm.sock')
    const file = join(folder, 'file')
    writeFileSync(file, 'mine')
    const server = await listen({ kind: 'unix', path })
    expect(statSync(path).mode & 0o777).to.equal(0o660)
    const second = await listen({ kind: 'unix', path }).catch((thrown: unknown) => thrown)
    expect(second)
      .to.be.instanceOf(UsageError)
      .with.property('message')
      .that.matches(/another program listens there/)
    const third = await listen({ kind: 'unix', path: file }).catch((thrown: unknown) => thrown)
    expect(third)
      .to.be.instanceOf(UsageError)
      .with.property('message')
      .that.matches(/exists and is no socket/)
    await server.close()
    await server.close()
    expect([existsSync(path), existsSync(file)]).to.deep.equal([false, true])
  })

  it('says which port is taken', async () => {
    const { endpoint } = await listen()
    const error = await listen(endpoint).catch((thrown: unknown) => thrown)
    expect(error)
      .to.be.instanceOf(VpnError)
      .with.property('message')
      .that.matches(/^--metrics 127\.0\.0\.1:\d+: another program/)
  })
})
