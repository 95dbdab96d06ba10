import { expect } from 'chai'
import { at } from '../scenario/at.js'
import { defineScenario } from '../scenario/define.js'
import type { ExpectContext, ExpectationInput } from '../scenario/expect.js'
import { subjects } from '../scenario/subject-input.js'
import { traffic } from '../scenario/traffic.js'
import type { Result, Sample } from './schema.js'
import { summarize } from './summarize.js'
import { type Goodput, draftOf, goodput, probe, sampleOf } from './testing/run.js'

const tcp = (streams: number | number[]) => traffic.iperf({ direction: 'up', streams, duration: '10s' })

/** bulk on everything, lose-a on the VPNs alone. */
function scenarioWith(expectations: (context: ExpectContext) => ExpectationInput[] = () => []) {
  return defineScenario({
    name: 'x',
    description: 'x',
    paths: {
      a: { rate: '300mbit', delay: '10ms', queue: '1bdp' },
      b: { rate: '80mbit', delay: '30ms', queue: '1bdp' },
    },
    subjects: [subjects.mptcp(), subjects.openvpn({ path: 'a' })],
    phases: {
      bulk: { traffic: { tcp: tcp([1, 4]), probe: traffic.udpProbe({ every: '10ms' }) } },
      'lose-a': {
        traffic: { tcp: tcp(4), probe: traffic.udpProbe({ every: '10ms' }) },
        faults: [at('2s').down('a'), at('5s').up('a')],
        subjects: ['mptcp', 'openvpn:a'],
      },
    },
    expect: expectations,
  })
}

/** Round r is r/2 Mbit/s slower, for all alike. */
const steady: Goodput = (subject, { id }, r) => {
  const healthy = { 'direct:a': 286, 'direct:b': 76, mptcp: 350, 'openvpn:a': 200 }[subject]! - r / 2
  if (id !== 'lose-a/4') return { healthy }
  if (subject.startsWith('direct')) return null
  const degraded = subject === 'mptcp' ? 74 - r / 2 : 0
  return { healthy, degraded, recovering: healthy / 2, restored: healthy }
}

const row = (result: Result, wanted: Partial<Result['summary'][number]>) =>
  result.summary.find((r) => Object.entries(wanted).every(([key, value]) => r[key as keyof typeof r] === value))

describe('summarize', () => {
  const result = summarize(draftOf(scenarioWith(), 6, steady))

  it('gives the median over repeats with its interval, against the baselines', () => {
    const bulk = row(result, { subject: 'mptcp', measurement: 'bulk/4', metric: 'goodput' })!
    expect(bulk.estimate).to.deep.include({
      n: 6,
      median: 348.25e6,
      low: 347e6,
      high: 349.5e6,
      min: 347e6,
      max: 349.5e6,
    })
    expect(bulk.ofBest).to.be.closeTo(348.25 / 284.25, 1e-9)
    expect(bulk.ofSum).to.be.closeTo(348.25 / (284.25 + 74.25), 1e-9)
    expect(bulk.ofAchievable).to.be.closeTo(348.25 / (380 * (1448 / 1514)), 1e-9)
    const single = row(result, { subject: 'openvpn:a', measurement: 'bulk/4', metric: 'goodput' })!
    expect(single.ofAchievable).to.be.closeTo(198.25 / (300 * (1448 / 1514)), 1e-9)
  })

  it('takes baselines from the direct runs of the same measurement', () => {
    expect(result.baselines.find((b) => b.measurement === 'bulk/1')).to.deep.equal({
      measurement: 'bulk/1',
      window: 'healthy',
      perPath: { a: 284.25e6, b: 74.25e6 },
      bestPath: 'a',
      bestBitsPerSecond: 284.25e6,
      sumBitsPerSecond: 358.5e6,
    })
  })

  it('takes them from comparable traffic where direct did not run; a dead path counts as zero', () => {
    const byWindow = Object.fromEntries(
      result.baselines.filter((b) => b.measurement === 'lose-a/4').map((b) => [b.window, b.perPath]),
    )
    expect(byWindow).to.deep.equal({
      healthy: { a: 284.25e6, b: 74.25e6 },
      degraded: { a: 0, b: 74.25e6 },
      recovering: { a: 284.25e6, b: 74.25e6 },
      restored: { a: 284.25e6, b: 74.25e6 },
    })
    const degraded = row(result, { subject: 'mptcp', measurement: 'lose-a/4', window: 'degraded' })!
    expect(degraded.ofBest).to.be.closeTo(72.25 / 74.25, 1e-9)
    expect(degraded.ofAchievable).to.be.closeTo(72.25 / (80 * (1448 / 1514)), 1e-9)
    // Nothing could get through path a, so there is nothing to divide by.
    expect(row(result, { subject: 'openvpn:a', measurement: 'lose-a/4', window: 'degraded' })!.ofAchievable).to.equal(
      null,
    )
  })

  it('has no baseline when a path was measured nowhere', () => {
    const none = summarize(draftOf(scenarioWith(), 6, (s, m, r) => (s === 'direct:b' ? null : steady(s, m, r))))
    expect(none.baselines.filter((b) => b.window !== 'x')).to.deep.equal([])
    expect(row(none, { subject: 'mptcp', measurement: 'bulk/4', metric: 'goodput' })!.ofSum).to.equal(null)
  })

  it('compares VPNs with each other and with the best path, paired by round', () => {
    const compared = result.comparisons.filter((c) => c.measurement === 'bulk/4')
    expect(compared.map((c) => [c.a, c.b, c.difference.median, c.detectionLimit, c.verdict])).to.deep.equal([
      ['mptcp', 'openvpn:a', -150e6, 0, 'lower'],
      ['direct:a', 'mptcp', 64e6, 0, 'higher'],
      ['direct:a', 'openvpn:a', -86e6, 0, 'lower'],
    ])
  })

  it('trusts a sound run', () => {
    expect(result.guards.map((g) => [g.name, g.ok])).to.deep.equal([
      ['calibration', true],
      ['headroom', true],
      ['spread', true],
      ['emulator', true],
    ])
    expect(result).to.include({ trusted: true, exitCode: 0 })
    expect(result.whyNot).to.deep.equal([])
  })

  it('does not call fewer than six repeats a measurement', () => {
    const short = summarize(draftOf(scenarioWith(), 5, steady))
    expect(short).to.include({ trusted: false, exitCode: 0 })
    expect(short.whyNot).to.deep.equal(['Not a measurement: 5 repeats, and an interval needs 6.'])
    expect(short.comparisons.every((c) => c.verdict === 'not a measurement')).to.equal(true)
  })

  it('leaves failed samples out of every figure', () => {
    const draft = draftOf(scenarioWith(), 6, steady)
    const failed = draft.samples.find((s) => s.subject === 'mptcp' && s.measurement === 'bulk/4')!
    Object.assign(failed, { status: 'failed', reason: 'x' } satisfies Partial<Sample>)
    expect(row(summarize(draft), { subject: 'mptcp', measurement: 'bulk/4', metric: 'goodput' })!.estimate.n).to.equal(
      5,
    )
  })
})

describe('probe figures', () => {
  it('turn into outage, loss and delay, by direction', () => {
    const scenario = scenarioWith()
    const draft = draftOf(scenario, 6, () => null)
    const measurement = draft.measurements.find((m) => m.id === 'lose-a/4')!
    draft.samples = [1, 2, 3, 4, 5, 6].map((r) =>
      sampleOf('mptcp', measurement, r, {
        goodput: goodput({ healthy: 300, degraded: 70, recovering: 100, restored: 300 }),
        probe: probe(
          [
            { window: 'degraded', direction: 'up', longestGapMs: 100 + r, lost: r },
            // Nothing arrived: the whole window was one gap.
            {
              window: 'degraded',
              direction: 'down',
              longestGapMs: null,
              delayP50Ms: null,
              delayP95Ms: null,
              delayP99Ms: null,
            },
          ],
          { up: 10, down: 10 },
        ),
        cpuSecondsPerGigabyte: 1.5,
      }),
    )
    const result = summarize(draft)
    const value = (metric: string, direction: 'up' | 'down' | null) =>
      result.summary.find((r) => r.metric === metric && r.direction === direction)?.estimate.median
    expect(value('outage', 'up')).to.equal(103.5)
    expect(value('outage', 'down')).to.equal(3000)
    expect(value('lost', 'up')).to.equal(3.5)
    expect(value('delayAdded', 'up')).to.equal(10)
    expect(value('delayP95', 'down')).to.equal(undefined)
    expect(row(result, { metric: 'cpuPerGigabyte' })).to.include({ window: 'all', direction: null })
  })
})

describe('expectations', () => {
  function verdicts(
    expectations: (context: ExpectContext) => ExpectationInput[],
    change: (draft: ReturnType<typeof draftOf>) => void = () => undefined,
  ) {
    const draft = draftOf(scenarioWith(expectations), 6, steady)
    change(draft)
    const result = summarize(draft)
    return { exitCode: result.exitCode, lines: result.expectations.map((e) => `${e.status}: ${e.text}: ${e.detail}`) }
  }

  it('pass and fail against values and baselines, and say what was found', () => {
    const { lines, exitCode } = verdicts(({ subject, sum, best, achievable }) => [
      subject('mptcp').measurement('bulk/4').goodput.atLeast(sum.times(0.9)),
      subject('mptcp').measurement('bulk/4').goodput.worst.atLeast('347.5mbit'),
      subject('direct:a').phase('bulk').goodput.atLeast(achievable.times(0.995)),
      subject('mptcp').phase('lose-a').goodput.in('degraded').atLeast(best.times(0.9)),
      subject('mptcp').phase('lose-a').goodput.atLeast(best),
    ])
    expect(lines).to.deep.equal([
      'passed: mptcp goodput (bulk/4) is at least 90 % of the sum of the paths: 348 Mbit/s, limit 323 Mbit/s (bulk/4, healthy)',
      'failed: mptcp goodput (bulk/4), worst repeat, is at least 348 Mbit/s: worst repeat 347 Mbit/s (bulk/4, healthy)',
      'failed: direct:a goodput (bulk) is at least 99.5 % of the achievable goodput: 284 Mbit/s, limit 285 Mbit/s (bulk/1, healthy)',
      'passed: mptcp goodput (lose-a, degraded) is at least 90 % of the best path: 72.3 Mbit/s, limit 66.8 Mbit/s (lose-a/4, degraded)',
      'failed: mptcp goodput (lose-a) is at least 100 % of the best path: 174 Mbit/s, limit 284 Mbit/s (lose-a/4, recovering)',
    ])
    expect(exitCode).to.equal(1)
  })

  it('hold delays against the idle delay', () => {
    const { lines } = verdicts(
      ({ subject, idle }) => [
        subject('mptcp').measurement('bulk/4').probe.delayP95.atMost(idle.plus('10ms')),
        subject('mptcp').measurement('bulk/4').probe.delayP99.direction('down').atMost(idle.plus('10ms')),
        subject('mptcp').measurement('bulk/4').probe.lost.atMost(0),
      ],
      (draft) => {
        for (const s of draft.samples)
          s.probe = probe([{ direction: 'up' }, { direction: 'down' }], { up: 10, down: 12 })
      },
    )
    expect(lines).to.deep.equal([
      'passed: mptcp delay (p95) (bulk/4) is at most the idle delay plus 10 ms: 20 ms, limit 20 ms (bulk/4, healthy, up)',
      'failed: mptcp delay (p99) (bulk/4, down) is at most the idle delay plus 10 ms: 30 ms, limit 22 ms (bulk/4, healthy, down)',
      'passed: mptcp packets lost (bulk/4) is at most 0 packets: 0 packets (bulk/4, healthy, up)',
    ])
  })

  it('are unknown when the subject did not run, or a baseline is missing', () => {
    const { lines, exitCode } = verdicts(
      ({ subject, sum }) => [
        subject('openvpn:a').measurement('bulk/4').goodput.atLeast('1mbit'),
        subject('mptcp').measurement('bulk/4').goodput.atLeast(sum),
        subject('direct:b').measurement('bulk/4').goodput.atLeast('1mbit'),
      ],
      (draft) => {
        draft.samples = draft.samples.filter((s) => s.subject === 'mptcp')
        draft.measurements = draft.measurements.filter((m) => m.phase === 'bulk')
        Object.assign(draft.subjects[3]!, { status: 'missing', reason: 'openvpn is not installed' })
      },
    )
    expect(lines).to.deep.equal([
      'unknown: openvpn:a goodput (bulk/4) is at least 1 Mbit/s: openvpn:a is missing: openvpn is not installed',
      'unknown: mptcp goodput (bulk/4) is at least 100 % of the sum of the paths: not every single path was measured alone (bulk/4, healthy)',
      'unknown: direct:b goodput (bulk/4) is at least 1 Mbit/s: direct:b has no goodput of bulk/4 in this run',
    ])
    expect(exitCode).to.equal(3)
  })

  it('fail the run when they are unknown although their subject ran', () => {
    const held = ({ subject, sum }: ExpectContext) => [subject('mptcp').measurement('bulk/4').goodput.atLeast(sum)]
    const fail = (draft: ReturnType<typeof draftOf>, id: string) => {
      for (const s of draft.samples.filter((x) => x.subject === id)) Object.assign(s, { status: 'failed', reason: 'x' })
    }
    const exitCodes = (change: (draft: ReturnType<typeof draftOf>) => void) => {
      const { lines, exitCode } = verdicts(held, change)
      expect(lines[0]).to.match(/^unknown: /)
      return exitCode
    }
    expect(
      exitCodes((draft) => {
        fail(draft, 'mptcp')
      }),
    ).to.equal(1)
    expect(
      exitCodes((draft) => {
        fail(draft, 'direct:b')
      }),
    ).to.equal(1)
    // Not asked for, or not supported: nobody's failure.
    const partly = (draft: ReturnType<typeof draftOf>, phase: string) => {
      draft.measurements = draft.measurements.filter((m) => m.phase === phase)
      draft.samples = draft.samples.filter((s) => s.measurement.startsWith(phase))
    }
    expect(
      exitCodes((draft) => {
        partly(draft, 'lose-a')
      }),
    ).to.equal(0)
    const bulkFails = exitCodes((draft) => {
      partly(draft, 'bulk')
      fail(draft, 'mptcp')
    })
    expect(bulkFails).to.equal(1)
    expect(
      exitCodes((draft) => {
        for (const s of draft.samples) if (s.subject === 'mptcp') Object.assign(s, { status: 'unsupported' })
      }),
    ).to.equal(0)
  })

  it('hold a subject against another one, until that one leaves no room', () => {
    const { lines } = verdicts(({ subject, rival, achievable }) => [
      subject('mptcp').measurement('bulk/4').goodput.atLeast(rival('openvpn:a').times(1.15)),
      subject('openvpn:a').measurement('bulk/4').goodput.atLeast(rival('mptcp').times(1.15)),
      // 348 of 363 Mbit/s: below 97 % it must be beaten, above 95 % as much is enough.
      subject('mptcp')
        .measurement('bulk/4')
        .goodput.atLeast(rival('mptcp').times(1.15).or(achievable.times(0.97))),
      subject('mptcp')
        .measurement('bulk/4')
        .goodput.atLeast(rival('mptcp').times(1.15).or(achievable.times(0.95))),
    ])
    expect(lines).to.deep.equal([
      'passed: mptcp goodput (bulk/4) is at least 115 % of openvpn:a: 348 Mbit/s, limit 228 Mbit/s (bulk/4, healthy)',
      'failed: openvpn:a goodput (bulk/4) is at least 115 % of mptcp: 198 Mbit/s, limit 400 Mbit/s (bulk/4, healthy)',
      'failed: mptcp goodput (bulk/4) is at least 115 % of mptcp, or 97 % of the achievable goodput if that reaches it: 348 Mbit/s, limit 400 Mbit/s (bulk/4, healthy)',
      'passed: mptcp goodput (bulk/4) is at least 115 % of mptcp, or 95 % of the achievable goodput if that reaches it: 348 Mbit/s, limit 345 Mbit/s (bulk/4, healthy)',
    ])
  })
})

describe('guards and exit codes', () => {
  const sum = ({ subject }: ExpectContext) => [subject('mptcp').measurement('bulk/4').goodput.atLeast('400mbit')]
  function run(change: (draft: ReturnType<typeof draftOf>) => void, reached = steady) {
    const draft = draftOf(scenarioWith(sum), 6, reached)
    change(draft)
    return summarize(draft)
  }
  const failing = (result: Result) => result.guards.filter((g) => !g.ok).map((g) => `${g.name}: ${g.detail}`)

  it('refuse links that were not calibrated', () => {
    const result = run((draft) => (draft.calibration = null))
    expect(failing(result)).to.deep.equal(['calibration: the links were not calibrated'])
    expect(result).to.include({ exitCode: 4, trusted: false })
    expect(result.whyNot).to.deep.equal(['Guard calibration: the links were not calibrated.'])
  })

  /** Every repeat of `direct:a` in `bulk/1`. */
  const load = (share: number) => (draft: ReturnType<typeof draftOf>) => {
    for (const sample of draft.samples) {
      if (sample.subject === 'direct:a' && sample.measurement === 'bulk/1') sample.busiestCore = share
    }
  }

  it('refuse a machine that was too busy, but not for one busy repeat', () => {
    expect(failing(run((draft) => (draft.samples[0]!.busiestCore = 1)))).to.deep.equal([])
    expect(failing(run(load(0.9)))).to.deep.equal([])
    expect(failing(run(load(0.97)))).to.deep.equal([
      'headroom: busiest core 97 % (direct:a, bulk/1, median of the repeats); the most is 90 %',
    ])
  })

  it('refuse direct runs that differ too much, but not for one outlier', () => {
    const wild = run(
      () => undefined,
      (s, m, r) => (s === 'direct:b' && r > 3 ? { healthy: 60 } : steady(s, m, r)),
    )
    expect(failing(wild)[0]).to.match(/^spread: direct runs differ by 2\d % \(direct:b, bulk\/1\); the most is 5 %/)
    const once = run(
      () => undefined,
      (s, m, r) => (s === 'direct:a' && r === 3 ? { healthy: 60 } : steady(s, m, r)),
    )
    expect(failing(once)).to.deep.equal([])
  })

  it('refuse an emulator that lost packets by itself', () => {
    const result = run((draft) => (draft.emulatorDrops = 5))
    expect(failing(result)).to.deep.equal(['emulator: the emulator lost 5 of 0 packets by itself'])
  })

  it('decide the exit code in the documented order', () => {
    const busy = load(1)
    const crash = (draft: ReturnType<typeof draftOf>) => (draft.subjects[2]!.status = 'crashed')
    expect(run(() => undefined).exitCode).to.equal(1)
    expect(run(busy).exitCode).to.equal(4)
    expect(run((draft) => (busy(draft), (draft.allowUntrusted = true))).exitCode).to.equal(1)
    expect(run((draft) => (busy(draft), crash(draft))).exitCode).to.equal(5)
    expect(run((draft) => (crash(draft), (draft.interrupted = true))).exitCode).to.equal(130)
  })
})
