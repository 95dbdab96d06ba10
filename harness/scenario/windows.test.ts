import { expect } from 'chai'
import fc from 'fast-check'
import { defineScenario } from './define.js'
import { type FaultInput, at } from './at.js'
import { traffic } from './traffic.js'
import { SETTLE_MS, pathState, windowsOf } from './windows.js'

function scenarioWith(faults: FaultInput<'a' | 'b'>[], seconds = 20) {
  return defineScenario({
    name: 'x',
    description: 'x',
    paths: {
      a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
      b: { rate: '80mbit', delay: '30ms', queue: '1bdp', loss: '1%', jitter: '2ms' },
    },
    traffic: { bulk: traffic.iperf({ direction: 'up', duration: `${seconds}s` }) },
    faults,
  })
}

function windows(...faults: FaultInput<'a' | 'b'>[]): string {
  const { measurements, paths } = scenarioWith(faults)
  return windowsOf(measurements[0]!, paths)
    .map((w) => `${w.name} ${w.startMs / 1000}-${w.endMs / 1000}`)
    .join(', ')
}

describe('windows', () => {
  it('are one without a fault', () => {
    expect(windows()).to.equal('healthy 0-20')
  })

  it('are cut by a fault and its end, with time to settle', () => {
    const expected = 'healthy 0-5, degraded 5-10, recovering 10-11, restored 11-20'
    expect(windows(at('5s').down('a'), at('10s').up('a'))).to.equal(expected)
    expect(windows(at('5s').blackhole('a'), at('10s').restore('a'))).to.equal(expected)
    expect(windows(at('5s').carrier('a', 'off'), at('10s').carrier('a', 'on'))).to.equal(expected)
    expect(windows(at('5s').loss('a', '5%'), at('10s').loss('a', '0%'))).to.equal(expected)
    expect(windows(at('5s').rate('a', '10mbit', 'up'), at('10s').rate('a', '300mbit', 'up'))).to.equal(expected)
    expect(windows(at('5s').mtu('a', 1300, { silent: true }), at('10s').restore('a'))).to.equal(expected)
  })

  it('begin with the fault when it was there before the subject', () => {
    const expected = 'degraded 0-5, recovering 5-6, restored 6-20'
    expect(windows(at('start').carrier('a', 'off'), at('5s').carrier('a', 'on'))).to.equal(expected)
    expect(windows(at('5s').restore('a'), at('start').blackhole('a'))).to.equal(expected)
  })

  it('stay degraded without a restore', () => {
    expect(windows(at('5s').delay('b', '200ms'))).to.equal('healthy 0-5, degraded 5-20')
  })

  it('number further periods', () => {
    expect(windows(at('2s').down('a'), at('4s').up('a'), at('10s').down('b'), at('12s').up('b'))).to.equal(
      'healthy 0-2, degraded 2-4, recovering 4-5, restored 5-10, ' +
        'degraded-2 10-12, recovering-2 12-13, restored-2 13-20',
    )
  })

  it('begin anew where another fault joins', () => {
    expect(windows(at('2s').down('a'), at('4s').loss('b', '5%'), at('6s').up('a'), at('8s').restore('b'))).to.equal(
      'healthy 0-2, degraded 2-4, degraded-2 4-6, degraded-3 6-8, recovering 8-9, restored 9-20',
    )
    expect(windows(at('2s').loss('a', '1%'), at('4s').loss('a', '5%'), at('6s').restore('a'))).to.equal(
      'healthy 0-2, degraded 2-4, degraded-2 4-6, recovering 6-7, restored 7-20',
    )
  })

  it('take a flap as one fault', () => {
    expect(windows(at('5s').flap('a', { period: '1s', for: '6s' }))).to.equal(
      'healthy 0-5, degraded 5-10.5, recovering 10.5-11.5, restored 11.5-20',
    )
  })

  it('let faults that pass by themselves last as long as the settle time', () => {
    expect(windows(at('5s').rebind('a'))).to.equal('healthy 0-5, degraded 5-6, restored 6-20')
    expect(windows(at('5s').restart('client'))).to.equal('healthy 0-5, degraded 5-6, restored 6-20')
  })

  it('call a better link changed, and an equal one nothing', () => {
    expect(windows(at('5s').rate('a', '500mbit'), at('10s').restore('a'))).to.equal(
      'healthy 0-5, changed 5-10, recovering 10-11, restored 11-20',
    )
    expect(windows(at('5s').loss('b', '1%'), at('6s').up('a'), at('7s').jitter('b', '2ms'))).to.equal('healthy 0-20')
  })

  it('have no healthy one when a fault comes at once', () => {
    expect(windows(at('0s').down('a'))).to.equal('degraded 0-20')
  })

  const second = fc.integer({ min: 0, max: 199 }).map((n) => `${n * 100}ms` as const)
  const path = fc.constantFrom('a' as const, 'b' as const)
  const way = fc.constantFrom('up' as const, 'down' as const, 'both' as const)
  const fault = fc
    .tuple(second, path, way, fc.integer({ min: 0, max: 11 }))
    .map(([time, p, direction, verb]) =>
      [
        at(time).down(p),
        at(time).up(p),
        at(time).carrier(p, 'off'),
        at(time).carrier(p, 'on'),
        at(time).blackhole(p, direction),
        at(time).restore(p),
        at(time).loss(p, '2%', direction),
        at(time).delay(p, '10ms', direction),
        at(time).rate(p, '80mbit', direction),
        at(time).rebind(p),
        at(time).mtu(p, 1400),
        at(time).restart('server'),
      ].at(verb)!,
    )

  it('cover the whole measurement, in order, without overlap, with names of their own', () => {
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 12 }), (faults) => {
        const { measurements, paths } = scenarioWith(faults)
        const all = windowsOf(measurements[0]!, paths)
        expect(all[0]!.startMs).to.equal(0)
        expect(all.at(-1)!.endMs).to.equal(20_000)
        all.forEach((w, i) => {
          expect(w.endMs).to.be.above(w.startMs)
          if (i > 0) expect(w.startMs).to.equal(all[i - 1]!.endMs)
        })
        expect(new Set(all.map((w) => w.name)).size).to.equal(all.length)
      }),
      { numRuns: 500 },
    )
  })

  it('have both paths as configured wherever they are healthy or restored', () => {
    fc.assert(
      fc.property(fc.array(fault, { maxLength: 12 }), (faults) => {
        const { measurements, paths } = scenarioWith(faults)
        for (const window of windowsOf(measurements[0]!, paths)) {
          if (!/^(healthy|restored)/.test(window.name)) continue
          for (const p of ['a', 'b']) expect(pathState(measurements[0]!, paths, p, 'both', window)).to.equal('clean')
        }
      }),
      { numRuns: 500 },
    )
  })

  it('settle for the documented time', () => {
    expect(SETTLE_MS).to.equal(1000)
  })
})

describe('pathState', () => {
  const { measurements, paths } = scenarioWith([
    at('5s').blackhole('a', 'up'),
    at('10s').restore('a'),
    at('12s').loss('b', '9%'),
  ])
  const state = (path: string, direction: 'up' | 'down' | 'both', startMs: number, endMs: number) =>
    pathState(measurements[0]!, paths, path, direction, { startMs, endMs })

  it('tells dead, hurt and clean apart, by direction', () => {
    expect(state('a', 'up', 5000, 10_000)).to.equal('dead')
    expect(state('a', 'down', 5000, 10_000)).to.equal('hurt')
    expect(state('a', 'both', 5000, 10_000)).to.equal('hurt')
    expect(state('a', 'up', 4000, 10_000)).to.equal('hurt')
    expect(state('a', 'up', 0, 5000)).to.equal('clean')
    expect(state('b', 'up', 5000, 10_000)).to.equal('clean')
    expect(state('b', 'up', 12_000, 20_000)).to.equal('hurt')
  })
})
