import { expect } from 'chai'
import { parseSelf } from './probe-jitter.js'

describe('probe jitter', () => {
  it('reads what mqvpn-probe self prints, in ms', () => {
    const line = '{"event":"self","sent":500,"delayUs":{"p50":7.5,"p99":14.5,"max":51.1}}\n'
    expect(parseSelf(line)).to.deep.equal({ p50Ms: 0.0075, p99Ms: 0.0145 })
  })

  it('is unknown when the probe says something else', () => {
    expect(parseSelf('')).to.equal(null)
    expect(parseSelf('{"delayUs":{"p50":1}}')).to.equal(null)
    expect(parseSelf('oops')).to.equal(null)
  })
})
