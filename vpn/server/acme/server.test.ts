import { expect } from 'chai'
import { EventEmitter } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverSchema } from '../../config/settings.js'
import { createLife, type Signals } from '../../life.js'
import { createLog } from '../../log.js'
import { AcmeTestServer } from '../../testing/acme-server.js'
import { FakeEngines } from '../../testing/fake-engines.js'
import { runServer } from '../run.js'

describe('a server with a certificate of a public authority', () => {
  let folder: string
  let authority: AcmeTestServer
  let engines: FakeEngines
  let process: EventEmitter
  let logged: string
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-acme-'))
    authority = await new AcmeTestServer().listen()
    authority.httpPort = await freePort()
    engines = new FakeEngines()
    logged = ''
  })
  afterEach(async () => {
    await authority.close()
    rmSync(folder, { recursive: true })
  })
  const stop = (): void => void process.emit('SIGTERM', 'SIGTERM')

  async function start(directory = authority.directory): Promise<void> {
    const settings = serverSchema.parse({
      control: join(folder, 'c.sock'),
      stateDir: join(folder, 'state'),
      authKey: 'a-key-of-the-test-1234',
      nat: 'false',
      acme: ['vpn.example.org'],
      acmeDirectory: directory,
      acmeHttp: `${authority.httpPort}`,
    })
    process = new EventEmitter()
    const take = (text: string): void => void (logged += text)
    const now = () => new Date()
    const log = createLog({ level: 'debug', format: 'text', colour: false, now, out: take, err: take })
    const life = createLife(process as unknown as Signals, take)
    const host = { recoverRoutes: () => 0, runDirectory: folder }
    await runServer(settings, { engines: () => engines, ...host, log, now, life, about: { version: '1', pid: 1 } })
  }

  it('starts with what it has ordered, and with the same again', async () => {
    engines.onServer = stop
    await start()
    await start()
    const used = engines.servers.map(({ config: { certFile, keyFile } }) => [certFile, keyFile])
    const files = ['acme.crt', 'acme.key'].map((name) => join(folder, 'state', name))
    expect(used).to.deep.equal([files, files])
    expect(readFileSync(files[0]!, 'utf8')).to.match(/BEGIN CERTIFICATE/)
    expect(authority.asked.filter((resource) => resource === 'newOrder')).to.have.length(1)
  })

  it('does not start when the order fails, and leaves nothing running', async () => {
    authority.httpPort = await freePort()
    const problem = { type: 'urn:ietf:params:acme:error:dns', detail: 'DNS problem: NXDOMAIN looking up A' }
    authority.refuse = { resource: 'newOrder', status: 400, problem }
    const error = await start().catch((reason: unknown) => reason as Error)
    expect(error)
      .to.have.property('message')
      .that.matches(/refuses \(dns\): DNS problem: NXDOMAIN looking up A/)
    expect(logged).to.match(/waiting for a certificate from 127\.0\.0\.1:\d+/)
    expect(engines.servers).to.have.length(0)
  })

  it('ends in peace when it is stopped while it waits', async () => {
    const silent = createServer(stop)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    await start(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/directory`)
    silent.close()
    expect(engines.servers).to.have.length(0)
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
