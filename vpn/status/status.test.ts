import { expect } from 'chai'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ControlServer } from '../control/server.js'
import { engineStatus } from '../engine.js'
import { VpnError } from '../errors.js'
import { statusCommand, type StatusOptions } from './command.js'
import { bitsPerSecond, bytes, duration, milliseconds, share, table } from './format.js'
import { renderStatus, type Status } from './render.js'

const path = {
  id: 0,
  local: '192.0.2.7:40000',
  remote: '203.0.113.1:443',
  device: 'eth0',
  state: 'active',
  rttMs: 20.44,
  minRttMs: 9.876,
  cwnd: 1_500_000,
  bytesReceived: 2_500_000,
  bytesSent: 999_600,
  packetsSent: 1000,
  packetsLost: 5,
  mtu: 1452,
  deliveryRateBps: 287e6,
  cc: 'bbr',
  sinceSeconds: 9,
}
const connection = {
  id: 1,
  user: 'anna',
  remote: '203.0.113.1:443',
  state: 'connected',
  addresses: ['10.0.0.2/32', 'fd00::2/128'],
  uptimeSeconds: 61,
  bytesIn: 2_400_000,
  bytesOut: 900_000,
  datagramsIn: 1800,
  datagramsOut: 900,
  datagramsLost: 3,
  drops: { spoofedSource: 2, ttl: 0 },
  paths: [path, { id: null, device: 'wwan0', state: 'down', cause: 'no carrier', sinceSeconds: 3 }],
}
const own = { version: '1.2.3', pid: 42 }

function client(extra: Partial<Status> = {}): Status {
  const engine = engineStatus.parse({
    role: 'client',
    uptimeSeconds: 3661,
    tun: { name: 'mqvpn0', mtu: 1391, drops: { queue: 4 } },
    connections: [connection],
  })
  const session = {
    state: 'connected',
    server: 'vpn:443',
    attempts: 1,
    retryInSeconds: null,
    lastProblem: null,
  } as const
  return { ...engine, ...own, session, ...extra }
}

function server(connections: object[]): Status {
  const tun = { name: 'mqvpn0', mtu: 1391 }
  const engine = engineStatus.parse({ role: 'server', uptimeSeconds: 5, tun, connections })
  return { ...engine, ...own, listening: { address: '::', port: 443, pin: 'ab'.repeat(32), maxClients: 64 } }
}

describe('the status', () => {
  it('of a client shows where it is connected, what passed, and every path', () => {
    expect(renderStatus(client(), false).split('\n')).to.deep.equal([
      'client · connected to vpn:443 · mqvpn0 (MTU 1391) · up 1 h 1 m · mqvpn 1.2.3, pid 42',
      '  server    203.0.113.1:443',
      '  address   10.0.0.2/32, fd00::2/128',
      '  in        2.40 MB, 1800 packets',
      '  out       900 kB, 900 packets, lost 3 (0.33 %)',
      '  dropped   queue 4, spoofedSource 2',
      '',
      'path  device  state   since      rtt        rate        lost       in      out   window   mtu',
      '   0  eth0    active    9 s  20.4 ms  287 Mbit/s  5 (0.50 %)  2.50 MB  1.00 MB  1.50 MB  1452',
      '   –  wwan0   down      3 s        –           –           –      0 B      0 B        –     –',
      '  wwan0: no carrier',
    ])
  })

  it('of a client without a connection says when it tries again, and why there is none', () => {
    const session = {
      state: 'waiting',
      server: 'vpn:443',
      attempts: 3,
      retryInSeconds: 7.2,
      lastProblem: 'no answer',
    } as const
    expect(renderStatus(client({ connections: [], tun: null, session }), false).split('\n')).to.deep.equal([
      'client · not connected to vpn:443; next try in 8 s · no device · up 1 h 1 m · mqvpn 1.2.3, pid 42',
      '  problem   no answer',
    ])
  })

  it('of a server shows its clients, its pin and what it dropped', () => {
    const other = {
      ...connection,
      id: 12,
      user: null,
      remote: '198.51.100.7:1',
      paths: [],
      drops: { spoofedSource: 1 },
    }
    const lines = renderStatus(server([connection, other]), false).split('\n')
    expect(lines.slice(0, 5)).to.deep.equal([
      'server · 2 of 64 clients · mqvpn0 (MTU 1391) · up 5 s · mqvpn 1.2.3, pid 42',
      '  listens   [::]:443',
      `  pin       ${'ab'.repeat(32)}`,
      '  dropped   spoofedSource 3',
      '',
    ])
    expect(lines[6]).to.match(/^ 1 {2}anna {2}203\.0\.113\.1:443 .* 1 m 1 s .* 20\.4 ms +1$/)
    expect(lines[7]).to.match(/^12 {2}– .* – +0$/)
    expect(renderStatus(server([]), false)).to.match(/0 of 64 clients/)
    expect(renderStatus(server([connection]), false)).to.match(/1 of 64 client /)
  })

  it('shows nothing that could move the cursor, whoever wrote it', () => {
    const evil = { ...connection, user: '\u001b[2Jx\ny', remote: '\u0007', state: '\r' }
    expect(renderStatus(server([evil]), false)).to.not.match(/[\u0000-\u0009\u000b-\u001f]/)
    expect(renderStatus(server([evil]), false).split('\n')).to.have.length(7)
  })

  describe('command', () => {
    let folder: string
    let control: ControlServer
    let reply: () => Promise<object>
    beforeEach(async () => {
      folder = mkdtempSync(join(tmpdir(), 'mqvpn-status-'))
      reply = async () => client()
      const controlled = { status: () => reply(), command: async () => ({ ok: true }) }
      const quiet = { debug: () => undefined, warn: () => undefined }
      control = await ControlServer.listen(join(folder, 's.sock'), controlled, quiet)
    })
    afterEach(async () => {
      await control.close()
      rmSync(folder, { recursive: true })
    })

    async function run(options: StatusOptions, { isTTY = false, rounds = 1 } = {}): Promise<string[]> {
      const written: string[] = []
      const abort = new AbortController()
      const write = (text: string): void => {
        written.push(text)
        if (written.length === rounds) abort.abort()
      }
      const screen = { write, isTTY, colour: false }
      expect(await statusCommand({ control: control.path, ...options }, screen, abort.signal)).to.equal(0)
      return written
    }

    it('writes a table, or JSON with everything', async () => {
      expect((await run({}))[0]).to.match(/^client · connected to vpn:443/)
      expect(JSON.parse((await run({ json: true }))[0]!)).to.deep.equal(JSON.parse(JSON.stringify(client())))
    })

    it('refreshes until it is interrupted: the screen, or one JSON object per line', async () => {
      const screens = await run({ watch: true }, { isTTY: true, rounds: 2 })
      expect(screens).to.have.length(2)
      for (const text of screens) expect(text).to.match(/^\u001b\[2J\u001b\[Hclient/)
      const [line] = await run({ watch: true, json: true }, { isTTY: true })
      expect(line!.trimEnd().split('\n')).to.have.length(1)
      expect(JSON.parse(line!)).to.include({ role: 'client' })
      expect((await run({ watch: true }))[0]).to.match(/^client.*\n\n$/s)
    })

    it('fails with what the other side says', async () => {
      reply = () => Promise.reject(new Error('the engine is gone'))
      const error = await run({}).catch((thrown: unknown) => thrown)
      expect(error).to.be.instanceOf(VpnError)
      expect((error as Error).message).to.equal(`${control.path}: the engine is gone`)
    })
  })

  it('writes numbers as people read them', () => {
    expect([0, 999, 999.6, 1000, 12_345, 99_950, 123_456, 999_600, 1e9, 1e18].map(bytes)).to.deep.equal([
      ...['0 B', '999 B', '1.00 kB', '1.00 kB', '12.3 kB', '100.0 kB', '123 kB', '1.00 MB', '1.00 GB', '1000 PB'],
    ])
    expect(bitsPerSecond(287.4e6)).to.equal('287 Mbit/s')
    expect([0, 59.9, 60, 3599, 3600, 86_399, 86_400, 1e6].map(duration)).to.deep.equal([
      ...['0 s', '59 s', '1 m 0 s', '59 m 59 s', '1 h 0 m', '23 h 59 m', '1 d 0 h', '11 d 13 h'],
    ])
    expect([0.1234, 9.99, 10, 123.456].map(milliseconds)).to.deep.equal(['0.12 ms', '9.99 ms', '10.0 ms', '123.5 ms'])
    expect([share(0, 10), share(1, 3), share(5, 0)]).to.deep.equal(['0', '1 (33.33 %)', '5'])
    expect(table(['a', 'b'], [['xx', '1'], ['y']], [1])).to.deep.equal(['a   b', 'xx  1', 'y'])
  })
})
