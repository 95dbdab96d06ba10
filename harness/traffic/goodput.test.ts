import { expect } from 'chai'
import fc from 'fast-check'
import type { WindowInfo } from '../results/schema.js'
import { addSeries, resample, type RateInterval } from './goodput-series.js'
import { goodputInWindows } from './goodput-windows.js'

const window = (name: string, startMs: number, endMs: number): WindowInfo => ({ name, startMs, endMs })

/** Intervals without gaps from a start, with any lengths and rates. */
const intervals = fc
  .tuple(
    fc.integer({ min: -500, max: 0 }),
    fc.array(fc.tuple(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 0, max: 1e9 })), { minLength: 1 }),
  )
  .map(([start, list]) => {
    let startMs = start
    return list.map(([length, bitsPerSecond]): RateInterval => {
      const interval = { startMs, endMs: startMs + length, bitsPerSecond }
      startMs = interval.endMs
      return interval
    })
  })

const bitsIn = (list: readonly RateInterval[], fromMs: number, toMs: number): number =>
  list.reduce(
    (sum, { startMs, endMs, bitsPerSecond }) =>
      sum + bitsPerSecond * Math.max(0, Math.min(endMs, toMs) - Math.max(startMs, fromMs)),
    0,
  )

describe('goodput series', () => {
  it('spreads intervals over an even grid, pro rata', () => {
    const list = [
      { startMs: -40, endMs: 60, bitsPerSecond: 100 },
      { startMs: 60, endMs: 160, bitsPerSecond: 200 },
      { startMs: 160, endMs: 300, bitsPerSecond: 0 },
    ]
    expect(resample(list, 250)).to.deep.equal([
      { atMs: 100, bitsPerSecond: 140 },
      { atMs: 200, bitsPerSecond: 120 },
      { atMs: 250, bitsPerSecond: 0 },
    ])
  })

  it('judges a cell by the part that is known, unless that is the smaller part', () => {
    const known = (endMs: number): number | undefined =>
      resample([{ startMs: 0, endMs, bitsPerSecond: 80 }], 100)[0]?.bitsPerSecond
    expect(known(95)).to.equal(80)
    expect(known(50)).to.equal(80)
    expect(known(40)).to.equal(32)
    expect(resample([], 200)).to.deep.equal([
      { atMs: 100, bitsPerSecond: 0 },
      { atMs: 200, bitsPerSecond: 0 },
    ])
  })

  it('keeps every bit of intervals that cover the grid', () => {
    fc.assert(
      fc.property(intervals, (list) => {
        const durationMs = Math.floor((list.at(-1)?.endMs ?? 0) / 100) * 100
        const bits = resample(list, durationMs).reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond * 100, 0)
        expect(bits).to.be.closeTo(bitsIn(list, 0, durationMs), 1e-6 * bits + 1e-6)
      }),
    )
  })

  it('adds two directions up', () => {
    const one = resample([{ startMs: 0, endMs: 200, bitsPerSecond: 1 }], 200)
    const two = resample([{ startMs: 0, endMs: 200, bitsPerSecond: 2 }], 200)
    expect(addSeries([one, two]).map(({ bitsPerSecond }) => bitsPerSecond)).to.deep.equal([3, 3])
    expect(addSeries([])).to.deep.equal([])
  })
})

describe('goodput in windows', () => {
  const series = [
    { atMs: 100, bitsPerSecond: 10 },
    { atMs: 200, bitsPerSecond: 30 },
    { atMs: 300, bitsPerSecond: 0 },
  ]

  it('takes partial intervals pro rata and the time after the last as silence', () => {
    const windows = [window('all', 0, 200), window('part', 50, 150), window('late', 250, 350), window('none', 400, 500)]
    expect(goodputInWindows(series, windows).map(({ bitsPerSecond }) => bitsPerSecond)).to.deep.equal([20, 20, 0, 0])
    expect(goodputInWindows(series, [window('beyond', 100, 500)])).to.deep.equal([
      { window: 'beyond', bitsPerSecond: 7.5 },
    ])
  })

  it('gives zero of nothing', () => {
    expect(goodputInWindows([], [window('healthy', 0, 100)])[0]?.bitsPerSecond).to.equal(0)
    expect(goodputInWindows(series, [window('empty', 100, 100)])[0]?.bitsPerSecond).to.equal(0)
  })

  it('adds up: windows that cut a time into parts have together the bits of the whole', () => {
    fc.assert(
      fc.property(intervals, fc.array(fc.integer({ min: 0, max: 3000 })), (list, cuts) => {
        const points = resample(list, 3000)
        const edges = [...new Set([0, 3000, ...cuts])].sort((a, b) => a - b)
        const windows = edges.slice(1).map((end, index) => window(String(index), edges[index]!, end))
        const parts = goodputInWindows(points, windows).reduce(
          (sum, { bitsPerSecond }, index) => sum + bitsPerSecond * (windows[index]!.endMs - windows[index]!.startMs),
          0,
        )
        const whole = goodputInWindows(points, [window('all', 0, 3000)])[0]!.bitsPerSecond * 3000
        expect(parts).to.be.closeTo(whole, 1e-9 * whole + 1e-6)
      }),
    )
  })
})
