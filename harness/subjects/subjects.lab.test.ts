/**
 * Every subject for real, in one lab of two fast paths: cold start, traffic, restart, stop, nothing left.
 * A subject whose program is not installed is skipped, and says so.
 */
import { expect } from 'chai'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Lab } from '../lab/lab.js'
import { netnsExists } from '../testing/netns.js'
import { netnsPids } from '../lab/registry.js'
import { runChecked } from '../lab/host.js'
import type { PathSpec, Scenario, SubjectSpec } from '../scenario/types.js'
import { fastdConfig, fastdKeys } from './fastd.js'
import { adapterFor } from './index.js'
import type { RunningSubject } from './subject.js'
import type { Side } from './two-sided.js'

const never = new AbortController().signal

function fastPath(name: string): PathSpec {
  const direction = {
    bitsPerSecond: 200e6,
    trace: null,
    delayMs: 2,
    jitterMs: 0,
    jitterReorders: false,
    loss: null,
    reorder: 0,
    duplicate: 0,
    queue: { packets: 500 },
    aqm: 'droptail' as const,
  }
  return { name, up: direction, down: direction, mtu: 1500 }
}

function subject(kind: SubjectSpec['kind'], paths: string[], options: object = {}): SubjectSpec {
  return { id: `${kind}:${paths.join('+')}`, kind, label: kind, paths, options: { ...options } }
}

describe('subjects', () => {
  let lab: Lab
  let workDir = ''
  const socketsBefore = sockets()

  before(async () => {
    lab = await Lab.open([fastPath('a'), fastPath('b')])
  })
  after(async () => {
    await lab.close()
    for (const host of lab.hosts) expect(netnsExists(host.netns)).to.equal(false)
  })
  beforeEach(() => {
    workDir = mkdtempSync(join(tmpdir(), 'subject-'))
  })
  afterEach(() => {
    rmSync(workDir, { recursive: true })
  })

  it('direct goes over its own path only', async () => {
    const running = await start(subject('direct', ['b']))
    const before = await lab.shaper.counters()
    expect(await throughput(running)).to.be.above(20e6)
    const after = await lab.shaper.counters()
    const carried = (path: string): number =>
      (after.paths[path]?.up.outBytes ?? 0) - (before.paths[path]?.up.outBytes ?? 0)
    expect(carried('b')).to.be.above(2e6)
    expect(carried('a')).to.be.below(10e3)
    await stopAndLook(running)
  })

  it('mptcp uses both paths and follows one that goes and comes back', async function () {
    const running = await start(subject('mptcp', ['a', 'b']), this)
    const before = await lab.shaper.counters()
    await throughput(running)
    const after = await lab.shaper.counters()
    for (const path of ['a', 'b']) {
      const bytes = (after.paths[path]?.up.outBytes ?? 0) - (before.paths[path]?.up.outBytes ?? 0)
      expect(bytes, `bytes over ${path}`).to.be.above(1e6)
    }
    await lab.path('a').down()
    await eventually(async () => !(await endpoints()).includes('dev a'))
    await lab.path('a').up()
    await eventually(async () => (await endpoints()).includes('10.100.1.2'))
    await lab.path('b').readdress()
    await eventually(async () => (await endpoints()).includes('10.100.2.3'))
    await lab.path('b').readdress()
    await eventually(async () => (await endpoints()).includes('10.100.2.2'))
    await throughput(running)
    await stopAndLook(running)
    expect(await endpoints()).to.equal('')
  })

  it('mptcp may use fewer paths than there are', async function () {
    const running = await start(subject('mptcp', ['b']), this)
    expect(running.endpoint.clientAddress).to.equal('10.100.2.2')
    expect(await endpoints()).not.to.contain('dev a')
    await throughput(running)
    await stopAndLook(running)
  })

  const vpns: [SubjectSpec, Side[]][] = [
    [subject('wireguard-go', ['a']), ['client', 'server']],
    [subject('wireguard-go', ['a', 'b']), []],
    [subject('openvpn', ['b'], { cipher: 'AES-256-GCM' }), ['client', 'server']],
    [subject('fastd', ['a']), ['client', 'server']],
    [subject('mqvpn', ['a']), ['client', 'server']],
  ]
  for (const [spec, restarts] of vpns) {
    it(`${spec.id} starts, carries full packets unfragmented, restarts and leaves nothing`, async function () {
      const running = await start(spec, this)
      expect(running.processes).to.have.length(2)
      await throughput(running)
      await fullPacketFits(running, spec.paths)
      expect(running.processes.every((process) => process.cpuSeconds() > 0)).to.equal(true)
      for (const side of restarts) {
        await running.restart(side)
        await readyAgain(running)
        await throughput(running)
      }
      await stopAndLook(running)
    })
  }

  it('fails with the log when a program refuses to run', async function () {
    const spec = subject('openvpn', ['a'], { cipher: 'NO-SUCH-CIPHER' })
    const adapter = adapterFor(spec.kind)
    if (await adapter.supports(spec, {} as Scenario)) this.skip()
    const error = await adapter.start({ lab, spec, workDir }).then(
      () => null,
      (thrown: unknown) => thrown as Error,
    )
    expect(error?.name).to.equal('SubjectError')
    expect(error?.message).to.match(/openvpn on the server ended with code 1; last lines of its log:/)
    expect(error?.message).to.contain('NO-SUCH-CIPHER')
    expect(programs()).to.deep.equal([])
  })

  it('command runs any VPN, also one that goes to the background', async function () {
    const spec = subject('command', ['a', 'b'], {
      version: 'fastd --version',
      server: {
        start: 'fastd --daemon --config {workdir}/server.conf --pid-file {workdir}/server.pid',
        ready: { device: 'vpn0' },
      },
      client: {
        start: ['fastd', '--config', '{workdir}/client.conf'],
        ready: { output: 'connection with <\\w+> established' },
        stop: 'touch {workdir}/stopped',
      },
      target: '10.201.0.1',
      device: 'vpn0',
      udp: true,
    })
    if (await adapterFor('fastd').supports(spec, {} as Scenario)) this.skip()
    const keys = { client: await fastdKeys(), server: await fastdKeys() }
    for (const side of ['client', 'server'] as const) {
      const other = side === 'client' ? 'server' : 'client'
      const options = { side, serverAddress: lab.path('a').addresses.server4, mtu: 1400, method: 'aes128-gcm' }
      const peerKey = keys[other].publicKey
      writeFileSync(join(workDir, `${side}.conf`), fastdConfig({ ...options, secret: keys[side].secret, peerKey }))
    }
    const running = await start(spec, this)
    await throughput(running)
    expect(programs()).to.have.length(2)
    await stopAndLook(running)
    expect(existsSync(join(workDir, 'stopped'))).to.equal(true)
  })

  async function start(spec: SubjectSpec, test?: Mocha.Context): Promise<RunningSubject> {
    const adapter = adapterFor(spec.kind)
    const unsupported = await adapter.supports(spec, {} as Scenario)
    if (unsupported && test) {
      console.log(`      not run here: ${unsupported.reason}`)
      test.skip()
    }
    expect(await adapter.version(spec)).to.be.a('string')
    const running = await adapter.start({ lab, spec, workDir })
    await running.ready(never)
    return running
  }

  async function stopAndLook(running: RunningSubject): Promise<void> {
    expect(await running.stats()).to.be.an('object')
    await running.stop()
    await running.stop()
    expect(programs()).to.deep.equal([])
    expect(sockets()).to.deep.equal(socketsBefore)
    for (const host of [lab.client, lab.server]) {
      expect((await host.run('ip', ['-br', 'link'])).stdout).not.to.contain('vpn0')
      expect((await host.run('ip', ['route'])).stdout).not.to.contain('blackhole')
    }
  }

  /** Longer than the slowest protocol's own repetition after a peer forgot it (fastd: 22 s). */
  async function readyAgain(running: RunningSubject): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await running.ready(never)
        return
      } catch (error) {
        if (attempt === 2) throw error
      }
    }
  }

  async function throughput({ endpoint }: RunningSubject): Promise<number> {
    const { serverAddress, clientAddress, clientDevice, wrap } = endpoint
    const words = [...wrap, 'iperf3']
    const server = lab.server.spawn(words[0]!, [...words.slice(1), '-s', '-1', '-B', serverAddress], {
      role: 'traffic',
    })
    await eventually(async () => (await lab.server.run('ss', ['-Hltn', 'sport', '=', ':5201'])).stdout !== '')
    const args = ['-c', serverAddress, '-t', '1', '--json']
    if (clientAddress !== null) args.push('-B', clientAddress)
    if (clientDevice !== null) args.push('--bind-dev', clientDevice)
    const { stdout } = await lab.client.run(words[0]!, [...words.slice(1), ...args], { check: false })
    await server.stop()
    const result = JSON.parse(stdout) as { error?: string; end: { sum_received?: { bits_per_second: number } } }
    expect(result.error).to.equal(undefined)
    const rate = result.end.sum_received?.bits_per_second ?? 0
    expect(rate).to.be.above(5e6)
    return rate
  }

  /** The largest inner packet goes through although nothing may be fragmented on the way. */
  async function fullPacketFits({ endpoint }: RunningSubject, paths: readonly string[]): Promise<void> {
    const links = JSON.parse((await lab.client.run('ip', ['-j', 'link', 'show', 'dev', 'vpn0'])).stdout) as [
      { mtu: number },
    ]
    const { mtu } = links[0]
    expect(mtu).to.be.within(1400, 1500)
    const fragments = async (): Promise<number> => {
      const { stdout } = await lab.client.run('cat', ['/proc/net/snmp'])
      const [names = '', values = ''] = stdout.split('\n').filter((line) => line.startsWith('Ip: '))
      return Number(values.split(' ')[names.split(' ').indexOf('FragCreates')])
    }
    const before = await fragments()
    const headers = 20 + 8
    const size = `${mtu - headers}`
    await lab.client.run('ping', ['-c', '1', '-W', '5', '-M', 'do', '-s', size, endpoint.serverAddress])
    expect(await fragments(), `fragments on ${paths.join(', ')}`).to.equal(before)
  }

  async function endpoints(): Promise<string> {
    return (await lab.client.run('ip', ['mptcp', 'endpoint', 'show'])).stdout.trim()
  }

  /** Names of programs in the hosts. */
  function programs(): number[] {
    return [lab.client, lab.server].flatMap((host) => netnsPids(host.netns))
  }
})

function sockets(): string[] {
  return existsSync('/run/wireguard') ? readdirSync('/run/wireguard') : []
}

async function eventually(condition: () => Promise<boolean>, limitMs = 5000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`still not so after ${limitMs / 1000} s`)
    await runChecked('this host', ['sleep', '0.05'])
  }
}
