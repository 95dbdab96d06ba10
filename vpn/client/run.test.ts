import { expect } from 'chai'
import { EventEmitter } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clientSchema } from '../config/settings.js'
import { request } from '../control/request.js'
import { RefusedError, UsageError } from '../errors.js'
import { createLife, type Signals } from '../life.js'
import { createLog } from '../log.js'
import { FakeEngines } from '../testing/fake-engines.js'
import { runClient } from './run.js'

const KEY = 'mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4='

describe('a client', () => {
  let folder: string
  let engines: FakeEngines
  let process: EventEmitter
  let logged: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-client-'))
    engines = new FakeEngines()
    logged = ''
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const control = () => join(folder, 'c.sock')
  /** The one that was started last. */
  const stop = (): void => void process.emit('SIGTERM', 'SIGTERM')

  async function start(values: Record<string, unknown> = {}): Promise<void> {
    const defaults = { control: control(), stateDir: join(folder, 'state'), server: '203.0.113.1', authKey: KEY }
    const err = (text: string): void => void (logged += text)
    const log = createLog({ level: 'debug', format: 'text', colour: false, now: () => new Date(), out: err, err })
    process = new EventEmitter()
    const life = createLife(process as unknown as Signals, (text) => log.info(text))
    const about = { version: '1.2.3', pid: 42 }
    const lookup = () => Promise.resolve(['192.0.2.1'])
    await runClient(clientSchema.parse({ ...defaults, ...values }), {
      engines: () => engines,
      recoverRoutes: () => 0,
      runDirectory: folder,
      lookup,
      log,
      life,
      about,
    })
  }
  const failure = (run: Promise<unknown>): Promise<unknown> => run.catch((error: unknown) => error)

  it('answers at its control socket while it runs, and removes it', async () => {
    let reply: unknown
    engines.onClient = () => {
      void request(control(), { cmd: 'status' }).then((got) => {
        reply = got['status']
        stop()
      })
    }
    await start()
    expect(reply).to.deep.include({ role: 'client', version: '1.2.3', pid: 42 })
    expect(reply).to.have.property('session').that.includes({ state: 'connecting', server: '203.0.113.1:443' })
    expect(existsSync(control())).to.equal(false)
    expect(logged).not.to.include(KEY)
  })

  it('keeps tickets where only its owner can read them, or does without', async () => {
    engines.onClient = stop
    await start()
    expect(engines.clients[0]!.config.ticketFile).to.match(/state\/ticket-/)
    expect(statSync(join(folder, 'state')).mode & 0o777).to.equal(0o700)
    writeFileSync(join(folder, 'file'), '')
    await start({ stateDir: join(folder, 'file', 'x') })
    expect(engines.clients[1]!.config).not.to.have.property('ticketFile')
    expect(logged).to.match(/no session is kept.*--state-dir/)
  })

  it('needs a key', async () => {
    const error = await failure(start({ authKey: undefined }))
    expect(error)
      .to.be.instanceOf(UsageError)
      .with.property('message')
      .that.matches(/--auth-key-file.*MQVPN_AUTH_KEY/)
    expect(engines.clients).to.have.length(0)
  })

  it('warns loudly of --insecure, and says once what it leaves alone', async () => {
    engines.onClient = stop
    await start({ insecure: 'true' })
    expect(logged).to.match(/warn {2}--insecure: ANYBODY/)
  })

  it('refuses an authority file that is not there', async () => {
    expect(await failure(start({ ca: join(folder, 'none') }))).to.be.instanceOf(UsageError)
    expect(engines.clients).to.have.length(0)
  })

  it('leaves nothing behind when the server refuses it', async () => {
    engines.onClient = (client) =>
      client.emit({ type: 'closed', cause: 'refused', refusal: 'wrong-key', message: '401', retryable: false })
    expect(await failure(start())).to.be.instanceOf(RefusedError)
    expect(engines.clients[0]!.stopped).to.equal(1)
    expect(existsSync(control())).to.equal(false)
  })
})
