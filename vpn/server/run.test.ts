import { expect } from 'chai'
import { EventEmitter } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serverSchema } from '../config/settings.js'
import { hashOfKey } from '../config/users.js'
import { request } from '../control/request.js'
import { MachineError, UsageError } from '../errors.js'
import { createLife, type Signals } from '../life.js'
import { createLog } from '../log.js'
import { FakeEngines, systemError, type FakeServer } from '../testing/fake-engines.js'
import { selfSigned } from './certificate.js'
import { addressForClients, certificateNames, uplinkIn } from './names.js'
import { announceInvite, type Invite } from './invite.js'
import { runServer } from './run.js'

const KEY = 'mPyVpoQWcp/5gr404xvS19aRC03o0XS2mrb2tZJ1Ii4='

describe('a server', () => {
  let folder: string
  let engines: FakeEngines
  let process: EventEmitter
  let printed: string
  let logged: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-server-'))
    engines = new FakeEngines()
    printed = ''
    logged = ''
  })
  afterEach(() => rmSync(folder, { recursive: true }))
  const control = () => join(folder, 'c.sock')

  async function start(
    values: Record<string, unknown> = {},
    again?: () => Record<string, unknown>,
    invite?: Invite,
  ): Promise<void> {
    const parse = (more: Record<string, unknown>) =>
      serverSchema.parse({ control: control(), stateDir: join(folder, 'state'), authKey: KEY, nat: 'false', ...more })
    const settings = parse(values)
    const log = createLog({
      level: 'debug',
      format: 'text',
      colour: false,
      now: () => new Date(),
      out: (text) => (printed += text),
      err: (text) => (logged += text),
    })
    process = new EventEmitter()
    const life = createLife(process as unknown as Signals, (text) => log.info(text))
    const about = { version: '1.2.3', pid: 42 }
    const reload = {
      ...(again === undefined ? {} : { reload: () => parse(again()) }),
      ...(invite === undefined ? {} : { invite }),
    }
    const host = { recoverRoutes: () => 0, runDirectory: folder }
    await runServer(settings, { engines: () => engines, ...host, log, now: () => new Date(), life, about, ...reload })
  }
  /** The one that was started last. */
  const stop = (): void => void process.emit('SIGTERM', 'SIGTERM')
  const failure = (run: Promise<unknown>): Promise<Error> =>
    run.then(
      () => {
        throw new Error('did not fail')
      },
      (error: unknown) => error as Error,
    )

  it('makes a certificate, says where it listens and, on its first start, what to paste on a client', async () => {
    engines.onServer = (server) => {
      const pin = /pin=(\w{64})/.exec(logged)?.[1] ?? ''
      server.emit({ type: 'listening', address: '192.0.2.1', port: 4433, pin })
      stop()
    }
    const keyFile = join(folder, 'key')
    writeFileSync(keyFile, KEY, { mode: 0o600 })
    const values = { listen: '192.0.2.1:4433', authKey: undefined, authKeyFile: keyFile }
    await start(values)
    const [server] = engines.servers
    expect(server?.config).to.deep.include({
      tunName: 'mqvpn0',
      listen: { address: '192.0.2.1', port: 4433 },
      subnet: '10.0.0.0/24',
      users: [{ name: '(global)', key: KEY }],
      maxClients: 64,
      retry: 'auto',
    })
    expect(readFileSync(server!.config.certFile, 'utf8')).to.match(/BEGIN CERTIFICATE/)
    const [listening, , line] = printed.split('\n')
    expect(listening).to.match(/^listening: 192\.0\.2\.1:4433 on mqvpn0, pin \w{64}$/)
    const pin = listening!.slice(-64)
    expect(line).to.equal(`  sudo mqvpn client --server 192.0.2.1:4433 --pin ${pin} --auth-key-file ${keyFile}`)
    expect(server!.stopped).to.equal(1)
    expect(printed + logged).not.to.include(KEY)

    printed = ''
    await start(values)
    expect(printed.trim().split('\n')).to.have.length(1)
  })

  it('does not start without a key, and says how to make one', async () => {
    const error = await failure(start({ authKey: undefined }))
    expect(error).to.be.instanceOf(UsageError)
    expect(error.message)
      .to.match(/does not start without a key/)
      .and.to.match(/mqvpn genkey/)
      .and.to.match(/`mqvpn server --invite` does everything/)
    expect(existsSync(join(folder, 'state'))).to.equal(false)
    expect(engines.servers).to.have.length(0)
  })

  it('takes users with keys of their own, with or without a common one', async () => {
    engines.onServer = stop
    await start({ user: ['anna:a-key-of-anna-1234'] })
    await start({ authKey: undefined, user: ['anna:a-key-of-anna-1234'] })
    expect(engines.servers.map(({ config }) => config.users.map(({ name }) => name))).to.deep.equal([
      ['(global)', 'anna'],
      ['anna'],
    ])
    expect((await failure(start({ user: [`anna:${KEY}`] }))).message).to.match(/--user anna has the same key/)
  })

  describe('that invites', () => {
    const listen = (server: FakeServer): void => {
      server.emit({ type: 'listening', address: '192.0.2.1', port: 4433, pin: 'ab'.repeat(32) })
      stop()
    }
    const without = { authKey: undefined, listen: '192.0.2.1:4433' }
    const invite = (name: string | null, values: object = without) => start({ ...values }, undefined, { name })
    const state = (name: string) => join(folder, 'state', name)
    const modeOf = (file: string) => statSync(file).mode & 0o777
    /** That was printed, and the key of its fragment. */
    const invited = (): { uri: string; key: string } => {
      const uri = /^ {2}(mqvpn:\S+)$/m.exec(printed)?.[1] ?? ''
      return { uri, key: decodeURIComponent(uri.split('#')[1] ?? '') }
    }
    const keysOf = (index: number) => engines.servers[index]!.config.users

    it('makes a key once, and prints what a client needs', async () => {
      engines.onServer = listen
      await invite(null)
      const { uri, key } = invited()
      expect(uri).to.match(/^mqvpn:\/\/192\.0\.2\.1:4433\?pin=(ab){32}#/)
      expect(printed).to.include(`  sudo mqvpn client '${uri}'\n`).and.not.include('--auth-key-file')
      expect(Buffer.from(key, 'base64')).to.have.length(32)
      expect(keysOf(0)).to.deep.equal([{ name: '(global)', key }])
      expect(modeOf(state('server.psk'))).to.equal(0o600)
      expect(logged).not.to.include(key)
      await invite(null)
      expect(invited().key).to.equal(key)
      // It is a key of this server from now on.
      await start(without)
      expect(keysOf(2)).to.deep.equal([{ name: '(global)', key }])
      await start({ ...without, authKey: KEY })
      expect(keysOf(3)).to.deep.equal([{ name: '(global)', key: KEY }])
    })

    it('has the name of a public certificate in place of a pin, and a pin for every other one', async () => {
      engines.onServer = listen
      const { certificate, key } = await selfSigned(['vpn.example'], new Date())
      const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
      writeFileSync(files.cert, certificate)
      writeFileSync(files.key, key, { mode: 0o600 })
      await invite(null, { ...without, ...files })
      expect(invited().uri).to.match(/^mqvpn:\/\/192\.0\.2\.1:4433\?pin=(ab){32}#/)
      const text: string[] = []
      const where = { address: '0.0.0.0', port: 443, pin: 'ab'.repeat(32), name: 'vpn.example' }
      const log = { announce: (_: string, line: string) => void text.push(line) }
      announceInvite({ key: KEY, name: 'anna' }, where, { name: 'anna', showCode: (uri) => text.push(uri) }, log)
      expect(text[0])
        .to.match(/^An invitation, for anna alone; /)
        .and.not.include('Replace')
      expect(text[1]).to.equal(`  mqvpn://vpn.example:443#${KEY}`)
      expect(text.at(-1)).to.equal(`mqvpn://vpn.example:443#${KEY}`)
    })

    it('gives the key that is configured, and makes none', async () => {
      engines.onServer = listen
      await invite(null, { listen: '192.0.2.1:4433' })
      expect(invited().key).to.equal(KEY)
      expect(existsSync(state('server.psk'))).to.equal(false)
      const user = ['anna:a-key-of-anna-1234']
      const error = await failure(invite(null, { ...without, user }))
      expect(error).to.be.instanceOf(UsageError)
      expect(error.message).to.match(/--invite NAME makes one/)
      printed = ''
      await invite('anna', { ...without, user })
      expect(invited().key).to.equal('a-key-of-anna-1234')
      expect(existsSync(state('users'))).to.equal(false)
    })

    it('makes a user of its own, whose hash alone it keeps, and knows at later starts', async () => {
      engines.onServer = listen
      await invite('anna')
      const { key } = invited()
      const anna = { name: 'anna', sha256: hashOfKey(key) }
      expect(keysOf(0)).to.deep.equal([anna])
      expect(modeOf(state('users'))).to.equal(0o600)
      expect(readFileSync(state('users'), 'utf8'))
        .to.include(`anna:sha256:${anna.sha256}`)
        .and.not.include(key)
      await invite('ben')
      await start({ ...without, authKey: KEY })
      expect(keysOf(2).map(({ name }) => name)).to.deep.equal(['(global)', 'anna', 'ben'])
      expect(logged).not.to.include(key)

      const again = await failure(invite('anna'))
      expect(again).to.be.instanceOf(UsageError)
      expect(again.message)
        .to.match(/was invited before, and the key was not kept/)
        .and.to.include(state('users'))
      expect((await failure(invite('an na'))).message).to.match(/--invite NAME: a name has/)
      writeFileSync(state('users'), 'anna:key-in-clear\nben\n', { mode: 0o600 })
      expect((await failure(start(without))).message).to.match(
        /users:1: write NAME:sha256:HEX[^]*users:2: write NAME:KEY/,
      )
    })

    it('keeps no user whom nobody was told of, because it did not start', async () => {
      engines.failure = systemError('EADDRINUSE', 'cannot bind 0.0.0.0:443')
      await failure(invite('anna'))
      expect(existsSync(state('users'))).to.equal(false)
    })

    it('lets go of a user who is removed, for good', async () => {
      let answer: unknown
      engines.onServer = (server) => {
        server.emit({ type: 'listening', address: '192.0.2.1', port: 4433, pin: 'ab'.repeat(32) })
        void request(control(), { cmd: 'remove-user', name: 'anna' }).then((reply) => {
          answer = reply
          stop()
        })
      }
      await invite('anna', { listen: '192.0.2.1:4433' })
      expect(answer).to.deep.equal({ ok: true, cut: 0, configured: false })
      expect(existsSync(state('users'))).to.equal(false)
    })
  })

  it('answers at its control socket while it runs, and removes it', async () => {
    let answers: unknown[] = []
    engines.onServer = (server) => {
      server.emit({ type: 'listening', address: '0.0.0.0', port: 443, pin: 'ab'.repeat(32) })
      const asked = [{ cmd: 'status' }, { cmd: 'disconnect', id: 3 }].map((message) => request(control(), message))
      void Promise.all(asked).then((replies) => {
        answers = replies
        stop()
      })
    }
    await start()
    const [status, disconnect] = answers as [{ status: object }, object]
    expect(status.status).to.deep.include({ role: 'server', version: '1.2.3', pid: 42 })
    expect(status.status).to.have.property('listening').that.includes({ port: 443, maxClients: 64 })
    expect(disconnect).to.deep.equal({ ok: true })
    expect(engines.servers[0]!.commands).to.deep.equal([{ cmd: 'disconnect', id: 3 }])
    expect(existsSync(control())).to.equal(false)
  })

  it('changes its users when it is asked to', async () => {
    let answers: unknown[] = []
    const play = async (): Promise<void> => {
      const ask = (message: object) => request(control(), message)
      answers = [
        await ask({ cmd: 'add-user', user: 'anna:a-key-of-anna-1234', address: '10.0.0.5' }),
        await ask({ cmd: 'users' }),
        await ask({ cmd: 'add-user', user: 'ben:a-key-of-anna-1234' }),
        await ask({ cmd: 'remove-user', name: '(global)' }),
      ]
      stop()
    }
    engines.onServer = () => void play()
    await start()
    expect(answers[0]).to.deep.equal({ ok: true, replaced: false, cut: 0 })
    expect((answers[1] as { users: { name: string }[] }).users.map(({ name }) => name)).to.deep.equal([
      '(global)',
      'anna',
    ])
    expect(answers[2])
      .to.have.property('error')
      .that.matches(/anna and ben have the same key/)
    expect(answers[3]).to.deep.equal({ ok: true, cut: 0, configured: true })
    const anna = { name: 'anna', key: 'a-key-of-anna-1234', address4: '10.0.0.5' }
    expect(engines.servers[0]!.commands).to.deep.equal([
      { cmd: 'set-users', users: [{ name: '(global)', key: KEY }, anna] },
      { cmd: 'set-users', users: [anna] },
    ])
    expect(printed + logged).not.to.include('a-key-of-anna-1234')
  })

  it('reads its users and its certificate again at SIGHUP, and runs on', async () => {
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
    const renew = async (): Promise<void> => {
      const { certificate, key } = await selfSigned(['vpn.example'], new Date())
      writeFileSync(files.cert, certificate)
      writeFileSync(files.key, key, { mode: 0o600 })
    }
    await renew()
    let user: string[] | Error = ['anna:a-key-of-anna-1234']
    const play = async ({ commands, emit }: FakeServer): Promise<void> => {
      const pin = 'ab'.repeat(32)
      emit({ type: 'listening', address: '0.0.0.0', port: 443, pin })
      process.emit('SIGHUP', 'SIGHUP')
      await until(() => logged.includes('reloaded'))
      expect(commands.splice(0)).to.deep.equal([
        {
          cmd: 'set-users',
          users: [
            { name: '(global)', key: KEY },
            { name: 'anna', key: 'a-key-of-anna-1234' },
          ],
        },
      ])
      await renew()
      user = []
      process.emit('SIGHUP', 'SIGHUP')
      await until(() => logged.split('info  reloaded').length === 3)
      expect(commands.splice(0)).to.deep.equal([
        { cmd: 'set-users', users: [{ name: '(global)', key: KEY }] },
        { cmd: 'set-certificate', certFile: files.cert, keyFile: files.key },
      ])
      const { status } = (await request(control(), { cmd: 'status' })) as unknown as {
        status: { listening: { pin: string } }
      }
      expect(status.listening.pin)
        .to.match(/^[0-9a-f]{64}$/)
        .and.not.equal(pin)
      user = new UsageError('server.conf:9: User: write NAME:KEY')
      process.emit('SIGHUP', 'SIGHUP')
      await until(() => logged.includes('nothing has changed: server.conf:9: User: write NAME:KEY'))
      expect(commands).to.deep.equal([])
      stop()
    }
    engines.onServer = (server) => void play(server)
    await start(files, () => {
      if (user instanceof Error) throw user
      return { ...files, user }
    })
  })

  it('tells who comes, goes and is refused', async () => {
    engines.onServer = (server) => {
      const who = { id: 1, user: 'anna', remote: '198.51.100.7:5000' }
      server.emit({ type: 'client-connected', ...who, addresses: ['10.0.0.2/32'], resumed: false })
      server.emit({ type: 'client-refused', remote: '198.51.100.8:1', reason: 'wrong-key' })
      server.emit({ type: 'client-disconnected', ...who, cause: 'peer', reason: 'bye', seconds: 3 })
      server.emit({ type: 'log', level: 'error', message: 'queue\nfull', depth: 3 })
      stop()
    }
    await start()
    expect(logged).to.match(
      /info {2}client connected id=1 user=anna remote=198\.51\.100\.7:5000 addresses=10\.0\.0\.2\/32/,
    )
    expect(logged).to.match(/warn {2}client refused remote=198\.51\.100\.8:1 reason=wrong-key/)
    expect(logged).to.match(/info {2}client disconnected id=1 .*cause=peer reason=bye seconds=3/)
    expect(logged).to.match(/error queue\\u000afull depth=3/)
  })

  it('leaves nothing behind when it cannot be set up', async () => {
    engines.failure = systemError('EPERM', 'cannot make a TUN device')
    expect(await failure(start())).to.be.instanceOf(MachineError)
    expect(existsSync(control())).to.equal(false)
    engines.failure = systemError('EADDRINUSE', 'cannot bind 0.0.0.0:443')
    expect((await failure(start())).message).to.match(/UDP port 443/)
  })

  it('does not start twice under one name', async () => {
    let second: Error | null = null
    engines.onServer = () => {
      const first = process
      void failure(start()).then((error) => {
        second = error
        first.emit('SIGTERM', 'SIGTERM')
      })
    }
    await start()
    expect(second).to.be.instanceOf(UsageError)
    expect(engines.servers).to.have.length(1)
  })
})

describe('the names of a server', () => {
  it('are its host name, and the address it listens on if that is one', () => {
    expect(certificateNames('0.0.0.0', 'Host.example')).to.deep.equal(['host.example'])
    expect(certificateNames('::', 'host')).to.deep.equal(['host'])
    expect(certificateNames('192.0.2.1', 'host')).to.deep.equal(['host', '192.0.2.1'])
    expect(certificateNames('0.0.0.0', 'höst_')).to.deep.equal(['mqvpn'])
  })

  it('for clients are the address it listens on, or a guess', () => {
    const entry = (address: string, family: 'IPv4' | 'IPv6', internal = false) =>
      ({ address, family, internal, netmask: '', mac: '', cidr: null, scopeid: 0 }) as never
    expect(addressForClients('192.0.2.1')).to.deep.equal({ address: '192.0.2.1', guessed: false })
    const eth = [entry('fe80::1', 'IPv6'), entry('2001:db8::1', 'IPv6'), entry('198.51.100.1', 'IPv4')]
    const all = { lo: [entry('127.0.0.1', 'IPv4', true)], eth0: eth }
    expect(addressForClients('0.0.0.0', all)).to.deep.equal({ address: '198.51.100.1', guessed: true })
    expect(addressForClients('::', { eth0: eth.slice(0, 2) })).to.deep.equal({ address: '2001:db8::1', guessed: true })
    expect(addressForClients('0.0.0.0', {}).guessed).to.equal(true)
    const bridge = { docker0: [entry('172.17.0.1', 'IPv4')], eth0: eth }
    expect(addressForClients('0.0.0.0', bridge, 'eth0').address).to.equal('198.51.100.1')
    expect(addressForClients('0.0.0.0', bridge, null).address).to.equal('172.17.0.1')
  })

  it('are guessed by the default route', () => {
    const head = 'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT'
    const route = (device: string, destination: string, metric: number, mask: string) =>
      `${device}\t${destination}\t0100A8C0\t0003\t0\t0\t${metric}\t${mask}\t0\t0\t0`
    const zero = '00000000'
    const table = [
      head,
      route('br0', '0000A8C0', 0, '00FFFFFF'),
      route('wlan0', zero, 600, zero),
      route('eth0', zero, 100, zero),
    ]
    expect(uplinkIn(`${table.join('\n')}\n`)).to.equal('eth0')
    expect(uplinkIn(`${head}\n`)).to.equal(null)
    expect(uplinkIn('')).to.equal(null)
  })
})
