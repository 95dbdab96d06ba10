import { expect } from 'chai'
import fc from 'fast-check'
import * as units from './units.js'

const { parseRate, parseDuration, parseSize, parseQueue, parsePercent, UnitError } = units
const parsers = { parseRate, parseDuration, parseSize, parseQueue, parsePercent }

describe('units', () => {
  it('reads rates in bits per second, in any case', () => {
    expect(parseRate('300mbit')).to.equal(300e6)
    expect(parseRate('300Mbit')).to.equal(300e6)
    expect(parseRate('1.5gbit')).to.equal(1.5e9)
    expect(parseRate('1.1GBIT')).to.equal(1.1e9)
    expect(parseRate('64kbit')).to.equal(64e3)
    expect(parseRate('unlimited')).to.equal(null)
  })

  it('reads durations in milliseconds', () => {
    expect(parseDuration('500us')).to.equal(0.5)
    expect(parseDuration('10ms')).to.equal(10)
    expect(parseDuration('2s')).to.equal(2000)
    expect(parseDuration('1m')).to.equal(60_000)
    expect(parseDuration('0ms')).to.equal(0)
  })

  it('reads sizes, queues and percentages', () => {
    expect(parseSize('64kB')).to.equal(64_000)
    expect(parseSize('1MiB')).to.equal(1_048_576)
    expect(parseQueue('1MB')).to.deep.equal({ bytes: 1e6 })
    expect(parseQueue('100p')).to.deep.equal({ packets: 100 })
    expect(parseQueue('0.5bdp')).to.deep.equal({ bdp: 0.5 })
    expect(parsePercent('0.3%')).to.equal(0.003)
    expect(parsePercent('100%')).to.equal(1)
  })

  it('refuses plain numbers and says what to write', () => {
    expect(() => parseRate(300)).to.throw(UnitError, "got 300; write a unit, e.g. '300mbit'")
    expect(() => parseRate('300')).to.throw(UnitError, "got '300'; write a unit, e.g. '300mbit'")
    expect(() => parseDuration(10)).to.throw(UnitError, "got 10; write a unit, e.g. '10ms'")
    expect(() => parsePercent(0.01)).to.throw(UnitError, "got 0.01; write a unit, e.g. '0.01%'")
    expect(() => parseRate('300Mb')).to.throw(
      UnitError,
      "rates end in bit, kbit, mbit or gbit (per second), e.g. '300mbit'",
    )
    expect(() => parseQueue('10packets')).to.throw(UnitError, "write '1bdp'")
  })

  it('refuses what cannot be', () => {
    expect(() => parseRate('0mbit')).to.throw(UnitError, 'at least')
    expect(() => parseRate('101gbit')).to.throw(UnitError, 'the most is')
    expect(() => parsePercent('101%')).to.throw(UnitError, 'the most is')
    expect(() => parseQueue('0p')).to.throw(UnitError, 'at least')
    expect(() => parseQueue('1.5p')).to.throw(UnitError, 'whole')
    expect(() => parseDuration('-5ms')).to.throw(UnitError)
  })

  it('throws nothing but UnitError, whatever it is given', () => {
    const garbage = fc.oneof(
      fc.anything(),
      fc.string({ unit: 'binary' }),
      fc.tuple(fc.double(), fc.constantFrom('mbit', 'ms', 's', 'B', 'p', 'bdp', '%', '')).map(([n, u]) => `${n}${u}`),
    )
    for (const parse of Object.values(parsers)) {
      fc.assert(
        fc.property(garbage, (value) => {
          try {
            parse(value)
          } catch (error) {
            expect(error).to.be.instanceOf(UnitError)
            expect((error as Error).message).to.not.include('\n')
          }
        }),
        { numRuns: 400 },
      )
    }
  })

  it('reads back what it formats', () => {
    const back = <T>(arbitrary: fc.Arbitrary<T>, format: (value: T) => string, parse: (text: string) => unknown) =>
      fc.assert(
        fc.property(arbitrary, (value) => {
          expect(parse(format(value))).to.deep.equal(value)
        }),
        { numRuns: 300 },
      )
    back(fc.option(fc.integer({ min: 1, max: 100e9 })), units.formatRate, parseRate)
    back(
      fc.integer({ min: 0, max: 86_400_000_000 }).map((us) => us / 1000),
      units.formatDuration,
      parseDuration,
    )
    back(fc.integer({ min: 1, max: 1e9 }), units.formatSize, parseSize)
    back(
      fc.integer({ min: 0, max: 1e6 }).map((n) => n / 1e6),
      units.formatPercent,
      parsePercent,
    )
    const queue = fc.oneof(
      fc.integer({ min: 1, max: 1e9 }).map((bytes) => ({ bytes })),
      fc.integer({ min: 1, max: 1e6 }).map((packets) => ({ packets })),
      fc.integer({ min: 1, max: 100 }).map((bdp) => ({ bdp })),
    )
    back(queue, units.formatQueue, parseQueue)
  })

  it('formats as a person would', () => {
    expect(units.formatRate(1.5e9)).to.equal('1.5gbit')
    expect(units.formatRate(300e6)).to.equal('300mbit')
    expect(units.formatDuration(90_000)).to.equal('90s')
    expect(units.formatDuration(60_000)).to.equal('1m')
    expect(units.formatDuration(0.5)).to.equal('500us')
    expect(units.formatPercent(0.003)).to.equal('0.3%')
  })
})
