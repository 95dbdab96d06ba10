import { expect } from 'chai'
import { renewalDue } from './files.js'
import { nextLookMs, retryMs } from './schedule.js'

const HOUR_MS = 3600_000

describe('the renewal of a certificate', () => {
  it('is due from the moment when a third of its life is left', () => {
    const validFrom = new Date('2030-01-01T00:00:00Z')
    const validTo = new Date('2030-04-01T00:00:00Z')
    const due = (now: string) => renewalDue({ validFrom, validTo }, new Date(now))
    expect(due('2030-03-01T23:59:59Z')).to.equal(false)
    expect(due('2030-03-02T00:00:00Z')).to.equal(true)
    expect(due('2031-01-01T00:00:00Z')).to.equal(true)
  })

  it('is looked for twice a day, not by all at once', () => {
    expect([nextLookMs(0), nextLookMs(0.5), nextLookMs(1)].map((ms) => Math.round(ms / 60_000) / 60)).to.deep.equal([
      10.8, 12, 13.2,
    ])
  })

  it('is tried again after 15 minutes, then twice as long up to half a day, and never before the authority says', () => {
    expect([1, 2, 3, 6, 7, 1000].map((failures) => retryMs(failures, 0, null) / HOUR_MS)).to.deep.equal([
      0.25, 0.5, 1, 8, 12, 12,
    ])
    expect(retryMs(1, 1, null)).to.be.above(retryMs(1, 0, null))
    expect(retryMs(1, 1, 24 * HOUR_MS)).to.equal(24 * HOUR_MS)
  })
})
