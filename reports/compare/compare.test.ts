import { expect } from 'chai'
import { makeResult } from '../testing/fixture.js'
import { makeHostileResult } from '../testing/hostile.js'
import { type Change, compareResults, type ResultComparison } from './compare.js'
import { renderComparisonMarkdown, renderComparisonTerminal } from './text.js'

const of = (comparison: ResultComparison, subject: string, measurement: string): Change =>
  comparison.changes.find(
    (change) =>
      change.subject === subject &&
      change.measurement === measurement &&
      change.metric === 'goodput' &&
      change.window === 'healthy',
  )!

describe('comparing two runs', () => {
  const before = makeResult({ seed: 1 })

  it('finds what got worse and what got better, and fails on the former', () => {
    const comparison = compareResults(before, makeResult({ seed: 2, factor: { mqvpn: 0.93, mptcp: 1.05 } }))
    const worse = of(comparison, 'mqvpn', 'bulk/16')
    expect(worse.verdict).to.equal('regressed')
    expect(worse.relative).to.be.closeTo(-0.07, 0.01)
    expect(worse.difference?.high).to.be.below(0)
    expect(of(comparison, 'mptcp', 'bulk/16').verdict).to.equal('improved')
    expect(comparison.failsOnRegression).to.equal(true)
  })

  it('raises no alarm when nothing has changed, for twenty pairs of runs', function () {
    this.timeout(60_000)
    for (let seed = 1; seed <= 40; seed += 2) {
      const comparison = compareResults(makeResult({ seed }), makeResult({ seed: seed + 1 }))
      expect(comparison.failsOnRegression, `seed ${seed}`).to.equal(false)
    }
  })

  it('takes less than the noise threshold for noise, however sure it is', () => {
    const comparison = compareResults(before, makeResult({ seed: 2, factor: { mqvpn: 0.98 } }))
    const change = of(comparison, 'mqvpn', 'bulk/16')
    expect([change.verdict, change.reason]).to.deep.equal(['no difference detected', 'within the noise threshold'])
    const strict = compareResults(before, makeResult({ seed: 2, factor: { mqvpn: 0.98 } }), { noise: 0.1 })
    expect(of(strict, 'mqvpn', 'bulk/16').verdict).to.equal('regressed')
  })

  it('refuses runs that are no measurement, of other scenarios or other shapers, and then fails', () => {
    const refused = compareResults(before, makeResult({ repeats: 1 }))
    expect(refused.refusals).to.deep.equal([
      'The second run is not a measurement: One repeat: six are the least that carry an interval.',
    ])
    expect(refused.changes).to.deep.equal([])
    expect(refused.failsOnRegression).to.equal(true)
    const other = makeResult({ seed: 2 })
    other.scenario.name = 'starlink'
    expect(compareResults(before, other).refusals).to.deep.equal(['The scenarios differ: asym and starlink.'])
    const netem = makeResult({ seed: 2 })
    netem.shaper.backend = 'netem'
    expect(compareResults(before, netem).refusals[0]).to.include('shaper user and netem')
    expect(compareResults(before, netem, { force: true })).to.deep.include({ refusals: [] })
  })

  it('warns of another environment, or a scenario file that changed without changing the lab', () => {
    const after = makeResult({ seed: 2 })
    after.environment.kernel = 'Linux 6.13.0'
    after.environment.tools['iperf3'] = 'iperf 3.19'
    after.scenario.sha256 = '0'.repeat(64)
    const { warnings, refusals } = compareResults(before, after)
    expect(refusals).to.deep.equal([])
    expect(warnings).to.deep.equal([
      'The scenario file scenarios/asym.ts has changed; paths and measurements are the same.',
      'Kernel: Linux 6.12.8-amd64 → Linux 6.13.0.',
      'iperf3: iperf 3.18 → iperf 3.19.',
    ])
  })

  it('blames the machine, not a VPN, when a direct path has changed', () => {
    const comparison = compareResults(before, makeResult({ seed: 2, factor: { 'direct:a': 0.8 } }))
    expect(comparison.warnings.some((text) => text.startsWith('direct:a itself has changed'))).to.equal(true)
    expect(comparison.failsOnRegression).to.equal(false)
  })

  it('says what only one of the runs has; a crash is a regression', () => {
    const after = makeResult({ seed: 2 })
    after.summary = after.summary.filter((row) => row.subject !== 'mqvpn')
    const gone = of(compareResults(before, after), 'mqvpn', 'bulk/1')
    expect([gone.verdict, gone.reason]).to.deep.equal(['not comparable', 'only in the first run'])
    after.subjects = after.subjects.map((subject) =>
      subject.id === 'mqvpn' ? { ...subject, status: 'crashed' } : subject,
    )
    expect(compareResults(before, after).failsOnRegression).to.equal(true)
  })
})

describe('the text of a comparison', () => {
  const after = makeResult({ seed: 2, factor: { mqvpn: 0.93, mptcp: 1.05 } })
  const comparison = compareResults(makeResult({ seed: 1 }), after)

  it('lists what changed, subject by subject, in a hundred columns', () => {
    const text = renderComparisonTerminal(comparison, { color: false, width: 100 })
    expect(text).to.match(
      /\nmqvpn\n {2}bulk\/1 goodput +\d+ → \d+ Mbit\/s +−[\d.]+ \[−[\d.]+, −[\d.]+\] +−[\d.]+ % +regressed\n/,
    )
    expect(text).to.match(/REGRESSED {2}\d+ regressed, \d+ improved/)
    expect(text.split('\n').every((line) => line.length <= 100)).to.equal(true)
  })

  it('is a table in Markdown', () => {
    const text = renderComparisonMarkdown(comparison)
    expect(text).to.match(/\| mqvpn \| bulk\/1 goodput \| \d+ → \d+ Mbit\/s \|.*\| ✗ regressed \|/)
  })

  it('explains a refusal, and keeps hostile names harmless', () => {
    const refused = compareResults(makeHostileResult(), after)
    expect(renderComparisonTerminal(refused, { color: false }))
      .to.include('REFUSED')
      .and.to.include('NOT COMPARED')
    expect(renderComparisonMarkdown(refused)).to.not.include('<img')
  })
})
