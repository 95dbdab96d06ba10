import { expect } from 'chai'
import fc from 'fast-check'
import { didYouMean, editDistance, nearest } from './suggest.js'

describe('suggest', () => {
  it('counts edits, a swap being one', () => {
    expect(editDistance('delay', 'delay')).to.equal(0)
    expect(editDistance('dealy', 'delay')).to.equal(1)
    expect(editDistance('', 'abc')).to.equal(3)
    expect(editDistance('kitten', 'sitting')).to.equal(3)
  })

  it('is symmetric and zero only for equal words', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(editDistance(a, b)).to.equal(editDistance(b, a))
        expect(editDistance(a, b) === 0).to.equal(a === b)
      }),
    )
  })

  it('offers the nearest word, or the list when nothing is near', () => {
    expect(nearest('dealy', ['rate', 'delay', 'queue'])).to.equal('delay')
    expect(nearest('bandwidth', ['rate', 'delay', 'queue'])).to.equal(null)
    expect(didYouMean('Delay', ['rate', 'delay'])).to.equal('; did you mean "delay"?')
    expect(didYouMean('bandwidth', ['rate', 'delay'])).to.equal('; known: rate, delay')
    expect(didYouMean('x', [])).to.equal('')
  })
})
