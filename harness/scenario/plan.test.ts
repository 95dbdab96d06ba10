import { expect } from 'chai'
import { at } from './at.js'
import { defineScenario } from './define.js'
import { estimateMs, measurementMs, runMs } from './duration.js'
import { planRun } from './plan.js'
import { subjects } from './subject-input.js'
import { traffic } from './traffic.js'

const scenario = defineScenario({
  name: 'x',
  description: 'x',
  paths: {
    a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
    b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
  },
  subjects: [subjects.mptcp(), subjects.openvpn({ path: 'a' }), subjects.openvpn({ path: 'b' })],
  phases: {
    bulk: { traffic: { tcp: traffic.iperf({ direction: 'up', streams: [1, 4], duration: '2s', omit: '1s' }) } },
    'lose-a': {
      traffic: { tcp: traffic.iperf({ direction: 'up', duration: '5500ms', omit: '1s' }) },
      faults: [at('2s').down('a')],
    },
    restart: {
      traffic: { tcp: traffic.iperf({ direction: 'up', duration: '5s' }) },
      faults: [at('2s').restart('client')],
    },
    chosen: { traffic: { tcp: traffic.iperf({ direction: 'up', duration: '1s' }) }, subjects: ['mptcp', 'direct'] },
  },
})
const ids = (options: Partial<Parameters<typeof planRun>[1]> = {}) =>
  planRun(scenario, { repeats: 1, seed: 1, ...options }).toSorted((x, y) => x.subject.id.localeCompare(y.subject.id))

describe('planRun', () => {
  it('runs every subject once in every round, counting from 1', () => {
    const plan = planRun(scenario, { repeats: 3, seed: 7 })
    expect(plan.map((run) => run.order)).to.deep.equal(plan.map((_, i) => i + 1))
    for (const repeat of [1, 2, 3]) {
      const round = plan.filter((run) => run.repeat === repeat).map((run) => run.subject.id)
      expect(round.toSorted()).to.deep.equal(['direct:a', 'direct:b', 'mptcp', 'openvpn:a', 'openvpn:b'])
    }
    expect(plan.map((run) => run.repeat)).to.deep.equal(plan.map((run) => run.repeat).toSorted())
  })

  it('gives the same order for the same seed, and shuffles each round anew', () => {
    const order = (seed: number) => planRun(scenario, { repeats: 6, seed }).map((run) => run.subject.id)
    expect(order(7)).to.deep.equal(order(7))
    expect(order(7)).to.not.deep.equal(order(8))
    const rounds = new Set(
      [0, 1, 2, 3, 4, 5].map((i) =>
        order(7)
          .slice(i * 5, i * 5 + 5)
          .join(),
      ),
    )
    expect(rounds.size).to.be.above(1)
  })

  it('leaves out what a subject has nothing to show in', () => {
    const measured = Object.fromEntries(
      ids().map((run) => [run.subject.id, run.measurements.map((m) => m.id).join(' ')]),
    )
    expect(measured).to.deep.equal({
      'direct:a': 'bulk/1 bulk/4 lose-a/1 chosen/1',
      'direct:b': 'bulk/1 bulk/4 chosen/1',
      mptcp: 'bulk/1 bulk/4 lose-a/1 restart/1 chosen/1',
      'openvpn:a': 'bulk/1 bulk/4 lose-a/1 restart/1',
      'openvpn:b': 'bulk/1 bulk/4 lose-a/1 restart/1',
    })
  })

  it('keeps direct whichever subjects are chosen', () => {
    const chosen = (subject: string) => ids({ subjects: [subject] }).map((run) => run.subject.id)
    expect(chosen('mptcp')).to.deep.equal(['direct:a', 'direct:b', 'mptcp'])
    expect(chosen('openvpn')).to.deep.equal(['direct:a', 'direct:b', 'openvpn:a', 'openvpn:b'])
    expect(chosen('openvpn:b')).to.deep.equal(['direct:a', 'direct:b', 'openvpn:b'])
    expect(chosen('direct')).to.deep.equal(['direct:a', 'direct:b'])
  })

  it('chooses measurements by id and label, in any case', () => {
    expect(ids({ grep: 'LOSE' }).map((run) => run.subject.id)).to.deep.equal([
      'direct:a',
      'mptcp',
      'openvpn:a',
      'openvpn:b',
    ])
    expect(ids({ grep: '4 tcp streams' })[0]!.measurements.map((m) => m.id)).to.deep.equal(['bulk/4'])
    expect(ids({ grep: 'nothing' })).to.deep.equal([])
  })
})

describe('planRun with faults before the start', () => {
  const plan = planRun(
    defineScenario({
      name: 'x',
      description: 'x',
      paths: {
        a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
        b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
      },
      subjects: [subjects.mptcp(), subjects.openvpn({ path: 'a' })],
      phases: {
        bulk: { traffic: { tcp: traffic.iperf({ direction: 'up', streams: [1, 4], duration: '2s' }) } },
        dead: {
          traffic: { tcp: traffic.iperf({ direction: 'up', streams: [1, 4], duration: '5s' }) },
          faults: [at('start').blackhole('a', 'up'), at('2s').restore('a')],
        },
        slow: {
          traffic: { tcp: traffic.iperf({ direction: 'up', duration: '2s' }) },
          faults: [at('start').delay('a', '50ms')],
        },
      },
    }),
    { repeats: 2, seed: 3 },
  )
  const runsOf = (id: string, repeat: number) =>
    plan
      .filter((run) => run.subject.id === id && run.repeat === repeat)
      .map((run) => run.measurements.map((m) => m.id).join(' '))
      .toSorted()

  it('gives each such measurement a cold start of its own', () => {
    for (const repeat of [1, 2]) {
      expect(runsOf('mptcp', repeat)).to.deep.equal(['bulk/1 bulk/4', 'dead/1', 'dead/4', 'slow/1'])
    }
    expect(plan.map((run) => run.order)).to.deep.equal(plan.map((_, i) => i + 1))
  })

  it('leaves out subjects that could not come up', () => {
    expect(runsOf('openvpn:a', 1)).to.deep.equal(['bulk/1 bulk/4', 'slow/1'])
    expect(runsOf('direct:a', 1)).to.deep.equal(['bulk/1 bulk/4', 'slow/1'])
    expect(runsOf('direct:b', 1)).to.deep.equal(['bulk/1 bulk/4'])
  })
})

describe('duration', () => {
  it('counts whole seconds of traffic, and what is around it', () => {
    expect(measurementMs({ durationMs: 5500, omitMs: 1000 })).to.equal(7800)
    const [run] = ids({ grep: 'bulk', subjects: ['direct'] })
    expect(runMs(run!)).to.equal(700 + 2 * 3800)
    const plan = planRun(scenario, { repeats: 2, seed: 1, grep: 'bulk', subjects: ['direct'] })
    expect(estimateMs(scenario, plan)).to.equal(12_200 + 4 * 8300)
  })
})
