import { expect } from 'chai'
import { makeResult } from '../testing/fixture.js'
import { describePath, verdict } from './headline.js'
import { digits, duration, inUnit, percent, rate, signedPercent, withInterval } from './metrics.js'
import { comparisonLines } from './notes.js'
import { measurementTable } from './table.js'
import { cut, flow, oneLine, padStart, width, wrap } from './text.js'

describe('numbers on paper', () => {
  it('have three digits where there are as many, and a real minus', () => {
    expect([286.4, 99.96, 76.12, 9.996, 2.314, 0, -13.94, 12345.6].map((value) => digits(value))).to.deep.equal([
      '286',
      '100',
      '76.1',
      '10.0',
      '2.31',
      '0',
      '−13.9',
      '12346',
    ])
    expect(digits(null) + digits(NaN)).to.equal('––')
  })

  it('are shown in the unit of their metric', () => {
    expect(inUnit('goodput', 286.4e6)).to.equal('286')
    expect(inUnit('udpLoss', 0.0012)).to.equal('0.12')
  })

  it('have as many decimals in the interval as in the median', () => {
    const estimate = {
      n: 6,
      median: 13,
      low: 7.74,
      high: 13.94,
      coverage: 0.97,
      min: 0,
      max: 0,
      mad: 0,
      values: [],
      outliers: [],
    }
    expect(withInterval('outage', { ...estimate, median: 13.04 })).to.equal('13.0 [7.7, 13.9]')
    expect(withInterval('outage', { ...estimate, low: null, high: null })).to.equal('13')
    expect(withInterval('outage', undefined)).to.equal('–')
  })

  it('include shares, rates and durations', () => {
    expect([percent(1.052), percent(null), signedPercent(-0.0021), signedPercent(0)]).to.deep.equal([
      '105 %',
      '–',
      '−0.2 %',
      '±0.0 %',
    ])
    expect([rate(300e6), rate(1.5e9), rate(56e3), rate(null), rate(null, 'lte.up')]).to.deep.equal([
      '300 Mbit',
      '1.50 Gbit',
      '56 kbit',
      'unlimited',
      'trace lte.up',
    ])
    expect([duration(900), duration(252_000), duration(3_600_000)]).to.deep.equal(['1 s', '4 min 12 s', '1 h'])
  })
})

describe('text in columns', () => {
  it('counts wide characters twice and colours not at all', () => {
    expect([width('経路'), width('é'), width('\u001b[31mx\u001b[39m'), width('🛰️')]).to.deep.equal([4, 1, 1, 2])
    expect(padStart('経', 4)).to.equal('  経')
    expect(cut('経路ab', 4)).to.equal('経…')
  })

  it('is one harmless line', () => {
    expect(oneLine('a\r\n\u001b[2Jb\u202ec')).to.equal('a·[2Jb·c')
  })

  it('wraps between words and between parts', () => {
    expect(wrap('one two three', 7)).to.deep.equal(['one two', 'three'])
    expect(flow(['one', 'two', 'three'], 9, '  ')).to.deep.equal(['one · two', '  three'])
  })
})

describe('the headline', () => {
  it('names each path by its rate and delay, both directions where they differ', () => {
    const [path] = makeResult({ repeats: 1 }).paths
    expect(describePath(path!)).to.equal('a 300 Mbit 10 ms')
    expect(describePath({ ...path!, up: { ...path!.up, bitsPerSecond: 40e6, delayMs: 5 } })).to.equal(
      'a 40/300 Mbit 5/10 ms',
    )
  })

  it('takes doubt before failure, and failure before success', () => {
    const result = makeResult()
    expect(verdict(result).word).to.equal('failed')
    expect(verdict({ ...result, trusted: false }).word).to.equal('not a measurement')
    expect(verdict({ ...result, interrupted: true }).word).to.equal('interrupted')
    const passed = result.expectations.filter((found) => found.status === 'passed')
    expect(verdict({ ...result, expectations: passed }).text).to.equal('The expectation passed.')
    expect(verdict({ ...result, expectations: [] }).word).to.equal('measured')
  })
})

describe('the table of a measurement', () => {
  it('has columns for loss and jitter where the load is UDP', () => {
    const result = makeResult({ repeats: 1 })
    const [measurement] = result.measurements
    const udp = { ...measurement!, protocol: 'udp' as const }
    const row = { ...result.summary[0]!, metric: 'udpLoss' as const }
    row.estimate = { ...row.estimate, median: 0.0123, low: null, high: null }
    const table = measurementTable({ ...result, measurements: [udp], summary: [...result.summary, row] }, udp)
    const place = table.columns.findIndex((column) => column.key === 'udpLoss')
    expect(table.rows[0]?.cells[place]).to.equal('1.23')
  })

  it('says “at least” where nothing arrived at all', () => {
    const result = makeResult()
    result.summary = result.summary.filter((row) => row.metric !== 'outage' || row.window !== 'degraded')
    const measurement = result.measurements.find((found) => found.id === 'failover-a/4')!
    const table = measurementTable(result, measurement)
    const place = table.columns.findIndex((column) => column.key === 'outage')
    expect(table.rows[0]?.cells[place]).to.equal('≥ 6000')
  })
})

describe('differences', () => {
  it('name better and worse by the metric, and come before what was not detected', () => {
    const lines = comparisonLines(makeResult())
    const outage = lines.find((line) => line.comparison.metric === 'outage' && line.better !== null)
    expect([outage?.comparison.verdict, outage?.better]).to.deep.equal(['lower', true])
    const first = lines.findIndex((line) => line.better === null)
    expect(lines.slice(first).every((line) => line.better === null)).to.equal(true)
  })
})
