import { expect } from 'chai'
import { makeResult } from './fixture.js'
import { makeHostileResult } from './hostile.js'

describe('the fixture', () => {
  it('is the same for the same seed, and another for another', () => {
    const text = (seed: number) => JSON.stringify(makeResult({ seed }))
    expect(text(3) === text(3)).to.equal(true)
    expect(text(3) === text(4)).to.equal(false)
  })

  it('has one outlier, one failed expectation and one missing subject', () => {
    const result = makeResult()
    const goodput = result.summary.filter((row) => row.metric === 'goodput' && row.subject === 'mptcp')
    expect(goodput.find((row) => row.measurement === 'bulk/4')?.estimate.outliers).to.have.length(1)
    expect(result.expectations.filter((found) => found.status === 'failed')).to.have.length(1)
    expect(result.subjects.filter((found) => found.status === 'missing')).to.have.length(1)
    expect(result.trusted).to.equal(true)
  })

  it('comes in the variants that reports must survive', () => {
    expect(makeResult({ repeats: 1 }).trusted).to.equal(false)
    expect(makeResult({ failedCalibration: true }).calibration?.ok).to.equal(false)
    expect(makeResult({ interrupted: true }).interrupted).to.equal(true)
    expect(makeResult({ empty: true }).samples).to.deep.equal([])
    expect(makeResult({ crashed: true }).samples.filter((sample) => sample.status === 'failed')).to.have.length(1)
    expect(makeHostileResult().scenario.name).to.include('<img')
  })
})
