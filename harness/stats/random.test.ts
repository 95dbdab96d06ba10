import { expect } from 'chai'
import fc from 'fast-check'
import { randomFrom, shuffled } from './random.js'

describe('random', () => {
  it('repeats itself for the same seed, and only then', () => {
    const numbers = (seed: number) => {
      const random = randomFrom(seed)
      return Array.from({ length: 20 }, () => random.next())
    }
    expect(numbers(7)).to.deep.equal(numbers(7))
    expect(numbers(7)).to.not.deep.equal(numbers(8))
  })

  it('never changes: run orders of old results can be repeated', () => {
    const random = randomFrom(1)
    expect([random.next(), random.next(), random.next()]).to.deep.equal([393288148, 2174103013, 3814759091])
    expect(shuffled(['a', 'b', 'c', 'd', 'e'], randomFrom(1)).join('')).to.equal('eacbd')
  })

  it('is uniform below a bound', () => {
    const random = randomFrom(42)
    const counts = [0, 0, 0, 0, 0]
    for (let i = 0; i < 50_000; i++) counts[random.below(5)]!++
    // 10 000 ± 5 standard deviations of 89
    for (const count of counts) expect(count).to.be.within(9550, 10_450)
  })

  it('shuffles without loss, leaving its input alone', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer(), (list, seed) => {
        const before = [...list]
        const after = shuffled(list, randomFrom(seed))
        expect(list).to.deep.equal(before)
        expect(after.toSorted((x, y) => x - y)).to.deep.equal(before.toSorted((x, y) => x - y))
      }),
    )
  })

  it('gives every order of three the same chance', () => {
    const random = randomFrom(3)
    const counts = new Map<string, number>()
    for (let i = 0; i < 6000; i++) {
      const order = shuffled(['a', 'b', 'c'], random).join('')
      counts.set(order, (counts.get(order) ?? 0) + 1)
    }
    expect(counts.size).to.equal(6)
    for (const count of counts.values()) expect(count).to.be.within(850, 1150)
  })
})
