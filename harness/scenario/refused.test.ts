/** What `defineScenario` refuses, and in which words. */
import { expect } from 'chai'
import { at } from './at.js'
import { defineScenario } from './define.js'
import type { ExpectContext } from './expect.js'
import { gilbert } from './loss.js'
import { ScenarioError } from './problems.js'
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

/** The problems of a scenario that JavaScript, not TypeScript, wrote. */
function problemsOf(change: object): readonly string[] {
  try {
    defineScenario({ ...base, ...change })
  } catch (error) {
    if (error instanceof ScenarioError) return error.problems
    throw error
  }
  return []
}

describe('defineScenario refuses', () => {
  it('several things at once, each with its key path', () => {
    const problems = problemsOf({
      nmae: 'x',
      paths: {
        a: { rate: 300, dealy: '10ms', queue: '1bdp' },
        b: { rate: '10mbit', delay: { up: '10ms' }, aqm: 'codle' },
        eth0: { rate: 'unlimited' },
      },
      subjects: [{ kind: 'opnvpn' }, subjects.wireguardGo({ path: 'aa' })],
      traffic: { bulk: { kind: 'iperf', direction: 'upp', duration: 10 } },
      faults: [at('10s').down('c' as never), { at: '1s', verb: 'explode' }],
      repeats: 0,
    })
    expect(problems).to.include.members([
      'nmae: unknown key; did you mean "name"?',
      "paths.a.rate: got 300; write a unit, e.g. '300mbit'",
      'paths.a.dealy: unknown key; did you mean "delay"?',
      `paths.b.aqm: got 'codle'; did you mean "codel"?`,
      'paths.eth0: this device name is taken; write another, e.g. "a" or "fibre"',
      "traffic.bulk.duration: got 10; write a unit, e.g. '10ms'",
      `traffic.bulk.direction: got 'upp'; did you mean "up"?`,
      'subjects[1].path: no path "aa"; known: a, b, eth0',
      'repeats: got 0; the least is 1',
    ])
    expect(problems.find((p) => p.startsWith('faults[0].path: no path "c"'))).to.be.a('string')
    expect(problems.find((p) => p.startsWith("faults[1]: got an object; write at('10s')"))).to.be.a('string')
    expect(problems.find((p) => p.startsWith('subjects[0]: got an object; write subjects.mptcp()'))).to.be.a('string')
    for (const problem of problems) expect(problem).to.not.include('\n')
  })

  const refused: [string, object, string][] = [
    ['a missing queue', { paths: { a: { rate: '1mbit' } } }, "paths.a.queue: missing; write '1bdp'"],
    ['a missing rate', { paths: { a: { delay: '1ms' } } }, "paths.a.rate: missing; write e.g. '300mbit'"],
    ['one direction of a rate', { paths: { a: { rate: { up: '1mbit' }, queue: '9p' } } }, 'paths.a.rate.down: missing'],
    [
      'one direction of a delay',
      { paths: { a: { rate: 'unlimited', delay: { up: '1ms' } } } },
      'paths.a.delay.down: missing',
    ],
    ['a BDP of nothing', { paths: { a: { rate: '1mbit', queue: '1bdp' } } }, "paths.a.queue: '1bdp' is empty"],
    [
      'a BDP without a rate',
      { paths: { a: { rate: 'unlimited', delay: '1ms', queue: '1bdp' } } },
      "'1bdp' needs a rate",
    ],
    ['rate and trace', { paths: { a: { rate: '1mbit', trace: 'x.up', queue: '9p' } } }, 'a rate or a trace, not both'],
    ['a long name', { paths: { abcdefghijklmnop: base.paths.a } }, 'the name has 16 characters'],
    ['an odd name', { paths: { 'a b': base.paths.a } }, 'a path name is a device name'],
    ['no path', { paths: {} }, 'paths: empty'],
    [
      'nine paths',
      { paths: Object.fromEntries(Array.from('abcdefghi').map((n) => [n, base.paths.a])) },
      '9 paths; the most is 8',
    ],
    [
      'a huge delay',
      { paths: { a: { ...base.paths.a, delay: '1m' } } },
      "paths.a.delay: got '1m'; write '0ms' to '10s'",
    ],
    [
      'endless bad state',
      { paths: { a: { ...base.paths.a, loss: gilbert({ toBad: '1%', toGood: '0%' }) } } },
      'paths.a.loss.toGood',
    ],
    [
      'a late fault',
      { faults: [at('10s').down('a')] },
      'faults: down of a at 10s is not inside bulk/1, which lasts 10s',
    ],
    [
      'a flap that is always down',
      { faults: [at('1s').flap('a', { period: '1s', duty: '0%', for: '2s' })] },
      'faults[0].duty',
    ],
    ['no description', { description: ' ' }, 'description: missing; write one sentence'],
    ['too many repeats', { repeats: 1001 }, 'repeats: got 1001; the most is 1000'],
    ['half a repeat', { repeats: 1.5 }, 'repeats: got 1.5; write a whole number'],
    ['no traffic', { traffic: undefined }, 'traffic: missing'],
    ['empty traffic', { traffic: {} }, 'traffic: empty'],
    [
      'a probe alone without an end',
      { traffic: { p: traffic.udpProbe({ every: '10ms' }) } },
      'traffic.p.duration: missing',
    ],
    [
      'two probes',
      { traffic: { ...base.traffic, p: traffic.udpProbe({ every: '9ms' }), q: traffic.udpProbe({ every: '9ms' }) } },
      'traffic.q: a second probe',
    ],
    [
      'twice the same',
      { traffic: { bulk: traffic.iperf({ direction: 'up', streams: [4, 4], duration: '1s' }) } },
      'two measurements are called "bulk/4"',
    ],
    [
      'phases and traffic',
      { phases: { x: { traffic: base.traffic } } },
      'traffic: with phases, this belongs into one of them',
    ],
    [
      'an unknown subject of a phase',
      { traffic: undefined, phases: { x: { traffic: base.traffic, subjects: ['mtcp'] } } },
      'phases.x.subjects[0]: no subject "mtcp"',
    ],
    [
      'the same subject twice',
      { subjects: [subjects.openvpn(), subjects.openvpn({ cipher: 'AES-256-GCM' })] },
      `subjects[1]: a second "openvpn"`,
    ],
    [
      'a false baseline',
      { subjects: [subjects.mptcp({ name: 'direct:x' })] },
      'subjects[0].name: "direct" is the name of the baselines',
    ],
    ['expect not a function', { expect: [] }, 'expect: got a list; write a function'],
    [
      'expect that throws',
      { expect: () => (undefined as never as { x: string }).x },
      'expect: threw Cannot read properties',
    ],
    [
      'an open end',
      {
        expect: ({ subject }: never) => [
          (subject as (id: string) => { phase(x: string): { goodput: unknown } })('direct:a').phase('bulk').goodput,
        ],
      },
      'expect[0]: does not end in .atLeast(…)',
    ],
  ]
  for (const [what, change, message] of refused) {
    it(what, () => {
      expect(problemsOf(change).join('\n')).to.include(message)
    })
  }

  it('expectations about what is not there', () => {
    const problems = problemsOf({
      expect: ({ subject, sum }: Parameters<NonNullable<ScenarioInput['expect']>>[0]) => [
        subject('direct:c').measurement('bulk/1').goodput.atLeast('1mbit'),
        subject('direct:a').measurement('bulk/2').goodput.atLeast('1mbit'),
        subject('direct:a').measurement('bulk/1').goodput.in('degraded').atLeast('1mbit'),
        subject('direct:a').measurement('bulk/1').probe.outage.atMost('1ms'),
        subject('direct:a')
          .measurement('bulk/1')
          .goodput.atLeast(5 as never),
        subject('direct:a')
          .measurement('bulk/1')
          .udpLoss.atMost(sum as never),
        subject('direct:a').measurement('bulk/1').goodput.atLeast(sum.times(-1)),
      ],
    })
    expect(problems[0]).to.include('expect[0]: no subject "direct:c"; did you mean "direct:')
    expect(problems[1]).to.include('expect[1]: no measurement or phase "bulk/2"; did you mean "bulk/1"')
    expect(problems[2]).to.include('expect[2]: bulk/1 has no window "degraded"')
    expect(problems[3]).to.include('expect[3]: bulk/1 has no outage: it has no probe')
    expect(problems[4]).to.include("expect[4]: goodput atLeast: got 5; write a unit, e.g. '5mbit'")
    expect(problems[5]).to.include('expect[5]: bulk/1 has no udpLoss')
    expect(problems[6]).to.include('expect[6]: goodput atLeast: got sum.times(-1)')
  })

  it('a command subject with a placeholder that does not exist', () => {
    const side = { start: 'vpn --dev {client.dev.c}', ready: { device: 'tun0' } }
    const problems = problemsOf({
      subjects: [
        subjects.command({ name: 'x', server: { ...side, start: 'vpn {port}' }, client: side, target: '10.9.0.1' }),
      ],
    })
    expect(problems).to.deep.equal([
      'subjects[0].client.start: {client.dev.c} is no placeholder; did you mean "client.dev.a"?',
    ])
  })

  it('a fault before the start that is no condition of a path', () => {
    for (const fault of [
      { at: 'start', verb: 'restart', side: 'client' },
      { at: 'start', verb: 'flap', path: 'a', period: '1s', for: '2s' },
      { at: 'start', verb: 'rebind', path: 'a' },
      { at: 'start', verb: 'restore', path: 'a' },
    ]) {
      expect(problemsOf({ faults: [fault] })).to.deep.equal([
        `faults[0]: ${fault.verb} at('start'): only a condition can be there before; write one of down, carrier, blackhole, loss, delay, rate, jitter, mtu`,
      ])
    }
    expect(problemsOf({ faults: [{ at: 'begin', verb: 'down', path: 'a' }] })).to.have.length(1)
  })

  it('an expectation about a subject that never runs what it names', () => {
    const expectations = (fault: object) =>
      problemsOf({
        subjects: [subjects.mptcp(), subjects.openvpn({ path: 'a' })],
        faults: [fault],
        expect: ({ subject }: ExpectContext) => [
          subject('openvpn:a').phase('bulk').goodput.atLeast('1mbit'),
          subject('mptcp').phase('bulk').goodput.atLeast('1mbit'),
          subject('direct:a').phase('bulk').goodput.atLeast('1mbit'),
        ],
      })
    const never = (i: number, id: string) =>
      `expect[${i}]: ${id} never runs bulk; name a subject that does, or add it to the phase's subjects`
    // Nothing can come up over a alone; a subject with another path can.
    expect(expectations(at('start').carrier('a', 'off'))).to.deep.equal([never(0, 'openvpn:a'), never(2, 'direct:a')])
    expect(expectations(at('start').delay('a', '50ms'))).to.deep.equal([])
    expect(expectations(at('1s').down('b'))).to.deep.equal([never(2, 'direct:a')])
  })

  it('a rival that does not exist, or is compared with the wrong thing', () => {
    const limit = (make: (context: ExpectContext) => unknown) =>
      problemsOf({
        subjects: [subjects.mptcp()],
        expect: (context: ExpectContext) => [
          context
            .subject('mptcp')
            .phase('bulk')
            .goodput.atLeast(make(context) as never),
        ],
      })
    expect(limit(({ rival }) => rival('mptpc'))).to.deep.equal(['expect[0]: no subject "mptpc"; did you mean "mptcp"?'])
    expect(limit(({ rival }) => rival('direct:a').times(0))).to.deep.equal([
      'expect[0]: goodput atLeast: got a factor of 0; a factor is above 0, e.g. 1.15',
    ])
    expect(limit(({ rival, best }) => rival('direct:a').or(best))).to.deep.equal([
      'expect[0]: goodput atLeast: .or(…) takes a share of achievable, e.g. achievable.times(0.95)',
    ])
  })
})
