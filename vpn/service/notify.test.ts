import { expect } from 'chai'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Status } from '../status/render.js'
import { ServiceManager } from './notify.js'

const listening = { address: '0.0.0.0', port: 443, pin: 'ab', maxClients: 64 }
const server: Status = { role: 'server', version: '1', pid: 7, uptimeSeconds: 1, tun: null, connections: [], listening }
const client: Status = {
  ...server,
  role: 'client',
  listening: null,
  session: { state: 'connecting', server: 'vpn:443', attempts: 1, retryInSeconds: null, lastProblem: null },
}

describe('the service manager', () => {
  let told: string[]
  let warnings: string[]
  let managers: ServiceManager[]
  beforeEach(() => {
    told = []
    warnings = []
    managers = []
  })
  // So that no timer of one test asks during the next.
  afterEach(() => managers.forEach((manager) => manager.stopping()))

  function manager(env: NodeJS.ProcessEnv, send = (path: string, text: string) => void told.push(`${path} ${text}`)) {
    const log = { debug: () => undefined, warn: (text: string) => void warnings.push(text) }
    const made = new ServiceManager(env, { send, log, pid: 7, monotonicUs: () => 123_456n })
    managers.push(made)
    return made
  }

  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await sleep(5)
  }

  it('is told nothing when there is none', async () => {
    const none = manager({ WATCHDOG_USEC: '10000' })
    let asked = 0
    none.watch(async () => {
      asked += 1
      return server
    })
    await none.reload(async () => undefined)
    none.stopping()
    await sleep(20)
    expect({ told, asked, active: none.active }).to.deep.equal({ told: [], asked: 0, active: false })
  })

  it('hears that a server is ready when it listens, and not before', async () => {
    let now: () => Promise<Status> = () => Promise.reject(new Error('the server is starting'))
    let asked = 0
    manager({ NOTIFY_SOCKET: '/n' }).watch(() => {
      asked += 1
      return now()
    })
    await until(() => asked === 2)
    now = async () => ({ ...server, listening: null })
    await until(() => asked === 4)
    expect(told.join()).not.to.include('READY')
    now = async () => server
    await until(() => told.length === 2)
    expect(told).to.deep.equal(['/n STATUS=starting', '/n READY=1\nSTATUS=listening on 0.0.0.0:443, 0 of 64 clients'])
    expect(warnings).to.deep.equal([])
  })

  it('hears that a client is ready when it begins, connected or not', async () => {
    manager({ NOTIFY_SOCKET: '@n' }).watch(async () => client)
    await until(() => told.length === 1)
    expect(told).to.deep.equal(['@n READY=1\nSTATUS=connecting to vpn:443'])
  })

  it('hears again and again while the engine answers, and nothing while it does not', async () => {
    let answers = true
    let asked = 0
    manager({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '20000', WATCHDOG_PID: '7' }).watch(() => {
      asked += 1
      return answers ? Promise.resolve(client) : Promise.reject(new Error('the engine is gone'))
    })
    await until(() => told.length >= 4)
    expect(told.slice(0, 3)).to.deep.equal([
      '/n READY=1\nSTATUS=connecting to vpn:443\nWATCHDOG=1',
      '/n WATCHDOG=1',
      '/n WATCHDOG=1',
    ])
    answers = false
    const [before, asks] = [told.length, asked]
    await until(() => asked >= asks + 4)
    // One answer may have been on its way.
    expect(told.length - before).to.be.at.most(1)
    expect(warnings).to.have.length(1)
    expect(warnings[0]).to.match(/the engine is gone; if that stays so, systemd ends this process/)
    answers = true
    const silent = told.length
    await until(() => told.length > silent)
    expect(told.at(-1)).to.equal('/n WATCHDOG=1')
  })

  it('is not fed by an engine that never answers', async () => {
    let asked = 0
    manager({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '20000' }).watch(() => {
      asked += 1
      return asked === 1 ? Promise.resolve(client) : new Promise(() => undefined)
    })
    await until(() => warnings.length === 1)
    expect(told).to.have.length(1)
    expect(warnings[0]).to.match(/the engine does not answer/)
  })

  it('is not fed on behalf of another process, nor for a time that is no number', async () => {
    for (const env of [
      { WATCHDOG_USEC: '20000', WATCHDOG_PID: '8' },
      { WATCHDOG_USEC: 'soon' },
      { WATCHDOG_USEC: '0' },
    ]) {
      manager({ NOTIFY_SOCKET: '/n', ...env }).watch(async () => client)
    }
    await until(() => told.length === 3)
    await sleep(30)
    expect(told.join()).not.to.include('WATCHDOG')
  })

  it('hears of a reload when it begins and when it ends, well or not', async () => {
    const one = manager({ NOTIFY_SOCKET: '/n' })
    expect(await one.reload(async () => told.push('work'))).to.equal(2)
    const error = await one
      .reload(() => Promise.reject(new Error('line 3 is wrong')))
      .catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(Error).with.property('message', 'line 3 is wrong')
    const begin = '/n RELOADING=1\nMONOTONIC_USEC=123456'
    expect(told).to.deep.equal([begin, 'work', '/n READY=1', begin, '/n READY=1'])
  })

  it('hears once that it stops, and nothing after it', async () => {
    const one = manager({ NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '2000' })
    one.watch(async () => client)
    await until(() => told.length >= 1)
    one.stopping()
    one.stopping()
    const after = told.indexOf('/n STOPPING=1\nSTATUS=closing')
    await sleep(30)
    expect(told.slice(after)).to.have.length(1)
  })

  it('takes its variables away from the programs that mqvpn starts, and survives a socket that is gone', async () => {
    const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/n', WATCHDOG_USEC: '1000000', WATCHDOG_PID: '7', PATH: '/bin' }
    let sent = 0
    const one = manager(env, () => {
      sent += 1
      throw new Error('ENOENT')
    })
    expect(env).to.deep.equal({ PATH: '/bin' })
    one.watch(async () => client)
    await until(() => sent === 1)
    one.stopping()
    expect(sent).to.equal(2)
    expect(warnings).to.deep.equal(['NOTIFY_SOCKET /n did not take READY=1: ENOENT'])
  })
})
