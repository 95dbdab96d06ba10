/**
 * mqvpn-link for real: two namespaces, TAP devices, iperf3 and ping. Needs root and build/release (or the program that
 * MQVPN_LINK names, one with sanitizers for example).
 *
 *   npx mocha --no-config --import=tsx native/test/link.lab.test.ts
 *
 *   ┌ client ───────────┐   up →    ┌───────────┐    ┌ server ───────────┐
 *   │ 10.9.0.1  TAP "a" ├───────────┤mqvpn-link ├────┤ TAP "a"  10.9.0.2 │
 *   └───────────────────┘           └───────────┘ ← down                 ┘
 *
 * The machine may be busy with other things, so what depends on time is measured again before it is believed to be wrong.
 */
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { execa } from 'execa'

const program = process.env['MQVPN_LINK'] ?? fileURLToPath(new URL('../../build/release/mqvpn-link', import.meta.url))
const CLIENT = `mqbt-${process.pid}-c`
const SERVER = `mqbt-${process.pid}-s`
const SERVER_ADDRESS = '10.9.0.2'
const FULL_FRAME_BITS = 1514 * 8

type Counters = Record<string, number>
interface Reply {
  ok?: boolean
  error?: string
  tNs?: number
  paths?: Record<string, { up: Counters; down: Counters }>
  [key: string]: unknown
}

/** A running mqvpn-link and its control channel. */
class Link {
  readonly process
  readonly ready: Promise<Reply>
  private readonly waiting: ((reply: Reply) => void)[] = []

  constructor(args: string[] = ['--realtime']) {
    this.process = execa(program, args, { stdin: 'pipe', stdout: 'pipe', buffer: false, reject: false })
    this.ready = new Promise((resolve) => this.waiting.push(resolve))
    createInterface({ input: this.process.stdout }).on('line', (line) =>
      this.waiting.shift()?.(JSON.parse(line) as Reply),
    )
  }

  request(op: string, fields: object = {}): Promise<Reply> {
    const reply = new Promise<Reply>((resolve) => this.waiting.push(resolve))
    this.process.stdin.write(`${JSON.stringify({ id: 1, op, ...fields })}\n`)
    return reply
  }

  async demand(op: string, fields: object = {}): Promise<Reply> {
    const reply = await this.request(op, fields)
    expect(reply.ok, JSON.stringify(reply)).to.equal(true)
    return reply
  }

  set(spec: object, direction = 'both') {
    return this.demand('set', { path: 'a', direction, spec })
  }

  async counters() {
    const { tNs, paths } = await this.demand('stats')
    return { tNs: tNs!, ...paths!['a']! }
  }

  async end() {
    this.process.stdin.end()
    return (await this.process).exitCode
  }
}

const inClient = (...command: string[]) => execa('ip', ['netns', 'exec', CLIENT, ...command])
const inServer = (...command: string[]) => execa('ip', ['netns', 'exec', SERVER, ...command], { reject: false })
const end = (namespace: string, device = 'a') => ({ netns: `/run/netns/${namespace}`, dev: device })

/** Ended after the test, however it went. */
const opened: Link[] = []

/** A started link with path "a" up and addressed. */
async function openLink(args?: string[]): Promise<Link> {
  const link = new Link(args)
  opened.push(link)
  await link.ready
  await link.demand('add', { path: 'a', left: end(CLIENT), right: end(SERVER), up: {}, down: {} })
  for (const [namespace, host] of [
    [CLIENT, 1],
    [SERVER, 2],
  ] as const) {
    await execa('ip', ['-n', namespace, 'address', 'add', `10.9.0.${host}/24`, 'dev', 'a'])
    await execa('ip', ['-n', namespace, 'address', 'add', `fd09::${host}/64`, 'dev', 'a', 'nodad'])
    await execa('ip', ['-n', namespace, 'link', 'set', 'dev', 'a', 'up'])
  }
  return link
}

/** Runs `during` while iperf3 sends from client to server; then stops it. */
async function underLoad<T>(iperfArgs: string[], during: () => Promise<T>): Promise<T> {
  const server = inServer('iperf3', '-s', '-1')
  await sleep(300)
  const client = execa('ip', ['netns', 'exec', CLIENT, 'iperf3', '-c', SERVER_ADDRESS, '-t', '60', ...iperfArgs], {
    reject: false,
  })
  try {
    return await during()
  } finally {
    client.kill('SIGINT')
    await client
    server.kill('SIGTERM')
    await server
  }
}

/** Round-trip times in ms, sorted. */
async function roundTrips(count: number, intervalS = 0.01): Promise<number[]> {
  const { stdout } = await inClient('ping', '-n', '-i', String(intervalS), '-c', String(count), SERVER_ADDRESS)
  return [...stdout.matchAll(/time=([\d.]+)/g)].map((match) => Number(match[1])).toSorted((a, b) => a - b)
}
const quantile = (sorted: number[], q: number) => sorted[Math.floor((sorted.length - 1) * q)] ?? NaN

/** Measures up to `times` times until `good`; the last measurement counts. */
async function persistently<T>(times: number, measure: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  let value = await measure()
  for (let i = 1; i < times && !good(value); ++i) value = await measure()
  return value
}

const alive = (pid: number) =>
  existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
async function until(condition: () => boolean | Promise<boolean>) {
  while (!(await condition())) await sleep(20)
}
const deviceExists = async (namespace: string) =>
  (await execa('ip', ['-n', namespace, 'link', 'show', 'dev', 'a'], { reject: false })).exitCode === 0

/** What the server's stack was handed: glued segments count once. */
const packetsAtServer = async () => Number((await inServer('cat', '/sys/class/net/a/statistics/rx_packets')).stdout)

/** UDP datagrams that reached the server, whether or not iperf3 had room for them. */
async function datagramsAtServer(): Promise<number> {
  const { stdout } = await inServer('nstat', '-asz', 'UdpInDatagrams', 'UdpRcvbufErrors')
  return [...stdout.matchAll(/^Udp\w+\s+(\d+)/gm)].reduce((sum, [, count]) => sum + Number(count), 0)
}

describe('mqvpn-link (root)', function () {
  this.timeout(0)
  this.slow(60_000)
  let link: Link

  before(async () => {
    for (const namespace of [CLIENT, SERVER]) {
      await execa('ip', ['netns', 'add', namespace])
      await execa('ip', ['-n', namespace, 'link', 'set', 'lo', 'up'])
    }
  })
  after(async () => {
    for (const namespace of [CLIENT, SERVER]) await execa('ip', ['netns', 'del', namespace], { reject: false })
  })
  beforeEach(async () => {
    link = await openLink()
  })
  afterEach(() => opened.pop()?.end())

  describe('rate', () => {
    for (const mbit of [1, 10, 100, 300, 1000]) {
      it(`${mbit} Mbit/s, within 1 %`, async () => {
        const bits = mbit * 1e6
        // A queue that a bulk transfer always fills, so that the link is never idle.
        await link.set({ rate: bits, queue: { bytes: Math.max(60_000, bits * 0.02) } }, 'up')
        const measured = await underLoad(['-C', 'cubic', '-P', mbit >= 100 ? '4' : '1'], async () => {
          await sleep(mbit === 1 ? 4000 : 2000)
          return persistently(
            5,
            async () => {
              const before = await link.counters()
              await sleep(mbit === 1 ? 8000 : 3000)
              const after = await link.counters()
              return ((after.up['outBytes']! - before.up['outBytes']!) * 8e9) / (after.tNs - before.tNs)
            },
            (value) => Math.abs(value / bits - 1) < 0.01,
          )
        })
        expect(measured / bits, 'measured / configured').to.be.within(0.99, 1.01)
        const { up, down } = await link.counters()
        for (const own of ['dropTapRing', 'dropPool', 'dropOversize', 'writeErrors']) {
          expect(up[own], own).to.equal(0)
          expect(down[own], own).to.equal(0)
        }
      })
    }
  })

  it('delays by what was asked for: 0.3 ms in the median and 1 ms in 99 of 100', async () => {
    await roundTrips(3)
    // What two stacks and a busy machine add is there without a delay, too.
    const { added, least } = await persistently(
      20,
      async () => {
        await link.set({ delayUs: 0 }, 'up')
        const without = await roundTrips(150)
        await link.set({ delayUs: 20_000 }, 'up')
        const times = await roundTrips(150)
        return { added: [0.5, 0.99].map((q) => quantile(times, q) - quantile(without, q)), least: times[0]! }
      },
      ({ added: [median, late] }) => Math.abs(median! - 20) < 0.3 && Math.abs(late! - 20) < 1,
    )
    expect(least).to.be.at.least(20)
    expect(added[0], 'median').to.be.closeTo(20, 0.3)
    expect(added[1], '99 of 100').to.be.closeTo(20, 1)
  })

  it('loses what was asked for, and the receiver misses exactly that', async () => {
    const p = 0.05
    const datagramsBefore = await datagramsAtServer()
    await underLoad(['-u', '-b', '20M', '-l', '200', '-w', '2M'], async () => {
      // Not from the start: iperf3's control connection would suffer.
      await link.set({ loss: { kind: 'random', probability: p } }, 'up')
      const before = await link.counters()
      await sleep(4000)
      const { up } = await link.counters()
      await link.set({ loss: null }, 'up')
      const offered = up['inPackets']! - before.up['inPackets']!
      const lost = up['dropLoss']! - before.up['dropLoss']!
      expect(offered).to.be.above(20_000)
      expect(Math.abs(lost - offered * p)).to.be.below(5 * Math.sqrt(offered * p * (1 - p)))
    })
    const { up } = await link.counters()
    // A few of the frames are iperf3's control connection.
    expect(up['outPackets']! - ((await datagramsAtServer()) - datagramsBefore)).to.be.within(0, 100)
  })

  it('queues exactly what was asked for, and a packet waits for exactly those in front of it', async () => {
    const packets = 50
    await link.set({ rate: 10e6, queue: { packets } }, 'up')
    await underLoad(['-u', '-b', '12M', '-l', '1472'], async () => {
      await until(async () => (await link.counters()).up['dropQueue']! > 100)
      const full = ((packets + 1) * FULL_FRAME_BITS) / 10e6
      // Some find one place less taken; none waits longer than for a full queue and the frame in service.
      const times = await persistently(
        8,
        () => roundTrips(100, 0.02),
        (sorted) => Math.abs(quantile(sorted, 0.5) - full * 1e3) < 2.5,
      )
      expect(quantile(times, 0.5)).to.be.closeTo(full * 1e3, 2.5)
    })
    const { up } = await link.counters()
    expect(up['queueHighWaterPackets']).to.equal(packets)
    expect(up['sojournMaxNs']).to.be.at.most(((packets + 1) * FULL_FRAME_BITS * 1e9) / 10e6)
  })

  it('counts packets, not super-packets; glues them at the far end, and leaves checksums alone', async () => {
    await link.set({ rate: 200e6, delayUs: 5_000 })
    const before = await packetsAtServer()
    await underLoad(['-6', '-c', 'fd09::2'], () => sleep(1000))
    await underLoad([], () => sleep(2000))
    const { up } = await link.counters()
    expect(up['dropOversize']).to.equal(0)
    expect(up['inBytes']! / up['inPackets']!).to.be.within(1300, 1514)
    expect((await packetsAtServer()) - before).to.be.below(up['outPackets']! / 2)
    const { stdout } = await inServer('nstat', '-asz', '*Csum*')
    const errors = [...stdout.matchAll(/^(\w+)\s+(\d+)/gm)].filter(([, name]) => /^(Tcp|Udp|Udp6)In/.test(name!))
    expect(errors.length, stdout).to.be.at.least(3)
    for (const [line, , count] of errors) expect(Number(count), line).to.equal(0)
  })

  it('hands every packet over on its own with --no-gro', async () => {
    await opened.pop()!.end()
    link = await openLink(['--no-gro'])
    const before = await packetsAtServer()
    await underLoad([], () => sleep(1000))
    const { up } = await link.counters()
    expect((await packetsAtServer()) - before).to.be.closeTo(up['outPackets']!, 2000)
  })

  it('glues UDP without the receiver noticing', async () => {
    await link.set({ rate: 100e6, delayUs: 5_000 })
    const before = await packetsAtServer()
    const server = inServer('iperf3', '-s', '-1')
    await sleep(300)
    const { stdout } = await inClient(
      'iperf3',
      '-c',
      SERVER_ADDRESS,
      '-u',
      '-b',
      '80M',
      '-l',
      '1200',
      '-w',
      '2M',
      '-t',
      '3',
      '-J',
    )
    await server
    const { sum } = (JSON.parse(stdout) as { end: { sum: { lost_packets: number; packets: number } } }).end
    const { up } = await link.counters()
    const dropped = up['dropQueue']! + up['dropTapRing']!
    expect(sum.packets).to.be.above(10_000)
    expect((await packetsAtServer()) - before).to.be.below(up['outPackets']! * 0.9)
    expect(sum.lost_packets).to.be.at.most(dropped)
  })

  it('pulls and plugs the cable', async () => {
    await link.set({ delayUs: 1_000 })
    await link.demand('carrier', { path: 'a', side: 'left', on: false })
    expect((await inClient('ip', 'link', 'show', 'dev', 'a')).stdout).to.contain('NO-CARRIER')
    expect((await inServer('ip', 'link', 'show', 'dev', 'a')).stdout).not.to.contain('NO-CARRIER')
    const before = await link.counters()
    await execa('ip', ['netns', 'exec', SERVER, 'ping', '-n', '-c', '3', '-i', '0.05', '-W', '1', '10.9.0.1'], {
      reject: false,
    })
    const { down } = await link.counters()
    expect(down['dropDown']! - before.down['dropDown']!).to.be.at.least(3)
    expect(down['outPackets']).to.equal(before.down['outPackets'])
    await link.demand('carrier', { path: 'a', side: 'left', on: true })
    expect((await roundTrips(3)).length).to.equal(3)
    expect((await link.counters()).up['dropTapRing'], 'a pulled cable is no failure of ours').to.equal(0)
  })

  it('sees frames that the kernel dropped in front of it', async () => {
    await roundTrips(1)
    link.process.kill('SIGSTOP')
    // 10 000 frames fit into the ring: the rest is lost before anybody can shape it.
    const blast = 'dd if=/dev/zero bs=1000 count=16000 > "/dev/udp/$0/9"'
    await execa('ip', ['netns', 'exec', CLIENT, 'bash', '-c', blast, SERVER_ADDRESS], { reject: false })
    link.process.kill('SIGCONT')
    const { up } = await link.counters()
    expect(up['dropTapRing']).to.be.above(5000)
  })

  it('replays a trace', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'mqvpn-link-'))
    try {
      const file = path.join(folder, 'trace')
      // 3 frames in 4 ms: 9.084 Mbit/s
      await writeFile(file, '1\n2\n4\n')
      await link.set({ trace: file, queue: { packets: 50 } }, 'up')
      await underLoad(['-u', '-b', '12M', '-l', '1472'], async () => {
        await sleep(500)
        const before = await link.counters()
        await sleep(2000)
        const after = await link.counters()
        const rate = ((after.up['outBytes']! - before.up['outBytes']!) * 8e9) / (after.tNs - before.tNs)
        expect(rate).to.be.closeTo((3 * FULL_FRAME_BITS) / 4e-3, 0.01 * 9.084e6)
      })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('refuses what it cannot do, says why, and carries on', async () => {
    const errors: [string, object, RegExp][] = [
      ['add', { path: 'a', left: end(CLIENT, 'x'), right: end(SERVER, 'x') }, /^add: path "a" exists already/],
      [
        'add',
        { path: 'b', left: end('mqbt-none'), right: end(SERVER, 'x') },
        /^add: network namespace .*mqbt-none: No such file/,
      ],
      ['add', { path: 'b', left: end(CLIENT, 'x'), right: end(SERVER) }, /^add: device a in .*busy/],
      ['set', { path: 'z', direction: 'up', spec: {} }, /^set: path "z" does not exist \(paths: a\)/],
      [
        'set',
        { path: 'a', direction: 'up', spec: { blackhole: true, trace: '/nonexistent' } },
        /^set: trace: cannot read/,
      ],
      ['set', { path: 'a', direction: 'up', spec: { blackhole: true, rate: -1 } }, /^set: spec\.rate is -1, expected/],
      ['carrier', { path: 'a', side: 'middle', on: true }, /^carrier: side is "middle"/],
    ]
    for (const [op, fields, message] of errors) {
      const reply = await link.request(op, fields)
      expect(reply.ok).to.equal(false)
      expect(reply.error).to.match(message)
    }
    // All or nothing: the black hole that came with a mistake is not there. Nor is half a path.
    expect((await roundTrips(3)).length).to.equal(3)
    expect((await execa('ip', ['-n', CLIENT, 'link', 'show', 'dev', 'x'], { reject: false })).exitCode).not.to.equal(0)
  })

  it('removes a path with its devices', async () => {
    await link.demand('remove', { path: 'a' })
    expect(await deviceExists(CLIENT)).to.equal(false)
    expect(await deviceExists(SERVER)).to.equal(false)
  })

  it('stays calm when somebody else deletes a device', async () => {
    await execa('ip', ['-n', CLIENT, 'link', 'del', 'dev', 'a'])
    await inServer('ping', '-n', '-c', '1', '-W', '1', '10.9.0.1')
    const cpu = () => Number(/\) .(?: \S+){10} (\d+)/.exec(readFileSync(`/proc/${link.process.pid!}/stat`, 'utf8'))![1])
    const before = cpu()
    await sleep(1000)
    expect(cpu() - before, 'hundredths of a second').to.be.below(20)
    expect((await link.counters()).down['writeErrors']).to.be.at.least(0)
    await link.demand('remove', { path: 'a' })
  })

  it('reports regularly when asked to', async () => {
    await link.demand('subscribe', { intervalMs: 50 })
    const stamps: number[] = []
    for (let i = 0; i < 5; ++i) {
      const event = await new Promise<Reply>((resolve) => link['waiting'].push(resolve))
      expect(event['event']).to.equal('stats')
      stamps.push(event.tNs!)
    }
    expect((stamps[4]! - stamps[0]!) / 1e6).to.be.closeTo(200, 60)
    expect(Number(process.hrtime.bigint()) - stamps[4]!).to.be.within(0, 1e9)
  })

  describe('ends, and its devices with it,', () => {
    const gone = async () => {
      await until(async () => !(await deviceExists(CLIENT)) && !(await deviceExists(SERVER)))
    }

    it('when its input ends', async () => {
      expect(await link.end()).to.equal(0)
      await gone()
    })

    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      it(`on ${signal}`, async () => {
        link.process.kill(signal)
        expect((await link.process).exitCode).to.equal(0)
        await gone()
      })
    }

    it('on SIGKILL', async () => {
      link.process.kill('SIGKILL')
      await link.process
      await gone()
    })

    it('when its parent is killed, though its input stays open', async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'mqvpn-link-'))
      try {
        const fifo = path.join(folder, 'input')
        await execa('mkfifo', [fifo])
        // Opened for reading and writing, a FIFO never ends.
        const parent = execa('sh', ['-c', `"$0" <> "$1" >/dev/null & echo $!; wait`, program, fifo], {
          reject: false,
          buffer: false,
        })
        const pid = await new Promise<number>((resolve) => {
          createInterface({ input: parent.stdout }).once('line', (line) => resolve(Number(line)))
        })
        expect(alive(pid)).to.equal(true)
        await sleep(200)
        parent.kill('SIGKILL')
        await until(() => !alive(pid))
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  })
})
