import { expect } from 'chai'
import { EventEmitter } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { runClient } from '../client/run.js'
import { clientSchema, serverSchema } from '../config/settings.js'
import { createLife, type Signals } from '../life.js'
import { createLog } from '../log.js'
import { runServer } from '../server/run.js'
import { FakeEngines } from '../testing/fake-engines.js'
import { ServiceManager } from './notify.js'
import { Observers } from './observers.js'

const KEY = 'mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4='

describe('a client and a server that are watched', () => {
  let folder: string
  let engines: FakeEngines
  let signals: EventEmitter
  let told: string[]
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-observers-'))
    engines = new FakeEngines()
    told = []
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  const socket = () => join(folder, 'm.sock')
  const stop = (): void => void signals.emit('SIGTERM', 'SIGTERM')

  /** As main.ts runs it. */
  async function run(side: 'client' | 'server', values: Record<string, string>): Promise<void> {
    const common = { control: join(folder, 'c.sock'), stateDir: folder, authKey: KEY, metrics: `unix:${socket()}` }
    const log = createLog({
      level: 'error',
      format: 'text',
      colour: false,
      now: () => new Date(),
      out: () => undefined,
      err: () => undefined,
    })
    signals = new EventEmitter()
    const life = createLife(signals as unknown as Signals, () => undefined)
    const service = new ServiceManager(
      { NOTIFY_SOCKET: '/n' },
      { send: (_, text) => void told.push(...text.split('\n')), log, pid: 1, monotonicUs: () => 1n },
    )
    const settings = { ...common, ...values }
    const [client, server] = [clientSchema, serverSchema]
    const metrics = (side === 'client' ? client : server).parse(settings).metrics ?? null
    const observers = new Observers(metrics, service, life, log)
    const deps = {
      engines: () => engines,
      recoverRoutes: () => 0,
      runDirectory: folder,
      log,
      life: observers.life,
      about: { version: '1.2.3', pid: 42 },
      observe: observers.observe.bind(observers),
    }
    try {
      if (side === 'client') await runClient(client.parse(settings), { ...deps, lookup: async () => ['192.0.2.1'] })
      else
        await runServer(server.parse(settings), {
          ...deps,
          now: () => new Date(),
          reload: () => server.parse(settings),
        })
    } finally {
      await observers.close()
    }
  }

  function scrape(): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: socket(), path: '/metrics', agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk)).on('end', () => resolve(text))
      })
      asked.on('error', reject)
      asked.end()
    })
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await sleep(5)
  }

  it('a client: metrics and readiness from the first attempt on, and nothing left', async () => {
    let text = ''
    engines.onClient = () => {
      void (async () => {
        text = await scrape()
        await until(() => told.includes('READY=1'))
        stop()
      })()
    }
    await run('client', { server: 'vpn' })
    expect(text).to.match(/mqvpn_info\{version="1\.2\.3",role="client"\} 1/)
    expect(text).to.include('mqvpn_connected 0')
    expect(told.slice(-2)).to.deep.equal(['STOPPING=1', 'STATUS=closing'])
    expect(existsSync(socket())).to.equal(false)
  })

  it('a server: ready when it listens', async () => {
    let before: string[] = []
    engines.onServer = (server) => {
      void (async () => {
        await until(() => told.includes('STATUS=starting'))
        before = [...told]
        server.emit({ type: 'listening', address: '192.0.2.1', port: 443, pin: 'ab' })
        await until(() => told.includes('READY=1'))
        expect(await scrape()).to.include('mqvpn_clients_limit 64')
        stop()
      })()
    }
    await run('server', {})
    expect(before).to.deep.equal(['STATUS=starting'])
    expect(told).to.include('STATUS=listening on 192.0.2.1:443, 0 of 64 clients')
  })

  it('a server: its reloads are told, from their beginning to their end', async () => {
    engines.onServer = (server) => {
      void (async () => {
        server.emit({ type: 'listening', address: '192.0.2.1', port: 443, pin: 'ab' })
        await until(() => told.includes('READY=1'))
        told = []
        signals.emit('SIGHUP', 'SIGHUP')
        await until(() => told.includes('READY=1'))
        stop()
      })()
    }
    await run('server', {})
    expect(told.slice(0, 3)).to.deep.equal(['RELOADING=1', 'MONOTONIC_USEC=1', 'READY=1'])
    // What it reloads with is told to the engine before the end of it.
    expect(engines.servers[0]!.commands).to.deep.include({ cmd: 'set-users', users: engines.servers[0]!.config.users })
  })

  it('nothing is started when the metrics cannot be served', async () => {
    const error = await run('client', { server: 'vpn', metrics: 'unix:/dev/null/m.sock' }).catch(
      (thrown: unknown) => thrown,
    )
    expect(error)
      .to.be.instanceOf(Error)
      .with.property('message')
      .that.matches(/^--metrics unix:\/dev\/null\/m\.sock: /)
    expect(engines.clients).to.have.length(0)
    expect(existsSync(join(folder, 'c.sock'))).to.equal(false)
    expect(told).to.deep.equal(['STOPPING=1', 'STATUS=closing'])
  })
})
