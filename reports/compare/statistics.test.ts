import { expect } from 'chai'
import { seeded } from '../testing/random.js'
import { shift, tailProbabilities } from './statistics.js'

describe('the exact distribution of U', () => {
  it('agrees with the published tables', () => {
    // Mann and Whitney (1947), table I: n = 6, m = 6: P(U ≤ 5) = .021, P(U ≤ 8) = .066; m = 3, n = 3: P(U ≤ 0) = .05
    expect(tailProbabilities(6, 6)[5]).to.be.closeTo(0.021, 5e-4)
    expect(tailProbabilities(6, 6)[8]).to.be.closeTo(0.066, 5e-4)
    expect(tailProbabilities(3, 3)[0]).to.be.closeTo(1 / 20, 1e-12)
  })

  it('is symmetric and sums to one', () => {
    const tail = tailProbabilities(4, 7)
    expect(tail).to.have.length(29)
    expect(tail[28]).to.be.closeTo(1, 1e-12)
    expect(tail[9]).to.be.closeTo(1 - (tail[18] ?? 0), 1e-12)
  })

  it('agrees with counting all orders by hand', () => {
    const counts = new Map<number, number>()
    for (let bits = 0; bits < 2 ** 9; bits++) {
      const order = Array.from({ length: 9 }, (_, place) => (bits >> place) & 1)
      if (order.reduce((sum, bit) => sum + bit, 0) !== 4) continue
      const u = order.reduce(
        (sum, bit, place) => sum + (bit === 1 ? order.slice(0, place).filter((x) => x === 0).length : 0),
        0,
      )
      counts.set(u, (counts.get(u) ?? 0) + 1)
    }
    const tail = tailProbabilities(4, 5)
    expect(tail[2]).to.be.closeTo(((counts.get(0) ?? 0) + (counts.get(1) ?? 0) + (counts.get(2) ?? 0)) / 126, 1e-12)
  })
})

describe('the shift between two samples', () => {
  it('is the median of all differences', () => {
    expect(shift([1, 2, 3], [11, 12, 13]).estimate).to.equal(10)
    expect(shift([1, 2], [2, 4]).estimate).to.equal(1.5)
  })

  it('has the 6th smallest and largest of 36 differences as interval for six repeats each: 95.9 %', () => {
    const a = [1, 2, 3, 4, 5, 6]
    const b = [10, 20, 30, 40, 50, 60]
    const differences = b.flatMap((y) => a.map((x) => y - x)).sort((x, y) => x - y)
    const found = shift(a, b)
    expect(found.low).to.equal(differences[5])
    expect(found.high).to.equal(differences[30])
    expect(found.coverage).to.be.closeTo(0.959, 5e-4)
  })

  it('has no interval when there are too few repeats for one', () => {
    expect(shift([1, 2, 3], [4, 5, 6])).to.include({ low: null, high: null, coverage: null })
    expect(shift([1], [2])).to.include({ estimate: 1, low: null })
    expect(shift([1, 2, 3, 4], [4, 5, 6, 7]).low).to.not.equal(null)
  })

  it('covers the true shift as often as it says, also for skewed values', () => {
    const random = seeded(11)
    const skewed = (): number => 100 + 3 * Math.log(1 - random.uniform())
    const rounds = 2000
    let covered = 0
    for (let round = 0; round < rounds; round++) {
      const { low, high } = shift(
        Array.from({ length: 6 }, skewed),
        Array.from({ length: 6 }, () => skewed() + 2),
      )
      if (low !== null && high !== null && low <= 2 && 2 <= high) covered++
    }
    // Binomial: 95.9 % ± 3.3 standard deviations.
    expect(covered / rounds).to.be.within(0.944, 0.974)
  })
})
