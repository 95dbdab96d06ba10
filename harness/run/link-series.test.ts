import { expect } from 'chai'
import type { DirectionCounters, LinkCounters } from '../shaping/backend.js'
import { emulatorDrops, pathUses } from './link-series.js'

const ZERO: DirectionCounters = {
  inPackets: 0,
  inBytes: 0,
  outPackets: 0,
  outBytes: 0,
  dropQueue: 0,
  dropLoss: 0,
  dropAqm: 0,
  dropBlackhole: 0,
  dropOther: 0,
  dropEmulator: 0,
  queueHighWaterBytes: 0,
  sojournMaxMs: 0,
}

const reading = (atMs: number, up: Partial<DirectionCounters>): LinkCounters => ({
  atMs,
  paths: { a: { up: { ...ZERO, ...up }, down: ZERO } },
})

describe('link series', () => {
  it('turns counter growth into bits per second at the end of each interval', () => {
    const readings = [
      reading(1000, { outBytes: 500 }),
      reading(1100, { outBytes: 1_500, outPackets: 1 }),
      reading(1300, { outBytes: 2_500, outPackets: 2, dropQueue: 3, queueHighWaterBytes: 9000 }),
    ]
    const up = pathUses(readings, 1100)[0]
    expect(up?.series).to.deep.equal([
      { atMs: 0, bitsPerSecond: 80_000 },
      { atMs: 200, bitsPerSecond: 40_000 },
    ])
    expect(up).to.include({ path: 'a', direction: 'up', bytes: 2000, packets: 2, queueHighWaterBytes: 9000 })
    expect(up?.drops.queue).to.equal(3)
  })

  it('counts what the emulator lost since the first reading', () => {
    expect(emulatorDrops([reading(0, { dropEmulator: 4 }), reading(1, { dropEmulator: 6 })])).to.equal(2)
    expect(emulatorDrops([])).to.equal(0)
  })

  it('gives nothing without readings', () => {
    expect(pathUses([], 0)).to.deep.equal([])
  })
})
