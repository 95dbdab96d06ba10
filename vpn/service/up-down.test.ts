import { expect } from 'chai'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { UsageError, VpnError } from '../errors.js'
import { down } from './down.js'
import { startTimeOf } from './process.js'
import { systemdOf, type Systemd } from './systemd.js'
import { up } from './up.js'

const COMMAND = [
  process.execPath,
  '--import',
  import.meta.resolve('tsx'),
  fileURLToPath(new URL('../testing/fake-client.ts', import.meta.url)),
]

describe('mqvpn up and mqvpn down', function () {
  this.timeout(30_000)
  let folder: string
  let said: string[]
  let abort: AbortController

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-up-'))
    said = []
    abort = new AbortController()
    mkdirSync(join(folder, 'etc'))
    configure('client')
  })
  afterEach(async () => {
    const pid = pidOf('client')
    if (pid !== null && startTimeOf(pid) !== null) process.kill(pid, 'SIGKILL')
    while (pid !== null && startTimeOf(pid) !== null) await sleep(10)
    rmSync(folder, { recursive: true })
  })

  /** Control is a flag: in a file the TUN device's name decides, and that socket would be in /run/mqvpn. */
  function configure(name: string, extra = ''): void {
    const text = `[Server]\nAddress = vpn\n[Interface]\nControlSocket = ${join(folder, 'c.sock')}\n${extra}`
    writeFileSync(join(folder, 'etc', `${name}.conf`), text, { mode: 0o600 })
  }

  const places = () => ({ config: join(folder, 'etc'), run: join(folder, 'run'), log: join(folder, 'log') })
  const pidFile = (name: string) => join(folder, 'run', `${name}.pid`)

  function pidOf(name: string): number | null {
    if (!existsSync(pidFile(name))) return null
    return (JSON.parse(readFileSync(pidFile(name), 'utf8')) as { pid: number }).pid
  }

  function start(does: string, { name = 'client', waitMs = 20_000, systemd = null as Systemd | null } = {}) {
    return up(name, {
      places: places(),
      systemd,
      command: COMMAND,
      env: { ...process.env, FAKE_CLIENT: does, NOTIFY_SOCKET: '/n' },
      say: (line) => void said.push(line),
      signal: abort.signal,
      waitMs,
    })
  }

  const stop = (name = 'client', systemd: Systemd | null = null, stopLimitMs = 10_000) =>
    down(name, { places: places(), systemd, env: process.env, say: (line) => void said.push(line), stopLimitMs })

  const failure = async (run: Promise<unknown>): Promise<Error> => {
    const thrown = await run.then(
      () => null,
      (error: unknown) => error,
    )
    if (!(thrown instanceof Error)) throw new Error('did not fail')
    return thrown
  }

  it('starts a client, says that it is connected, and ends it', async () => {
    expect(await start('connect')).to.equal(0)
    expect(said).to.deep.equal(['connected: 10.0.0.2 via vpn:443, 0 paths'])
    const pid = pidOf('client')!
    expect(startTimeOf(pid)).not.to.equal(null)
    const log = join(folder, 'log', 'client.log')
    expect(statSync(log).mode & 0o777).to.equal(0o600)
    // Who watches us does not watch what we start.
    expect(readFileSync(log, 'utf8')).to.equal('started with NOTIFY_SOCKET=none\n')

    said = []
    expect(await start('connect')).to.equal(0)
    expect(said[0]).to.equal(`client is up already (pid ${pid})`)
    expect(pidOf('client')).to.equal(pid)

    said = []
    expect(await stop()).to.equal(0)
    expect(said).to.deep.equal(['client is down'])
    expect(startTimeOf(pid)).to.equal(null)
    expect(existsSync(pidFile('client'))).to.equal(false)
    expect(await stop()).to.equal(0)
    expect(said.at(-1)).to.equal('client is not running')
  })

  it('says what a client said that ended by itself, and ends with its code', async () => {
    for (const [code, expected] of [
      [4, 4],
      [3, 3],
      [0, 1],
      [77, 1],
    ] as const) {
      said = []
      expect(await start(`fail ${code}`)).to.equal(expected)
      expect(said).to.deep.equal([
        'mqvpn: the server does not accept this key',
        `client has not come up; its log is ${join(folder, 'log', 'client.log')}`,
      ])
      expect(existsSync(pidFile('client'))).to.equal(false)
    }
  })

  it('waits no longer than it may, and leaves a client that goes on trying', async () => {
    expect(await start('wait', { waitMs: 3000 })).to.equal(1)
    expect(said[0]).to.match(/^not connected to vpn:443: no answer from vpn:443; trying again – after 3 s it goes on/)
    expect(await stop()).to.equal(0)
  })

  it('takes the start back when it is interrupted', async () => {
    const running = start('wait')
    while (pidOf('client') === null) await sleep(10)
    const pid = pidOf('client')!
    abort.abort()
    expect(await running).to.equal(130)
    expect(startTimeOf(pid)).to.equal(null)
    expect(existsSync(pidFile('client'))).to.equal(false)
  })

  it('says when a client does not end', async () => {
    expect(await start('deaf')).to.equal(0)
    const error = await failure(stop('client', null, 300))
    expect(error).to.be.instanceOf(VpnError)
    expect(error.message).to.match(/^client \(pid \d+\) has not ended within 0\.3 s; `kill -KILL \d+`.*mqvpn recover/)
  })

  it('does not take the client of another file for its own', async () => {
    expect(await start('connect')).to.equal(0)
    configure('other')
    expect(await failure(start('connect', { name: 'other' })))
      .to.be.instanceOf(UsageError)
      .with.property('message')
      .that.matches(/another mqvpn \(pid \d+\) has the device of other/)
    expect((await failure(stop('other'))).message).to.match(/^other is not running; the mqvpn with its device/)
    expect(startTimeOf(pidOf('client')!)).not.to.equal(null)
    // Without its pid file it is known by the file that it was started with.
    const pid = pidOf('client')!
    rmSync(pidFile('client'))
    expect(await stop()).to.equal(0)
    expect(startTimeOf(pid)).to.equal(null)
  })

  it('ends with the settings that are wrong, before anything is started', async () => {
    configure('client', 'Metrics = nowhere\n')
    expect((await failure(start('connect'))).message).to.match(/client\.conf:5: Metrics/)
    expect((await failure(start('connect', { name: 'none' }))).message).to.match(/none\.conf: there is no such file/)
    expect(existsSync(join(folder, 'log'))).to.equal(false)
  })

  it('leaves no client when it cannot note which one it is', async () => {
    writeFileSync(join(folder, 'run'), '')
    expect((await failure(start('connect'))).message).to.include(pidFile('client'))
    await sleep(300)
    expect(existsSync(join(folder, 'c.sock'))).to.equal(false)
  })

  it('makes place for a new log when the old one is long', async () => {
    mkdirSync(join(folder, 'log'))
    writeFileSync(join(folder, 'log', 'client.log'), 'x'.repeat(1024 * 1024 + 1))
    await start('fail 4')
    expect(readFileSync(join(folder, 'log', 'client.log'), 'utf8')).to.match(/^mqvpn: /)
    expect(statSync(join(folder, 'log', 'client.log.1')).size).to.equal(1024 * 1024 + 1)
  })

  describe('where systemd runs (a script in its place: there is none on the machines that test this)', () => {
    let path: string | undefined
    beforeEach(() => {
      path = process.env['PATH']
      mkdirSync(join(folder, 'bin'))
      process.env['PATH'] = `${join(folder, 'bin')}:${path}`
    })
    afterEach(() => void (process.env['PATH'] = path))

    /** `systemctl` notes its arguments, and answers with what the shell text says. */
    function systemctl(script: string): Systemd {
      const program = join(folder, 'bin', 'systemctl')
      writeFileSync(program, `#!/bin/sh\necho "$*" >> ${join(folder, 'asked')}\n${script}\n`)
      writeFileSync(join(folder, 'bin', 'journalctl'), '#!/bin/sh\necho "mqvpn: refused"\n')
      for (const file of ['systemctl', 'journalctl']) chmodSync(join(folder, 'bin', file), 0o755)
      return systemdOf(folder)!
    }
    const asked = (): string[] => readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n')

    it('there is none on a machine that was not booted with it', () => {
      expect(systemdOf(join(folder, 'no'))).to.equal(null)
    })

    it('starts the unit, and says what it said when it fails', async () => {
      const systemd = systemctl(
        'case $1 in start) echo "Job failed." >&2; exit 1;; is-active) echo failed; exit 3;; show) echo 4;; esac',
      )
      expect(await start('connect', { systemd })).to.equal(4)
      expect(said).to.deep.equal([
        'mqvpn: refused',
        'Job failed.',
        'client has not come up; `journalctl -u mqvpn-client@client.service` shows its log',
      ])
      expect(asked().slice(0, 2)).to.deep.equal([
        'cat mqvpn-client@client.service',
        'start mqvpn-client@client.service',
      ])
    })

    it('waits for the client of the unit to connect', async () => {
      // The unit that is started here is the process that the test starts.
      await start('connect')
      rmSync(pidFile('client'))
      said = []
      const systemd = systemctl('case $1 in is-active) echo active;; esac')
      expect(await start('connect', { systemd })).to.equal(0)
      expect(said[1]).to.match(/^connected: /)
      expect(await stop('client', systemd)).to.equal(0)
      expect(asked().at(-1)).to.equal('stop mqvpn-client@client.service')
      // That script has ended nothing.
      expect(await stop()).to.equal(0)
    })

    it('does without a unit that is not installed, and says so', async () => {
      const systemd = systemctl('exit 1')
      expect(await start('connect', { systemd })).to.equal(0)
      expect(said[0]).to.match(/knows no mqvpn-client@client\.service \(docs\/service\.md/)
      expect(await stop('client', systemd)).to.equal(0)
    })
  })
})
