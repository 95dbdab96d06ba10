import { expect } from 'chai'
import fc from 'fast-check'
import type { FaultAction, TimedFault } from '../scenario/types.js'
import { runSchedule, systemClock, type Clock } from './schedule.js'

class FakeClock implements Clock {
  time = 1000
  now(): number {
    return this.time
  }
  async sleep(ms: number): Promise<void> {
    this.time += Math.max(0, ms)
  }
}

const down = (path: string): FaultAction => ({ verb: 'down', path })

describe('fault schedule', () => {
  it('applies each fault at its time, whatever the order in which they were written', async () => {
    const clock = new FakeClock()
    const seen: [number, string][] = []
    const faults: TimedFault[] = [
      { atMs: 300, action: { verb: 'up', path: 'a' } },
      { atMs: 100, action: down('a') },
    ]
    const applied = await runSchedule(
      faults,
      1000,
      async (action) => void seen.push([clock.now() - 1000, action.verb]),
      new AbortController().signal,
      clock,
    )
    expect(seen).to.deep.equal([
      [100, 'down'],
      [300, 'up'],
    ])
    expect(applied.map((fault) => fault.atMs)).to.deep.equal([100, 300])
  })

  it('tells the true time of a fault that a slow one has delayed', async () => {
    const clock = new FakeClock()
    const applied = await runSchedule(
      [
        { atMs: 0, action: down('a') },
        { atMs: 10, action: down('b') },
      ],
      1000,
      async () => void (clock.time += 50),
      new AbortController().signal,
      clock,
    )
    expect(applied.map((fault) => fault.atMs)).to.deep.equal([0, 50])
  })

  it('stops when aborted, also in the middle of a wait', async () => {
    const abort = new AbortController()
    setTimeout(() => {
      abort.abort()
    }, 5)
    const applied = await runSchedule(
      [{ atMs: 3_600_000, action: down('a') }],
      systemClock.now(),
      async () => undefined,
      abort.signal,
    )
    expect(applied).to.deep.equal([])
  })

  it('applies every fault once and never early', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(10_000)), async (times) => {
        const clock = new FakeClock()
        const applied = await runSchedule(
          times.map((atMs) => ({ atMs, action: down('a') })),
          1000,
          async () => undefined,
          new AbortController().signal,
          clock,
        )
        expect(applied.map((fault) => fault.atMs)).to.deep.equal(times.toSorted((a, b) => a - b))
      }),
    )
  })
})
