import { expect } from 'chai'
import { describeMeasurement } from './describe.js'
import { at } from './at.js'
import { defineScenario } from './define.js'
import { gilbert } from './loss.js'
import type { PathInput } from './path-input.js'
import { drawTopology } from './topology.js'
import { traffic } from './traffic.js'

function draw(paths: Record<string, PathInput>): string {
  return drawTopology(
    defineScenario({
      name: 'x',
      description: 'x',
      paths,
      traffic: { bulk: traffic.iperf({ direction: 'up', duration: '1s' }) },
    }),
  )
}
const plain: PathInput = { rate: '1gbit', delay: '1ms', queue: '64kB' }

describe('drawTopology', () => {
  it('draws one path as a line', () => {
    expect(draw({ a: plain })).to.equal(' client ──── a: 1 Gbit/s, 1 ms, queue 64 kB ──── server')
  })

  it('draws two paths around the hosts', () => {
    const paths = {
      a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
      lte: {
        rate: { up: '10mbit', down: '40mbit' },
        delay: '25ms',
        jitter: '4ms',
        loss: { up: '0.3%' },
        queue: '100p',
        aqm: 'codel',
        mtu: 1400,
      },
    } as const
    expect(draw(paths)).to.equal(
      [
        '          ┌── a: 300 Mbit/s, 10 ms, queue 750 kB ─────────────────────────────────────────────────────────────────────────────┐',
        ' client ──┤                                                                                                                   ├── server',
        '          └── lte: up 10 Mbit/s / down 40 Mbit/s, 25 ms ± 4 ms, up loss 0.3% / down none, queue 100 packets CoDel, MTU 1400 ──┘',
      ].join('\n'),
    )
  })

  it('draws three and four paths with the hosts at one line', () => {
    for (const names of ['abc', 'abcd', 'abcdefgh']) {
      const lines = draw(Object.fromEntries(Array.from(names, (n) => [n, plain]))).split('\n')
      expect(lines.filter((line) => line.includes('client'))).to.have.length(1)
      expect(lines.filter((line) => line.endsWith('server'))).to.have.length(1)
      expect(lines[0]).to.match(/^ +┌── a:.*┐$/)
      expect(lines.at(-1)).to.match(/^ +└──.*┘$/)
      expect(new Set(lines.map((line) => line.search(/[┐┘┤├┼]\S*( server)?$/))).size).to.equal(1)
    }
  })

  it('tells what is not ordinary', () => {
    const odd = draw({
      a: { rate: 'unlimited', loss: gilbert({ toBad: '1%', toGood: '9%' }), reorder: '1%', duplicate: '2%' },
    })
    expect(odd).to.include('unlimited, 0 ms, loss 10% in bursts, reorder 1%, duplicate 2%')
    const traced = draw({ a: { trace: 'traces/lte.up', queue: '100p', jitter: '1ms', jitterReorders: true } })
    expect(traced).to.include('trace lte.up, 0 ms ± 1 ms (reorders), queue 100 packets')
  })
})

describe('describeMeasurement', () => {
  it('tells marks, windows and what the links could carry', () => {
    const scenario = defineScenario({
      name: 'x',
      description: 'x',
      paths: { a: plain, b: { rate: 'unlimited' } },
      traffic: {
        udp: traffic.udp({ direction: 'up', rate: '10mbit', duration: '5s' }),
        probe: traffic.udpProbe({ every: '10ms' }),
      },
      faults: [
        at('1s').blackhole('a', 'up'),
        at('2s').restore('a'),
        at('3s').loss('b', '5%'),
        at('3s').carrier('a', 'off'),
        at('3s').rate('b', '5mbit', 'down'),
        at('3s').mtu('b', 1300, { silent: true }),
        at('4s').restart('server'),
      ],
    })
    const described = describeMeasurement(scenario.measurements[0]!, scenario)
    expect(described.faults.map((f) => `${f.atMs} ${f.label}`)).to.deep.equal([
      '1000 a: blackhole up',
      '2000 a: restore',
      '3000 b: loss 5%',
      '3000 a: carrier off',
      '3000 b: rate 5mbit down',
      '3000 b: MTU 1300 (silent)',
      '4000 restart server',
    ])
    expect(described).to.include({ protocol: 'udp', offeredBitsPerSecond: 10e6, payloadBytes: 1200, streams: 1 })
    expect(described.windows[0]).to.deep.equal({ name: 'healthy', startMs: 0, endMs: 1000 })
    expect(described.achievable.perPath['a']).to.be.closeTo((1e9 * 1200) / 1242, 1)
    expect(described.achievable.sum).to.equal(null)
  })
})
