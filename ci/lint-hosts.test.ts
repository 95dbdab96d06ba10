import { expect } from 'chai'
import { linesWithRegistry } from './lint-hosts.js'

describe('the check for registry hosts', () => {
  it('names the lines', () => {
    const host = ['registry', 'npmjs', 'org'].join('.')
    expect(linesWithRegistry(`a\nfetch('https://${host}/x')\nb`)).to.deep.equal([2])
    expect(linesWithRegistry('the registry of npm')).to.deep.equal([])
  })
})
