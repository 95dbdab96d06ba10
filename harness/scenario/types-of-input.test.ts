/**
 * What the type checker refuses in a scenario file. `npm run typecheck` fails when one of these is allowed; at run time
 * the same is refused with a message.
 */
import { expect } from 'chai'
import { at } from './at.js'
import { defineScenario } from './define.js'
import { ScenarioError } from './problems.js'
import { profiles } from './profiles.js'
import { subjects } from './subject-input.js'
import { traffic } from './traffic.js'

const head = { name: 'x', description: 'x' } as const
const paths = { a: { rate: '1mbit', queue: '9p' }, b: profiles.lte } as const
const load = { bulk: traffic.iperf({ direction: 'up', duration: '9s' }) }

const define = { ...head, paths, traffic: load } as const

const refused: Record<string, () => unknown> = {
  'a rate without a unit': () =>
    // @ts-expect-error a number without a unit
    defineScenario({ ...head, traffic: load, paths: { a: { rate: 300, queue: '9p' } } }),
  'a unit that does not exist': () =>
    // @ts-expect-error no such unit
    defineScenario({ ...head, traffic: load, paths: { a: { rate: '3Mb', queue: '9p' } } }),
  'a misspelled key of a path': () =>
    // @ts-expect-error misspelled "queue"
    defineScenario({ ...head, traffic: load, paths: { a: { rate: '3mbit', queu: '9p' } } }),
  'a fault on an unknown path': () =>
    // @ts-expect-error there is no path c
    defineScenario({ ...define, faults: [at('1s').down('c')] }),
  'a flap of an unknown path': () =>
    // @ts-expect-error there is no path c
    defineScenario({ ...define, faults: [at('1s').flap('c', { period: '1s', for: '2s' })] }),
  'a fault on an unknown path in a phase': () =>
    // @ts-expect-error there is no path c
    defineScenario({ ...head, paths, phases: { x: { traffic: load, faults: [at('1s').rebind('c')] } } }),
  'a subject on an unknown path': () =>
    // @ts-expect-error there is no path c
    defineScenario({ ...define, subjects: [subjects.fastd({ path: 'c' })] }),
  'MPTCP over an unknown path': () =>
    // @ts-expect-error there is no path c
    defineScenario({ ...define, subjects: [subjects.mptcp({ paths: ['a', 'c'] })] }),
  'a misspelled key': () =>
    // @ts-expect-error misspelled "repeats"
    defineScenario({ ...define, repeat: 3 }),
  'traffic beside phases': () =>
    // @ts-expect-error traffic belongs into a phase
    defineScenario({ ...define, phases: { x: { traffic: load } } }),
  'a rate as the limit of an outage': () =>
    defineScenario({
      ...define,
      traffic: { ...load, probe: traffic.udpProbe({ every: '10ms' }) },
      // @ts-expect-error an outage is a duration
      expect: ({ subject }) => [subject('direct:a').measurement('bulk/1').probe.outage.atMost('1mbit')],
    }),
}

describe('the types of scenario files', () => {
  for (const [what, attempt] of Object.entries(refused)) {
    it(`refuse ${what}, and so does the run`, () => {
      expect(attempt).to.throw(ScenarioError)
    })
  }

  it('accept names of paths wherever they belong', () => {
    const scenario = defineScenario({
      ...head,
      paths,
      subjects: [
        subjects.mptcp(),
        subjects.mptcp({ paths: ['a', 'b'], name: 'both' }),
        subjects.openvpn({ path: 'b', cipher: 'AES-256-GCM' }),
        subjects.direct(),
      ],
      phases: {
        one: {
          traffic: load,
          faults: [at('1s').blackhole('a', 'up'), at('2s').restore('a'), at('3s').restart('server')],
        },
        two: { traffic: load, faults: [at('1s').flap('b', { period: '1s', for: '2s' })], subjects: ['both'] },
      },
    })
    expect(scenario.subjects.map((s) => s.id)).to.deep.equal(['direct:a', 'direct:b', 'mptcp', 'both', 'openvpn:b'])
  })
})
