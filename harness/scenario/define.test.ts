import { expect } from 'chai'
import { at } from './at.js'
import { defineScenario, isScenario } from './define.js'
import { profiles } from './profiles.js'
import type { ScenarioInput } from './scenario-input.js'
import { subjects } from './subject-input.js'
import { traffic } from './traffic.js'

const base = {
  name: 'test',
  description: 'A test.',
  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: { down: '40mbit', up: '10mbit' }, delay: { up: '30ms', down: '20ms' }, queue: '100p', loss: '0.3%' },
  },
  traffic: { bulk: traffic.iperf({ direction: 'up', streams: [1, 4], duration: '10s' }) },
} as const satisfies ScenarioInput<'a' | 'b'>

describe('defineScenario', () => {
  it('turns units into base units and fills in defaults', () => {
    const scenario = defineScenario(base)
    expect(isScenario(scenario)).to.equal(true)
    expect(scenario.repeats).to.equal(6)
    const [a, b] = scenario.paths
    expect(a!.up).to.deep.equal({
      bitsPerSecond: 300e6,
      trace: null,
      delayMs: 10,
      jitterMs: 0,
      jitterReorders: false,
      loss: null,
      reorder: 0,
      duplicate: 0,
      // 300 Mbit/s × 20 ms round trip
      queue: { bytes: 750_000 },
      aqm: 'droptail',
    })
    expect(b!.down).to.include({ bitsPerSecond: 40e6, delayMs: 20 })
    expect(b!.up).to.deep.include({ bitsPerSecond: 10e6, delayMs: 30, queue: { packets: 100 } })
    expect(b!.up.loss).to.deep.equal({ kind: 'random', probability: 0.003 })
    expect(scenario.subjects.map((s) => s.id)).to.deep.equal(['direct:a', 'direct:b'])
  })

  it('multiplies lists into measurements', () => {
    const scenario = defineScenario({
      ...base,
      traffic: {
        bulk: traffic.iperf({ direction: ['up', 'down'], streams: [1, 16], duration: '10s', omit: '2s' }),
        udp: traffic.udp({ direction: 'down', rate: ['50mbit', '100mbit'], payload: '160B', duration: '5s' }),
        probe: traffic.udpProbe({ every: '10ms' }),
      },
    })
    expect(scenario.measurements.map((m) => m.id)).to.deep.equal([
      'bulk/1-up',
      'bulk/16-up',
      'bulk/1-down',
      'bulk/16-down',
      'udp/50mbit',
      'udp/100mbit',
    ])
    expect(scenario.measurements[1]).to.deep.include({ phase: 'bulk', label: '16 TCP streams up', omitMs: 2000 })
    expect(scenario.measurements[5]!.load).to.deep.include({ kind: 'udp', bitsPerSecond: 100e6, payloadBytes: 160 })
    expect(scenario.measurements[5]!.probe).to.deep.equal({ everyMs: 10, payloadBytes: 64 })
  })

  it('names measurements after their phase', () => {
    const scenario = defineScenario({
      name: 'phases',
      description: 'Phases.',
      paths: base.paths,
      subjects: [subjects.mptcp()],
      phases: {
        bulk: { traffic: base.traffic },
        mixed: {
          traffic: { tcp: base.traffic.bulk, udp: traffic.udp({ direction: 'up', rate: '1mbit', duration: '1s' }) },
        },
        quiet: { traffic: { probe: traffic.udpProbe({ every: '10ms', duration: '2s' }) }, subjects: ['mptcp'] },
      },
    })
    expect(scenario.measurements.map((m) => m.id)).to.deep.equal([
      'bulk/1',
      'bulk/4',
      'mixed/tcp/1',
      'mixed/tcp/4',
      'mixed/udp/1mbit',
      'quiet',
    ])
    expect(scenario.measurements.at(-1)!.subjects).to.deep.equal(['mptcp'])
  })

  it('expands a flap into downs and ups, the path being up afterwards', () => {
    const scenario = defineScenario({
      ...base,
      faults: [at('4s').flap('a', { period: '2s', duty: '75%', for: '5s' }), at('1s').blackhole('b', 'up')],
    })
    expect(scenario.measurements[0]!.faults.map(({ atMs, action }) => `${atMs} ${action.verb}`)).to.deep.equal([
      '1000 blackhole',
      '4000 down',
      '4500 up',
      '6000 down',
      '6500 up',
      '8000 down',
      '8500 up',
    ])
  })

  it('lets a profile be changed in part', () => {
    const scenario = defineScenario({
      ...base,
      paths: { a: { ...profiles.lte, rate: { up: '10mbit', down: '80mbit' } }, b: profiles.starlink },
    })
    // 80 Mbit/s × 50 ms × 4
    expect(scenario.paths[0]!.down.queue).to.deep.equal({ bytes: 2_000_000 })
    expect(scenario.paths[1]!.up.loss).to.include({ kind: 'gilbert', toBad: 0.0001, lossBad: 0.5, lossGood: 0 })
  })

  it('resolves expectations', () => {
    const scenario = defineScenario({
      ...base,
      subjects: [subjects.mptcp()],
      traffic: { ...base.traffic, probe: traffic.udpProbe({ every: '10ms' }) },
      faults: [at('2s').down('a'), at('4s').up('a')],
      expect: ({ subject, sum, idle }) => [
        subject('mptcp').measurement('bulk/4').goodput.in('healthy').atLeast(sum.times(0.9)),
        subject('mptcp').phase('bulk').probe.outage.worst.atMost('300ms'),
        subject('direct:a').measurement('bulk/1').probe.delayP95.direction('up').atMost(idle.plus('60ms')),
      ],
    })
    expect(scenario.expectations).to.deep.equal([
      {
        subject: 'mptcp',
        measurement: 'bulk/4',
        metric: 'goodput',
        window: 'healthy',
        direction: null,
        compare: 'atLeast',
        limit: { of: 'sum', value: 0.9 },
        over: 'median',
      },
      {
        subject: 'mptcp',
        measurement: 'bulk',
        metric: 'outage',
        window: null,
        direction: null,
        compare: 'atMost',
        limit: { of: 'value', value: 300 },
        over: 'worst',
      },
      {
        subject: 'direct:a',
        measurement: 'bulk/1',
        metric: 'delayP95',
        window: null,
        direction: 'up',
        compare: 'atMost',
        limit: { of: 'idle', value: 60 },
        over: 'median',
      },
    ])
  })
})
