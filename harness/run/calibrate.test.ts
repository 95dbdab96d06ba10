import { expect } from 'chai'
import { directionOf } from '../testing/specs.js'
import { entryOf, TOLERANCE } from './calibrate.js'

const spec = directionOf({ bitsPerSecond: 100e6, delayMs: 10 })
const delay = (p50Ms: number) => ({ p50Ms, p99Ms: p50Ms + 0.2, samples: 300, sent: 300, lost: 0 })
const none = { sent: 300, lost: 0 }

describe('calibration', () => {
  it('accepts a link just inside the tolerances and refuses one just outside', () => {
    const inside = 1 - TOLERANCE.rate + 0.001
    expect(entryOf('a', 'up', spec, 100e6 * inside, delay(10.9), none).ok).to.equal(true)
    expect(entryOf('a', 'up', spec, 100e6 * (inside - 0.002), delay(10), none).rate.ok).to.equal(false)
    expect(entryOf('a', 'up', spec, 100e6, delay(11.1), none).delay.ok).to.equal(false)
    expect(entryOf('a', 'up', spec, 100e6, delay(8.9), none).ok).to.equal(false)
  })

  it('judges no rate where none is fixed', () => {
    const { rate } = entryOf('a', 'up', directionOf({ bitsPerSecond: null }), 5e6, delay(5), none)
    expect(rate).to.include({ error: null, ok: true, configuredBitsPerSecond: null })
    expect(entryOf('a', 'up', { ...spec, trace: 'x' }, 5e6, delay(10), none).rate.ok).to.equal(true)
  })

  it('refuses any loss on a link without loss, and a link that nothing came through', () => {
    expect(entryOf('a', 'up', spec, 100e6, delay(10), { sent: 1000, lost: 1 }).loss.ok).to.equal(false)
    const dead = { p50Ms: NaN, p99Ms: NaN, samples: 0, sent: 300, lost: 300 }
    expect(entryOf('a', 'up', spec, 0, dead, dead).ok).to.equal(false)
    expect(entryOf('a', 'up', spec, 100e6, delay(10), { sent: 0, lost: 0 }).loss.ok).to.equal(false)
  })

  it('holds loss against its binomial interval, and allows more where it comes in bursts', () => {
    const lossy = { ...spec, loss: { kind: 'random' as const, probability: 0.01 } }
    expect(entryOf('a', 'up', lossy, 100e6, delay(10), { sent: 10_000, lost: 110 }).loss.ok).to.equal(true)
    expect(entryOf('a', 'up', lossy, 100e6, delay(10), { sent: 10_000, lost: 200 }).loss.ok).to.equal(false)
    const bursts = {
      ...spec,
      loss: { kind: 'gilbert' as const, toBad: 0.001, toGood: 0.099, lossGood: 0, lossBad: 1 },
    }
    const entry = entryOf('a', 'up', bursts, 100e6, delay(10), { sent: 10_000, lost: 150 })
    expect(entry.loss.configured).to.be.closeTo(0.01, 1e-9)
    expect(entry.loss.ok).to.equal(true)
  })

  it('lets the median of a jittery path vary as its sample does', () => {
    const jittery = { ...spec, jitterMs: 10 }
    expect(entryOf('a', 'up', jittery, 100e6, delay(12.5), none).delay.ok).to.equal(true)
    expect(entryOf('a', 'up', jittery, 100e6, delay(20), none).delay.ok).to.equal(false)
  })
})
