import { expect } from 'chai'
import fc from 'fast-check'
import { betaInverse, betaRegularised, logGamma } from './beta.js'
import { clopperPearson, binomialInterval } from './binomial.js'
import { estimate } from './estimate.js'
import { jainFairness } from './fairness.js'
import { coverage, medianInterval } from './median-interval.js'
import { mad, median } from './median.js'
import { outliers } from './outliers.js'
import { detectionLimit, pairedDifferences, pairedEstimate, verdictOf } from './paired.js'
import { quantile } from './quantile.js'
import { randomFrom } from './random.js'

const numbers = (minLength: number, maxLength = 40) =>
  fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength, maxLength })
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

describe('median and MAD', () => {
  it('give known answers', () => {
    expect(median([3, 1, 2])).to.equal(2)
    expect(median([4, 1, 3, 2])).to.equal(2.5)
    expect(median([])).to.be.NaN
    expect(mad([1, 1, 2, 2, 4, 6, 9])).to.equal(1)
    expect(median([10, 9, 100])).to.equal(10)
  })

  it('do not care for order, and follow shifts and scales', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1 }),
        fc.integer({ min: -100, max: 100 }),
        (xs, k) => {
          expect(median(xs.toReversed())).to.equal(median(xs))
          expect(median(xs.map((x) => x + k))).to.equal(median(xs) + k)
          expect(mad(xs.map((x) => x * k))).to.equal(mad(xs) * Math.abs(k))
        },
      ),
    )
  })
})

describe('quantile', () => {
  it('is of type 7, as in R and NumPy', () => {
    expect(quantile(upTo(10), 0.25)).to.equal(3.25)
    expect(quantile(upTo(10), 0.95)).to.be.closeTo(9.55, 1e-12)
    expect(quantile([5], 0.99)).to.equal(5)
    expect(quantile([], 0.5)).to.be.NaN
  })

  it('has the median in its middle and never leaves the values', () => {
    fc.assert(
      fc.property(numbers(1), fc.double({ min: 0, max: 1, noNaN: true }), (xs, p) => {
        expect(quantile(xs, 0.5)).to.be.closeTo(median(xs), 1e-6)
        expect(quantile(xs, p)).to.be.within(Math.min(...xs), Math.max(...xs))
      }),
    )
  })
})

describe('interval of the median', () => {
  it('gives the known ranks and coverages', () => {
    expect(medianInterval(upTo(6))).to.deep.include({ low: 1, high: 6, rank: 1 })
    expect(medianInterval(upTo(6))!.coverage).to.be.closeTo(0.969, 0.0005)
    expect(medianInterval(upTo(10))).to.deep.include({ low: 2, high: 9, rank: 2 })
    expect(medianInterval(upTo(10))!.coverage).to.be.closeTo(0.979, 0.0005)
    expect(medianInterval(upTo(20))).to.deep.include({ low: 6, high: 15, rank: 6 })
    expect(medianInterval(upTo(20))!.coverage).to.be.closeTo(0.959, 0.0005)
    expect(coverage(5, 1)).to.be.closeTo(0.938, 0.0005)
  })

  it('does not exist below six values', () => {
    for (let n = 0; n < 6; n++) expect(medianInterval(upTo(n))).to.equal(null)
  })

  it('works for thousands of values', () => {
    const interval = medianInterval(upTo(5000))!
    expect(interval.coverage).to.be.within(0.95, 0.955)
    // √n ± : 2500.5 ± 1.96 × √5000 / 2
    expect(interval.low).to.be.within(2428, 2434)
  })

  it('holds the true median as often as it says', () => {
    const random = randomFrom(11)
    // Skewed on purpose: −log U, whose median is log 2.
    const draw = () => -Math.log((random.next() + 1) / 2 ** 32)
    for (const n of [6, 10, 20]) {
      let held = 0
      for (let trial = 0; trial < 4000; trial++) {
        const { low, high } = medianInterval(Array.from({ length: n }, draw))!
        if (low <= Math.LN2 && Math.LN2 <= high) held++
      }
      // ± 4 standard deviations of a share near 0.97
      expect(held / 4000).to.be.closeTo(medianInterval(upTo(n))!.coverage, 0.013)
    }
  })

  it('holds the sample median and covers at least 95 %', () => {
    fc.assert(
      fc.property(numbers(6), (xs) => {
        const interval = medianInterval(xs)!
        expect(median(xs)).to.be.within(interval.low, interval.high)
        expect(interval.coverage).to.be.within(0.95, 1)
      }),
    )
  })
})

describe('outliers', () => {
  it('are marked by modified z-score', () => {
    expect(outliers([10, 11, 10, 12, 11, 50])).to.deep.equal([5])
    expect(outliers([10, 11, 10, 12, 11, 13])).to.deep.equal([])
    expect(outliers([1, 100])).to.deep.equal([])
  })

  it('are found although more than half of the values are equal', () => {
    expect(outliers([5, 5, 5, 5, 5, 5, 9])).to.deep.equal([6])
    expect(outliers([5, 5, 5, 5])).to.deep.equal([])
  })

  it('are never the majority', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1000, max: 1000 })), (xs) => {
        expect(outliers(xs).length).to.be.at.most(xs.length / 2)
      }),
    )
  })
})

describe('estimate', () => {
  it('keeps every value, outliers included', () => {
    const e = estimate([10, 11, 10, 12, 11, 50])
    expect(e).to.deep.include({ n: 6, median: 11, low: 10, high: 50, min: 10, max: 50, outliers: [5] })
    expect(e.values).to.deep.equal([10, 11, 10, 12, 11, 50])
    expect(estimate([1, 2])).to.deep.include({ low: null, high: null, coverage: null, median: 1.5 })
    expect(() => estimate([])).to.throw(RangeError)
  })
})

describe('paired differences', () => {
  const rounds = (values: number[]) => new Map(values.map((value, i) => [i + 1, value]))

  it('pair by round and leave out rounds that only one has', () => {
    const a = new Map([
      [1, 10],
      [3, 30],
      [2, 20],
    ])
    const b = new Map([
      [2, 25],
      [1, 11],
      [4, 99],
    ])
    expect(pairedDifferences(a, b)).to.deep.equal([1, 5])
    expect(pairedEstimate(new Map(), b)).to.equal(null)
  })

  it('see a difference through a drift that is larger', () => {
    const a = rounds([100, 120, 140, 160, 180, 200])
    const b = rounds([103, 124, 143, 162, 184, 203])
    const difference = pairedEstimate(a, b)!
    expect(difference).to.deep.include({ median: 3, low: 2, high: 4 })
    expect(verdictOf(difference)).to.equal('higher')
    expect(verdictOf(pairedEstimate(b, a)!)).to.equal('lower')
    expect(detectionLimit(difference)).to.equal(1)
  })

  it('say when nothing was detected, or nothing measured', () => {
    expect(verdictOf(estimate([-1, 2, 1, -2, 3, 0]))).to.equal('no difference detected')
    expect(verdictOf(estimate([5, 5, 5, 5, 5]))).to.equal('not a measurement')
    expect(detectionLimit(estimate([4]))).to.equal(4)
  })

  it('swap sign with the sides', () => {
    fc.assert(
      fc.property(numbers(6, 12), numbers(6, 12), (xs, ys) => {
        const [ab, ba] = [pairedEstimate(rounds(xs), rounds(ys))!, pairedEstimate(rounds(ys), rounds(xs))!]
        expect(ab.median).to.be.closeTo(-ba.median, 1e-6)
        expect(detectionLimit(ab)).to.be.closeTo(detectionLimit(ba), 1e-6)
      }),
    )
  })
})

describe('binomial intervals', () => {
  it('agree with tables (Clopper–Pearson, 95 %)', () => {
    const ten = clopperPearson(5, 10, 0.95)
    expect(ten.low).to.be.closeTo(0.1871, 5e-5)
    expect(ten.high).to.be.closeTo(0.8129, 5e-5)
    // Nothing in 100: the upper limit is 1 − 0.025^(1/100).
    expect(clopperPearson(0, 100, 0.95)).to.deep.equal({ low: 0, high: clopperPearson(0, 100, 0.95).high })
    expect(clopperPearson(0, 100, 0.95).high).to.be.closeTo(1 - 0.025 ** 0.01, 1e-9)
    expect(clopperPearson(100, 100, 0.95).low).to.be.closeTo(0.025 ** 0.01, 1e-9)
  })

  it('hold the share that was seen', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.double({ min: 0, max: 1, noNaN: true }), (n, share) => {
        const hits = Math.round(n * share)
        const { low, high } = clopperPearson(hits, n)
        expect(hits / n).to.be.within(low, high)
      }),
      { numRuns: 60 },
    )
  })

  it('refuse what is not a count', () => {
    expect(() => clopperPearson(3, 2)).to.throw(RangeError)
    expect(() => clopperPearson(0.5, 2)).to.throw(RangeError)
    expect(() => clopperPearson(0, 0)).to.throw(RangeError)
  })

  it('say which shares a sound link may show', () => {
    expect(binomialInterval(0, 1000)).to.deep.equal({ low: 0, high: 0 })
    expect(binomialInterval(1, 1000)).to.deep.equal({ low: 1, high: 1 })
    // 1 % of 2000 is 20 ± 3.29 × 4.45
    const { low, high } = binomialInterval(0.01, 2000)
    expect(low * 2000).to.be.within(6, 8)
    expect(high * 2000).to.be.within(35, 37)
  })

  it('refuse a sound link no more often than they say', () => {
    const random = randomFrom(5)
    const { low, high } = binomialInterval(0.02, 500)
    let refused = 0
    for (let trial = 0; trial < 4000; trial++) {
      let hits = 0
      for (let i = 0; i < 500; i++) if (random.next() < 0.02 * 2 ** 32) hits++
      if (hits / 500 < low || hits / 500 > high) refused++
    }
    expect(refused).to.be.at.most(14)
  })
})

describe('beta function', () => {
  it('gives known answers', () => {
    expect(logGamma(5)).to.be.closeTo(Math.log(24), 1e-12)
    expect(logGamma(0.5)).to.be.closeTo(Math.log(Math.PI) / 2, 1e-12)
    // Beta(2, 3) has the distribution 6x² − 8x³ + 3x⁴.
    expect(betaRegularised(0.4, 2, 3)).to.be.closeTo(0.96 - 0.512 + 0.0768, 1e-12)
    expect(betaInverse(0.5, 3, 3)).to.be.closeTo(0.5, 1e-12)
  })
})

describe('Jain fairness', () => {
  it('is 1 for equal shares and 1/n for a monopoly', () => {
    expect(jainFairness([3, 3, 3])).to.equal(1)
    expect(jainFairness([9, 0, 0])).to.be.closeTo(1 / 3, 1e-12)
    expect(jainFairness([0, 0])).to.be.NaN
  })
})
