import { expect } from 'chai'
import { wantsColour } from './colour.js'

describe('wantsColour', () => {
  it('says yes on a terminal', () => expect(wantsColour({ isTTY: true }, {})).to.equal(true))
  it('says no to a pipe, in CI as well', () => expect(wantsColour({}, { CI: 'true' })).to.equal(false))
  it('says no on a terminal that cannot or must not', () => {
    expect(wantsColour({ isTTY: true }, { TERM: 'dumb' })).to.equal(false)
    expect(wantsColour({ isTTY: true }, { NO_COLOR: '1' })).to.equal(false)
  })
})
