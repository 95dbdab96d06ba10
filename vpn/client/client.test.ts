import { expect } from 'chai'
import fc from 'fast-check'
import { clientSchema, type ClientSettings } from '../config/settings.js'
import type { Closed, Connected } from '../engine.js'
import { MachineError, RefusedError, VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { FakeEngines, systemError, type FakeClient } from '../testing/fake-engines.js'
import { backoffMs, GOOD_AFTER_MS } from './backoff.js'
import { clientConfigOf } from './engine-config.js'
import type { SessionHost } from './host.js'
import { addressesOf, LookupError } from './resolve.js'
import { ClientSession } from './session.js'
import { judge } from './verdict.js'

const settingsWith = (values: Record<string, unknown> = {}): ClientSettings =>
  clientSchema.parse({ server: '203.0.113.1:443', ...values })
const closed = (values: Partial<Closed>): Closed => ({
  type: 'closed',
  cause: 'peer',
  message: 'gone',
  retryable: true,
  ...values,
})
const connected: Connected = {
  type: 'connected',
  addresses: ['10.0.0.2/32', 'fd00::2/128'],
  routes: ['0.0.0.0/0'],
  serverAddresses: ['10.0.0.1'],
  mtu: 1391,
  tun: 'mqvpn0',
}

describe('waiting between tries', () => {
  it('doubles up to half a minute, with jitter of half of it', () => {
    expect([0, 1, 2, 3, 10, 1000].map((failures) => backoffMs(failures, 1))).to.deep.equal([
      ...[500, 1000, 2000, 4000, 30_000, 30_000],
    ])
    fc.assert(
      fc.property(fc.nat(2000), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
        const delay = backoffMs(failures, random)
        expect(delay).to.be.within(backoffMs(failures, 1) / 2, backoffMs(failures, 1))
      }),
    )
  })
})

describe('the end of a connection', () => {
  const pinned = settingsWith({ pin: 'ab'.repeat(32) })
  const cases: [Partial<Closed>, ClientSettings, RegExp, refused: boolean][] = [
    [{ cause: 'refused', refusal: 'wrong-key' }, pinned, /does not accept this key; .*only the KEY/, true],
    [{ cause: 'refused', refusal: 'full' }, pinned, /as many clients as it takes; .*--max-clients/, true],
    [{ cause: 'refused', refusal: 'wrong-protocol' }, pinned, /no VPN server.*RFC 9484.*--server/, true],
    [{ cause: 'refused', refusal: 'no-extended-connect' }, pinned, /no VPN server.*RFC 9484.*--server/, true],
    [{ cause: 'refused', refusal: 'strange', message: '418' }, pinned, /^the server refused: 418$/, true],
    [
      { cause: 'tls', message: 'the certificate is self-signed' },
      settingsWith(),
      /self-signed; .*--pin.*--tls-server/,
      true,
    ],
    [{ cause: 'tls', message: 'another hash' }, pinned, /another hash; .*prints its pin.*in between/, true],
    [{ cause: 'tls', message: 'unknown issuer' }, settingsWith({ ca: '/ca' }), /--ca/, true],
    [{ cause: 'tls', message: 'bad' }, settingsWith({ insecure: 'true' }), /handshake itself/, true],
    [{ cause: 'handshake-timeout' }, pinned, /no answer from 203\.0\.113\.1:443: .*UDP port 443/, false],
    [{ cause: 'version', message: 'only draft-29' }, pinned, /another version of QUIC: only draft-29/, false],
    [{ cause: 'idle' }, pinned, /not been heard of/, false],
    [{ cause: 'stateless-reset' }, pinned, /restarted/, false],
    [{ cause: 'peer', message: 'the server is stopping' }, pinned, /^the server is stopping$/, false],
  ]
  for (const [event, settings, text, refused] of cases) {
    it(`is explained: ${event.cause} ${event.refusal ?? event.message ?? ''}`, () => {
      const verdict = judge(closed(event), settings)
      expect(verdict.text).to.match(text)
      expect(verdict.error.message).to.equal(verdict.text)
      expect(verdict.error instanceof RefusedError).to.equal(refused)
      expect(verdict.final).to.equal(false)
      expect(judge(closed({ ...event, retryable: false }), settings).final).to.equal(true)
    })
  }

  it('has another text for every refusal', () => {
    const texts = ['wrong-key', 'full', 'no-address', 'wrong-protocol', 'not-found'].map(
      (refusal) => judge(closed({ cause: 'refused', refusal }), pinned).text,
    )
    expect(new Set(texts).size).to.equal(texts.length)
  })
})

describe('looking a server up', () => {
  it('leaves addresses alone, and gives every address of a name', async () => {
    const never = () => Promise.reject(new Error('not asked'))
    expect(await addressesOf('203.0.113.1', never)).to.deep.equal(['203.0.113.1'])
    expect(await addressesOf('2001:db8::1', never)).to.deep.equal(['2001:db8::1'])
    expect(await addressesOf('vpn', async () => ['1.1.1.1', '::1'])).to.deep.equal(['1.1.1.1', '::1'])
  })

  it('tells a wrong name from a resolver that is away', async () => {
    const fail = (code: string) =>
      addressesOf('vpn', () => Promise.reject(systemError(code, code))).catch((e: unknown) => e)
    expect(await fail('ENOTFOUND'))
      .to.be.instanceOf(LookupError)
      .with.property('passing', false)
    expect(await fail('EAI_AGAIN')).to.include({ passing: true, message: 'cannot look up vpn: no name server answers' })
    expect(await addressesOf('vpn', async () => []).catch((e: unknown) => e)).to.be.instanceOf(LookupError)
  })
})

describe('what the engine of a client is told', () => {
  const told = (values: Record<string, unknown>, ticketDir: string | null = '/s') =>
    clientConfigOf(settingsWith(values), { address: '198.51.100.1', authKey: 'k', ticketDir, clientId: 'me' })

  it('is the numeric address, and the name to verify', () => {
    expect(told({ server: 'VPN.example.org' })).to.deep.include({
      server: { address: '198.51.100.1', port: 443 },
      serverName: 'vpn.example.org',
      authority: 'vpn.example.org:443',
      verify: { mode: 'system' },
      paths: [],
      multipathDraft: '21',
    })
    expect(told({ server: '[2001:db8::1]:4433' })).to.include({
      serverName: '2001:db8::1',
      authority: '[2001:db8::1]:4433',
    })
    expect(told({ tlsServerName: 'other' })).to.include({ serverName: 'other', authority: 'other:443' })
    expect(told({ path: ['eth0', 'wwan0:backup'] }).paths).to.deep.equal([
      { device: 'eth0', backup: false },
      { device: 'wwan0', backup: true },
    ])
    expect(told({ multipathDraft: '10' }).multipathDraft).to.equal('10')
  })

  it('is one way to verify', () => {
    const pin = 'ab'.repeat(32)
    expect(told({ pin }).verify).to.deep.equal({ mode: 'pin', sha256: pin })
    expect(told({ ca: '/ca' }).verify).to.deep.equal({ mode: 'ca', file: '/ca' })
    expect(told({ insecure: 'true' }).verify).to.deep.equal({ mode: 'insecure' })
  })

  it('is a ticket that only serves where the same server would pass the same check', () => {
    const names = [{}, { server: 'b' }, { server: '203.0.113.1:444' }, { tlsServerName: 'x' }, { insecure: 'true' }]
    const others = [{ pin: 'ab'.repeat(32) }, { pin: 'cd'.repeat(32) }, { ca: '/a' }, { ca: '/b' }]
    const files = [...names, ...others].map((values) => told(values).ticketFile)
    expect(new Set(files).size).to.equal(files.length)
    expect(told({}).ticketFile).to.equal(told({ mtu: '1400' }).ticketFile)
    expect(told({}, null)).not.to.have.property('ticketFile')
  })
})

describe('a client session', () => {
  let engines: FakeEngines
  let clock: number
  let waits: number[]
  let lines: string[]
  let announced: string[]
  let abort: AbortController
  let hostCalls: string[]
  let host: SessionHost
  const goodHost = (): SessionHost => ({
    beforeConnecting: async (addresses) => void hostCalls.push(`before ${addresses.join()}`),
    onConnected: async () => void hostCalls.push('connected'),
    atEnd: async (byItself) => void hostCalls.push(byItself ? 'ended' : 'stopped'),
  })
  beforeEach(() => {
    hostCalls = []
    host = goodHost()
    engines = new FakeEngines()
    clock = 0
    waits = []
    lines = []
    announced = []
    abort = new AbortController()
  })

  function session(
    values: Record<string, unknown> = {},
    lookup = async (): Promise<string[]> => ['192.0.2.1', '192.0.2.2'],
  ) {
    const keep = (message: string): void => void lines.push(message)
    const log: Log = {
      debug: () => undefined,
      info: keep,
      warn: keep,
      error: keep,
      announce: (_, text) => announced.push(text),
    }
    return new ClientSession(
      settingsWith(values),
      { authKey: 'secret-key', ticketDir: null, clientId: null },
      {
        engines,
        lookup,
        log,
        host,
        now: () => clock,
        random: () => 1,
        sleep: async (ms) => {
          waits.push(ms)
          clock += ms
        },
      },
    )
  }
  /** What each connection does, one after the other; then the session is stopped. */
  function script(...steps: ((client: FakeClient) => void)[]): void {
    engines.onClient = (client) => {
      const step = steps[engines.clients.length - 1]
      if (step) step(client)
      else abort.abort()
    }
  }
  const failure = (run: Promise<unknown>): Promise<unknown> => run.catch((error: unknown) => error)

  it('says when it is connected, and removes everything when it is stopped', async () => {
    script((client) => {
      client.emit(connected)
      abort.abort()
    })
    await session().run(abort.signal)
    expect(announced).to.deep.equal(['connected: 10.0.0.2, fd00::2 via 203.0.113.1:443 (mqvpn0, MTU 1391)'])
    expect(engines.clients.map(({ stopped }) => stopped)).to.deep.equal([1])
    expect(waits).to.deep.equal([])
  })

  it('waits for the engine to have stopped before it resolves', async () => {
    let open = (): void => undefined
    script((client) => {
      client.stopGate = new Promise((resolve) => (open = resolve))
      abort.abort()
    })
    let done = false
    const run = session()
      .run(abort.signal)
      .then(() => (done = true))
    while (!abort.signal.aborted) await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    expect(done).to.equal(false)
    open()
    await run
    expect(engines.clients[0]!.stopped).to.equal(1)
  })

  it('connects again after a loss, later each time, each time with a new engine', async () => {
    const lose = (client: FakeClient): void => client.emit(closed({ cause: 'handshake-timeout' }))
    script(lose, lose, lose)
    await session().run(abort.signal)
    expect(waits).to.deep.equal([500, 1000, 2000])
    expect(engines.clients.map(({ stopped }) => stopped)).to.deep.equal([1, 1, 1, 1])
    expect(lines[0]).to.match(/no answer from 203\.0\.113\.1:443.*; trying again/)
  })

  it('begins from the start after a connection that was good, not after one that was not', async () => {
    const lose = (client: FakeClient): void => client.emit(closed({}))
    const live = (ms: number) => (client: FakeClient) => {
      client.emit(connected)
      clock += ms
      client.emit(closed({}))
    }
    script(lose, lose, live(GOOD_AFTER_MS), live(GOOD_AFTER_MS - 1), lose)
    await session().run(abort.signal)
    expect(waits).to.deep.equal([500, 1000, 250, 250, 250])
  })

  it('is eager for a minute after the loss of a good connection, and patient with who refuses', async () => {
    const live = (client: FakeClient): void => {
      client.emit({ ...connected, totalMs: 400 })
      clock += GOOD_AFTER_MS
      client.emit(closed({}))
    }
    const lose = (client: FakeClient): void => client.emit(closed({ cause: 'handshake-timeout' }))
    const refuse = (client: FakeClient): void => client.emit(closed({ cause: 'refused', refusal: 'full' }))
    const loseLate = (client: FakeClient): void => {
      clock += 60_000
      lose(client)
    }
    script(live, lose, refuse, loseLate, lose)
    await session().run(abort.signal)
    expect(waits).to.deep.equal([250, 250, 2000, 4000, 8000])
    const limits = engines.clients.map(({ config }) => config.handshakeTimeoutMs)
    expect(limits).to.deep.equal([10_000, 1600, 1600, 1600, 10_000, 10_000])
  })

  it('waits as long as --reconnect-interval says', async () => {
    const lose = (client: FakeClient): void => client.emit(closed({}))
    script(lose, lose, lose)
    await session({ reconnectInterval: '5' }).run(abort.signal)
    expect(waits).to.deep.equal([5000, 10_000, 20_000])
  })

  it('goes on with the device of the lost connection, and gives it up at the end', async () => {
    const kept: boolean[] = []
    const lose = (client: FakeClient): void => client.emit(closed({}))
    script(lose, lose, (client) => {
      kept.push(...engines.clients.map((one) => one.kept))
      client.emit(closed({ retryable: false }))
    })
    await failure(session().run(abort.signal))
    expect(kept).to.deep.equal([false, false, false])
    expect(engines.clients.map((one) => one.kept)).to.deep.equal([false, false, false])
    engines.clients.length = 0
    script(lose)
    const waiting = new AbortController()
    abort = waiting
    await session().run(abort.signal)
    expect(engines.clients.map((one) => one.kept)).to.deep.equal([false, false])
  })

  it('prepares its host before each connection, and puts it back once', async () => {
    script((client) => {
      client.emit(connected)
      client.emit(closed({}))
    })
    await session({ server: 'vpn' }).run(abort.signal)
    expect(hostCalls).to.deep.equal([
      'before 192.0.2.1,192.0.2.2',
      'connected',
      'before 192.0.2.1,192.0.2.2',
      'stopped',
    ])
    hostCalls = []
    abort = new AbortController()
    engines.clients.length = 0
    script((client) => client.emit(closed({ retryable: false })))
    await failure(session().run(abort.signal))
    expect(hostCalls.at(-1)).to.equal('ended')
  })

  it('ends when what was asked of the host cannot be had', async () => {
    host.onConnected = () => Promise.reject(new VpnError('resolv.conf is read-only'))
    script((client) => client.emit(connected))
    const error = await failure(session().run(abort.signal))
    expect(error).to.be.instanceOf(VpnError).with.property('message', 'resolv.conf is read-only')
    expect(engines.clients.map(({ stopped }) => stopped)).to.deep.equal([1])
    expect(hostCalls.at(-1)).to.equal('ended')
  })

  it('tries the addresses of a name in turn', async () => {
    const lose = (client: FakeClient): void => client.emit(closed({}))
    script(lose, lose)
    await session({ server: 'vpn' }).run(abort.signal)
    expect(engines.clients.map(({ config }) => config.server.address)).to.deep.equal([
      '192.0.2.1',
      '192.0.2.2',
      '192.0.2.1',
    ])
  })

  it('gives the engine an address of each family', async () => {
    script((client) => client.emit(closed({})))
    await session({ server: 'vpn' }, async () => ['192.0.2.1', '192.0.2.2', '2001:db8::1']).run(abort.signal)
    const others = engines.clients.map(({ config }) => [config.server.address, config.otherServer?.address])
    expect(others).to.deep.equal([
      ['192.0.2.1', '2001:db8::1'],
      ['192.0.2.2', '2001:db8::1'],
    ])
  })

  it('ends at once when the cause is final', async () => {
    script((client) => client.emit(closed({ cause: 'refused', refusal: 'wrong-key', retryable: false })))
    const error = await failure(session().run(abort.signal))
    expect(error).to.be.instanceOf(RefusedError)
    expect(engines.clients).to.have.length(1)
    expect(engines.clients[0]!.stopped).to.equal(1)
  })

  it('ends at any loss when it may not reconnect', async () => {
    script((client) => client.emit(closed({ cause: 'idle' })))
    const error = await failure(session({ reconnect: 'false' }).run(abort.signal))
    expect(error).to.be.instanceOf(VpnError).and.not.instanceOf(RefusedError)
    expect(waits).to.deep.equal([])
  })

  it('ends when the first set-up fails, and says what to do', async () => {
    engines.failure = systemError('EPERM', 'cannot make a TUN device')
    expect(await failure(session().run(abort.signal))).to.be.instanceOf(MachineError)
  })

  it('goes on when a set-up fails later for a reason that passes', async () => {
    script((client) => {
      client.emit(connected)
      engines.failure = systemError('ENETUNREACH', 'no route')
      client.emit(closed({}))
    })
    await session().run(abort.signal)
    expect(waits).to.deep.equal([500, 1000])
    expect(lines[1]).to.equal('no route; trying again')
  })

  it('waits for a name server, but not for a name that does not exist', async () => {
    const codes = ['EAI_AGAIN', 'ENOTFOUND']
    const lookup = () => Promise.reject(systemError(codes.shift()!, 'x'))
    expect(await failure(session({ server: 'vpn' }, lookup).run(abort.signal))).to.be.instanceOf(LookupError)
    expect(waits).to.deep.equal([500])
    expect(engines.clients).to.have.length(0)
  })

  it('can be stopped while it waits or looks a name up', async () => {
    const waiting = session({ server: 'vpn' }, () => {
      abort.abort()
      return Promise.resolve(['192.0.2.1'])
    })
    await waiting.run(abort.signal)
    expect(engines.clients).to.have.length(0)
  })

  it('tells its status in every state', async () => {
    const one = session()
    expect((await one.status()).session).to.deep.include({ state: 'connecting', attempts: 0, retryInSeconds: null })
    const seen: object[] = []
    engines.onClient = (client) => {
      client.emit(connected)
      void one.status().then((status) => {
        seen.push(status.session)
        clock += 5000
        client.emit(closed({ message: 'the server is stopping', retryable: false }))
      })
    }
    await failure(one.run(abort.signal))
    expect(seen[0]).to.include({ state: 'connected', attempts: 1, lastProblem: null, server: '203.0.113.1:443' })
    const after = await one.status()
    expect(after.uptimeSeconds).to.equal(5)
    expect(after.connections).to.deep.equal([])
    expect(after.session.lastProblem).to.equal('the server is stopping')
    expect(JSON.stringify(after)).not.to.include('secret-key')
    expect(await one.command()).to.include({ ok: false })
  })
})
