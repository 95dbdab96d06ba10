/** The shaper with every program replaced by one that writes down how it was called. */
import { expect } from 'chai'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BenchError, MachineError } from '../lab/errors.js'
import { Host } from '../lab/host.js'
import type { DirectionSpec, PathSpec } from '../scenario/types.js'
import { NetemShaper } from './netem.js'

const direction: DirectionSpec = {
  bitsPerSecond: 50e6,
  trace: null,
  delayMs: 10,
  jitterMs: 0,
  jitterReorders: false,
  loss: null,
  reorder: 0,
  duplicate: 0,
  queue: { packets: 100 },
  aqm: 'droptail',
}
const path: PathSpec = { name: 'a', up: direction, down: direction, mtu: 1500 }
const hosts = [new Host('client', 'lab-client'), new Host('server', 'lab-server')] as const

/** Writes its argv and its standard input; fails when its words contain $FAKE_FAIL; answers questions from files. */
const FAKE = `#!/bin/sh
name=\${0##*/}
line="$name $*"
case "$line" in *" -") line="$line <<< $(tr '\\n' ';')" ;; esac
printf '%s\\n' "$line" >>"$FAKE_DIRECTORY/log"
case "$line" in
  *"\${FAKE_FAIL:-nothing}"*) echo "Error: the fake $name refuses" >&2; exit 2 ;;
  *"qdisc show") cat "$FAKE_DIRECTORY/qdiscs" ;;
  *"link show") cat "$FAKE_DIRECTORY/links" ;;
  *"list counters") cat "$FAKE_DIRECTORY/counters" ;;
esac
`

describe('netem shaper with fake programs', () => {
  const original = { ...process.env }
  let directory = ''
  const owned: string[] = []
  const record = {
    lab: 'lab',
    ownsNetns: (name: string): void => {
      owned.push(`${name} after ${log().filter((line) => line.includes('netns add')).length} commands`)
    },
  }
  let shaper: NetemShaper

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'fake-tc-'))
    for (const program of ['tc', 'ip', 'unshare']) {
      writeFileSync(join(directory, program), FAKE)
      chmodSync(join(directory, program), 0o755)
    }
    process.env['PATH'] = `${directory}:${original['PATH'] ?? ''}`
    process.env['FAKE_DIRECTORY'] = directory
    delete process.env['FAKE_FAIL']
    owned.length = 0
    shaper = await NetemShaper.start(record)
  })
  afterEach(() => {
    process.env['PATH'] = original['PATH']
    delete process.env['FAKE_DIRECTORY']
    delete process.env['FAKE_FAIL']
    rmSync(directory, { recursive: true })
  })

  function log(): string[] {
    try {
      return readFileSync(join(directory, 'log'), 'utf8').split('\n').filter(Boolean)
    } catch {
      return []
    }
  }

  /** What was run since the last call. */
  function recent(): string[] {
    const lines = log()
    rmSync(join(directory, 'log'), { force: true })
    return lines
  }

  it('writes its namespace down before it makes it', () => {
    expect(owned).to.deep.equal(['lab-mid after 0 commands'])
    expect(log()).to.include('ip netns add lab-mid')
  })

  it('says what the kernel lacks', async () => {
    process.env['FAKE_FAIL'] = 'netem delay'
    const error = await NetemShaper.start(record).catch((thrown: unknown) => thrown as Error)
    expect(error).to.be.instanceOf(MachineError)
    expect((error as Error).message).to.contain('sch_netem: Error: the fake unshare refuses')
  })

  it('makes a path with eight queueing disciplines', async () => {
    recent()
    await shaper.addPath(path, ...hosts)
    expect(recent().filter((line) => line.startsWith('tc '))).to.have.length(8)
  })

  it('repeats what tc said when it refuses', async () => {
    process.env['FAKE_FAIL'] = 'tbf rate 50000000bit'
    const error = await shaper.addPath(path, ...hosts).catch((thrown: unknown) => thrown as Error)
    expect(error).to.be.instanceOf(BenchError)
    expect((error as Error).message).to.match(/^netem shaper: .*`tc -n lab-mid qdisc add dev x1.*the fake tc refuses/)
  })

  it('goes on when a device does not know an offload', async () => {
    process.env['FAKE_FAIL'] = 'tx-udp-segmentation'
    await shaper.addPath(path, ...hosts)
  })

  it('runs only the commands that change something', async () => {
    await shaper.addPath(path, ...hosts)
    recent()
    await shaper.set('a', 'up', { delayMs: 20 })
    expect(recent()).to.deep.equal([
      'tc -n lab-mid qdisc change dev s1 root handle 2: netem limit 3084 delay 20000us rate 100gbit',
    ])
    await shaper.set('a', 'up', { delayMs: 20 })
    expect(recent()).to.deep.equal([])
    await shaper.set('a', 'both', { blackhole: true })
    expect(recent().map((line) => line.split(' <<< ')[0])).to.deep.equal([
      'ip netns exec lab-mid nft -f -',
      'ip netns exec lab-mid nft -f -',
    ])
    // The delay line's limit follows from the rate.
    await shaper.set('a', 'down', { bitsPerSecond: 20e6 })
    expect(recent().map((line) => line.split(' ').slice(3, 8).join(' '))).to.deep.equal([
      'qdisc change dev y1 root',
      'qdisc change dev c1 root',
    ])
  })

  it('changes both directions or none', async () => {
    await shaper.addPath(path, ...hosts)
    recent()
    process.env['FAKE_FAIL'] = 'change dev y1'
    const error = await shaper.set('a', 'both', { bitsPerSecond: 10e6 }).catch((thrown: unknown) => thrown)
    expect(error).to.be.instanceOf(BenchError)
    const rates = recent().filter((line) => line.includes('dev x1'))
    expect(rates.map((line) => /rate (\d+)bit/.exec(line)?.[1])).to.deep.equal(['10000000', '50000000'])
    // What it believes is what was there before.
    delete process.env['FAKE_FAIL']
    await shaper.set('a', 'both', { bitsPerSecond: 50e6 })
    expect(recent()).to.deep.equal([])
  })

  it('names the paths that it has when asked for another', async () => {
    await shaper.addPath(path, ...hosts)
    const error = await shaper.set('b', 'up', { delayMs: 1 }).catch((thrown: unknown) => thrown as Error)
    expect((error as Error).message).to.equal('netem shaper: no path "b" (paths: a)')
  })

  it('pulls the cable on the client’s side', async () => {
    await shaper.addPath(path, ...hosts)
    recent()
    await shaper.carrier('a', false)
    await shaper.carrier('a', true)
    expect(recent()).to.deep.equal(['ip -n lab-mid link set dev c1 down', 'ip -n lab-mid link set dev c1 up'])
  })

  it('counts per direction', async () => {
    await shaper.addPath(path, ...hosts)
    const stats = (rx: number, tx: number, dropped = 0): object => ({
      rx: { bytes: rx * 1000, packets: rx, dropped: 0 },
      tx: { bytes: tx * 1000, packets: tx, dropped },
    })
    writeFileSync(
      join(directory, 'links'),
      JSON.stringify([
        { ifname: 'c1', stats64: stats(100, 40) },
        { ifname: 's1', stats64: stats(50, 80, 2) },
        { ifname: 'x1', stats64: stats(0, 90) },
      ]),
    )
    writeFileSync(
      join(directory, 'qdiscs'),
      JSON.stringify([
        { kind: 'noqueue', dev: 'lo', root: true },
        { kind: 'tbf', dev: 'x1', root: true, drops: 7 },
        { kind: 'pfifo', dev: 'x1', parent: '1:1', drops: 7 },
        { kind: 'netem', dev: 's1', root: true, drops: 3 },
        { kind: 'tbf', dev: 'y1', root: true, drops: 9 },
        { kind: 'codel', dev: 'y1', parent: '1:1', drops: 9, drop_overlimit: 4 },
        { kind: 'netem', dev: 'c1', root: true, drops: 1 },
      ]),
    )
    writeFileSync(
      join(directory, 'counters'),
      JSON.stringify({
        nftables: [
          { metainfo: {} },
          { counter: { name: 'up1_blackhole', packets: 11, bytes: 1 } },
          { counter: { name: 'up1_mtu', packets: 5, bytes: 1 } },
        ],
      }),
    )
    await shaper.set('a', 'down', { loss: { kind: 'random', probability: 0.1 } })
    await shaper.set('a', 'up', { blackhole: true })
    const before = Number(process.hrtime.bigint()) / 1e6
    const { atMs, paths } = await shaper.counters()
    expect(atMs).to.be.within(before, before + 10_000)
    expect(paths['a']).to.deep.equal({
      up: {
        inPackets: 100,
        inBytes: 100_000,
        outPackets: 80,
        outBytes: 80_000,
        dropQueue: 7,
        dropLoss: 0,
        dropAqm: 0,
        dropBlackhole: 11,
        dropOther: 7,
        // No loss was asked for, so the delay line was too short.
        dropEmulator: 3,
        queueHighWaterBytes: null,
        sojournMaxMs: null,
      },
      down: {
        inPackets: 50,
        inBytes: 50_000,
        outPackets: 40,
        outBytes: 40_000,
        dropQueue: 4,
        dropLoss: 1,
        dropAqm: 5,
        dropBlackhole: 0,
        dropOther: 0,
        dropEmulator: 0,
        queueHighWaterBytes: null,
        sojournMaxMs: null,
      },
    })
  })

  it('removes its namespace, also twice', async () => {
    recent()
    await shaper.close()
    await shaper.close()
    expect(recent()).to.deep.equal(['ip netns del lab-mid', 'ip netns del lab-mid'])
  })
})
