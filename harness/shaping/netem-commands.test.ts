import { expect } from 'chai'
import fc from 'fast-check'
import type { DirectionSpec, PathSpec } from '../scenario/types.js'
import { liveSpec } from './backend.js'
import {
  burstBytes,
  cannotChange,
  changeCommands,
  delayCommand,
  delayLinePackets,
  gateCommand,
  netemCannot,
  pathCommands,
  rateCommands,
} from './netem-commands.js'

const plain: DirectionSpec = {
  bitsPerSecond: 100e6,
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
const path: PathSpec = { name: 'a', up: plain, down: { ...plain, bitsPerSecond: 1e9 }, mtu: 1500 }

const words = (spec: Partial<DirectionSpec>): string =>
  delayCommand('add', 'mid', 's1', { ...plain, ...spec })
    .argv.slice(3)
    .join(' ')
const rate = (spec: Partial<DirectionSpec>, verb: 'add' | 'change' = 'add'): string[] =>
  rateCommands(verb, 'mid', 'x1', { ...plain, ...spec }).map(({ argv }) => argv.slice(3).join(' '))

describe('commands of the netem shaper', () => {
  it('give tbf 0.12 ms of the rate at once, and never less than 5 kB', () => {
    // The measured table: 1 Gbit/s needs 15 000 bytes for 99 %, 5000 are enough up to 100 Mbit/s.
    expect(burstBytes(10e6)).to.equal(5000)
    expect(burstBytes(100e6)).to.equal(5000)
    expect(burstBytes(300e6)).to.equal(5000)
    expect(burstBytes(1e9)).to.equal(15_000)
    expect(burstBytes(10e9)).to.equal(150_000)
  })

  it('make the delay line longer than all that can be under way in it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1e5, max: 900e6 }),
        fc.integer({ min: 0, max: 1000 }),
        fc.integer({ min: 0, max: 100 }),
        (bitsPerSecond, delayMs, jitterMs) => {
          const full = (bitsPerSecond / 8 / 1514) * ((delayMs + 3 * jitterMs) / 1000)
          const small = (bitsPerSecond / 8 / 60) * ((delayMs + 3 * jitterMs) / 1000)
          const limit = delayLinePackets({ bitsPerSecond, delayMs, jitterMs })
          expect(limit).to.be.at.least(Math.floor(small))
          expect(limit).to.be.above(full + 999)
        },
      ),
    )
    // The default of netem, 1000, would drop here: 50 Mbit/s over 320 ms hold 1320 full packets.
    expect(delayLinePackets({ bitsPerSecond: 50e6, delayMs: 320, jitterMs: 0 })).to.equal(34_334)
    expect(delayLinePackets({ bitsPerSecond: null, delayMs: 10, jitterMs: 0 })).to.equal(21_000)
  })

  it('never leave the limit of netem to its default', () => {
    expect(words({})).to.match(/netem limit \d+ delay 10000us rate 100gbit$/)
  })

  it('keep order unless jitter is to reorder', () => {
    expect(words({ jitterMs: 2.5 })).to.match(/delay 10000us 2500us distribution normal rate 100gbit$/)
    expect(words({ jitterMs: 2.5, jitterReorders: true })).to.match(/delay 10000us 2500us distribution normal$/)
  })

  it('say loss, duplication and reordering as tc reads them', () => {
    expect(words({ loss: { kind: 'random', probability: 0.003 } })).to.contain(' loss random 0.3% ')
    const gilbert = { kind: 'gilbert' as const, toBad: 0.01, toGood: 0.25, lossGood: 0.001, lossBad: 0.8 }
    // p r 1-h 1-k: to bad, to good, lost in bad, lost in good.
    expect(words({ loss: gilbert })).to.contain(' loss gemodel 1% 25% 80% 0.1% ')
    expect(words({ duplicate: 0.01, reorder: 0.05 })).to.contain(' duplicate 1% reorder 5% ')
    expect(words({ reorder: 0.05, delayMs: 0 })).not.to.contain('reorder')
    expect(words({ loss: { kind: 'random', probability: 1e-6 } })).to.contain(' 0.0001% ')
  })

  it('leave room for the packet that is being sent', () => {
    expect(rate({ queue: { packets: 100 } })).to.deep.equal([
      'qdisc add dev x1 root handle 1: tbf rate 100000000bit burst 5000 limit 101',
      'qdisc add dev x1 parent 1:1 handle 10: pfifo limit 101',
    ])
    expect(rate({ queue: { bytes: 64_000 } })).to.deep.equal([
      'qdisc add dev x1 root handle 1: tbf rate 100000000bit burst 5000 limit 65514',
    ])
  })

  it('put CoDel below tbf, without marking', () => {
    const codel = 'parent 1:1 handle 10: codel limit 101 target 5ms interval 100ms noecn'
    expect(rate({ aqm: 'codel' })[1]).to.equal(`qdisc add dev x1 ${codel}`)
    expect(rate({ aqm: 'codel' }, 'change')[1]).to.equal(`qdisc change dev x1 ${codel}`)
    expect(rate({ aqm: 'codel', queue: { bytes: 15_140 } })[1]).to.contain('limit 11 ')
  })

  it('keep tbf for a link without a rate, so that one can be set later', () => {
    expect(rate({ bitsPerSecond: null })[0]).to.contain('rate 40000000000bit burst 600000 ')
  })

  it('change a packet queue through tbf alone', () => {
    expect(rate({ bitsPerSecond: 20e6 }, 'change')).to.deep.equal([
      'qdisc change dev x1 root handle 1: tbf rate 20000000bit burst 5000 limit 101',
    ])
  })

  it('rate what the client sends before it is delayed, and the other way round', () => {
    const lines = pathCommands(path, 2, { middle: 'mid', client: 'cli', server: 'srv' })
      .map(({ argv }) => argv.join(' '))
      .filter((line) => line.startsWith('tc '))
    expect(lines.map((line) => / dev (\S+) .*?(tbf|pfifo|netem)/.exec(line)?.slice(1).join(' '))).to.deep.equal([
      'a netem',
      'a netem',
      'x2 tbf',
      'x2 pfifo',
      's2 netem',
      'y2 tbf',
      'y2 pfifo',
      'c2 netem',
    ])
    expect(lines[2]).to.contain('rate 100000000bit')
    expect(lines[5]).to.contain('rate 1000000000bit burst 15000')
  })

  it('cut trains of segments at every device, before the shaper', () => {
    const commands = pathCommands(path, 1, { middle: 'mid', client: 'cli', server: 'srv' })
    const offloads = commands.filter(({ argv }) => argv.includes('ethtool'))
    const lines = offloads.map(({ argv }) => argv.slice(3).join(' '))
    for (const device of ['mid ethtool -K c1', 'mid ethtool -K x1', 'cli ethtool -K a', 'srv ethtool -K a']) {
      expect(lines).to.include(`${device} tso off gso off gro off`)
      expect(lines).to.include(`${device} tx-udp-segmentation off`)
    }
    const optional = offloads.filter(({ argv }) => argv.includes('tx-udp-segmentation'))
    expect(optional.every(({ mayFail }) => mayFail === true)).to.equal(true)
  })

  it('never abbreviate: a path may be called as a keyword begins', () => {
    const [links] = pathCommands({ ...path, name: 'up' }, 1, { middle: 'mid', client: 'cli', server: 'srv' })
    expect(links?.input).to.contain('link add name c1 type veth peer name up netns cli\n')
    expect(links?.input).not.to.match(/link (add|set) (?!name |dev )/)
  })

  it('drop at the entry what a black hole or a small MTU swallows', () => {
    const rules = (spec: { blackhole: boolean; silentMtu: number }): string[] =>
      (gateCommand('mid', 1, 'down', spec).input ?? '').split('\n').filter((line) => line.startsWith('add rule'))
    expect(rules({ blackhole: false, silentMtu: 0 })).to.deep.equal([])
    expect(rules({ blackhole: true, silentMtu: 0 })).to.deep.equal([
      'add rule netdev mqvpn_bench down1 counter name down1_blackhole drop',
    ])
    expect(rules({ blackhole: false, silentMtu: 1400 })[0]).to.contain('meta length > 1400')
    expect(gateCommand('mid', 1, 'down', { blackhole: true, silentMtu: 0 }).input).to.contain('device "s1"')
    expect(gateCommand('mid', 1, 'up', { blackhole: true, silentMtu: 0 }).input).to.contain('device "c1"')
  })

  it('keep every other setting under a black hole', () => {
    const spec = { ...liveSpec(plain), delayMs: 25 }
    const [before, during] = [false, true].map((blackhole) => changeCommands('mid', 1, 'up', { ...spec, blackhole }))
    expect(during?.slice(0, -1)).to.deep.equal(before?.slice(0, -1))
    expect(during?.at(-1)).not.to.deep.equal(before?.at(-1))
  })

  it('refuse what netem cannot do, and say why', () => {
    expect(netemCannot(path, { codel: false })).to.equal(null)
    const trace = { ...path, down: { ...plain, trace: 'lte.trace' } }
    expect(netemCannot(trace, { codel: true })).to.equal('path a follows a rate trace, which netem cannot')
    const codel = { ...path, up: { ...plain, aqm: 'codel' as const } }
    expect(netemCannot(codel, { codel: false })).to.contain('no sch_codel')
    expect(netemCannot(codel, { codel: true })).to.equal(null)
  })

  it('refuse changes of a live link that would need another queue', () => {
    const from = liveSpec(plain)
    expect(cannotChange(from, { ...from, delayMs: 3, bitsPerSecond: null, blackhole: true })).to.equal(null)
    expect(cannotChange(from, { ...from, aqm: 'codel' })).to.contain('AQM')
    expect(cannotChange(from, { ...from, queue: { bytes: 1 } })).to.contain('unit')
    expect(cannotChange(from, { ...from, jitterReorders: true })).to.contain('jitterReorders')
    expect(cannotChange(from, { ...from, trace: 'x' })).to.contain('trace')
  })
})
