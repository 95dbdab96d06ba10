import { expect } from 'chai'
import fc from 'fast-check'
import type { ProbeWindow, WindowInfo } from '../results/schema.js'
import type { EndRecords, ProbeRecords } from './probe-records.js'
import { ECDF_POINTS, oneWayDelays, probeResult } from './probe-windows.js'

const END_MS = 100_000

function end(role: 'connect' | 'serve', endMs = END_MS): EndRecords {
  const header: EndRecords['header'] = {
    ...{ role, protocol: 'udp', intervalUs: 10_000, sizeBytes: 200, startNs: 0, endNs: endMs * 1e6 },
    ...{ skipped: 0, foreign: 0, overflow: 0, scheduling: 'rr', receiveClock: 'kernel' },
  }
  return { header, sent: [], received: [], breaks: [], complete: true, garbage: 0 }
}

/** Up only: each packet's time of sending, and the times of its arrivals. */
function up(packets: [txMs: number, ...rxMs: number[]][], endMs = END_MS): ProbeRecords {
  const client = end('connect', endMs)
  const server = end('serve', endMs)
  for (const [seq, [txMs, ...arrivals]] of packets.entries()) {
    client.sent.push({ seq, txMs, error: 0, lateMs: 0 })
    for (const rxMs of arrivals) server.received.push({ seq, txMs, rxMs, lateMs: 0 })
  }
  server.received.sort((a, b) => a.rxMs - b.rxMs)
  return { client, server }
}

/** Every 10 ms, 5 ms under way. */
const steady = (count: number): [number, number][] => Array.from({ length: count }, (_, n) => [n * 10, n * 10 + 5])

function windowsOf(records: ProbeRecords, windows: WindowInfo[], zeroMs = 0): ProbeWindow[] {
  const idle = { fromMs: 0, toMs: 0 }
  return probeResult({ records, protocol: 'udp', intervalMs: 10, windows, zeroMs, idle }).windows
}

const window = (startMs: number, endMs: number, name = 'w'): WindowInfo => ({ name, startMs, endMs })
const one = (records: ProbeRecords, startMs: number, endMs: number, zeroMs = 0): ProbeWindow =>
  windowsOf(records, [window(startMs, endMs)], zeroMs)[0]!

describe('probe windows', () => {
  it('finds nothing wrong on a steady path', () => {
    expect(one(up(steady(100)), 100, 500)).to.deep.equal({
      ...{
        window: 'w',
        direction: 'up',
        sent: 40,
        received: 40,
        lost: 0,
        duplicated: 0,
        reordered: 0,
        reorderDepth: 0,
      },
      ...{ longestGapMs: 10, delayP50Ms: 5, delayP95Ms: 5, delayP99Ms: 5 },
    })
  })

  it('gives a packet to the window in which it was sent, relative to zero', () => {
    const records = up(steady(100))
    const [first, , second] = windowsOf(records, [window(0, 100, 'a'), window(100, 200, 'b')], 300)
    expect([first?.window, first?.sent, second?.window, second?.sent]).to.deep.equal(['a', 10, 'b', 10])
  })

  it('counts what never arrived as lost, refused by the kernel or not', () => {
    const records = up(steady(100).map(([tx, rx], n) => (n === 50 || n === 51 ? [tx] : [tx, rx])))
    records.client.sent[50]!.error = 101
    expect(one(records, 0, 900)).to.deep.include({ sent: 90, received: 88, lost: 2, longestGapMs: 30 })
  })

  it('counts copies once as received and the rest as duplicates', () => {
    const records = up(steady(100).map(([tx, rx], n) => (n === 20 ? [tx, rx, rx + 3, rx + 4] : [tx, rx])))
    expect(one(records, 0, 900)).to.deep.include({ sent: 90, received: 90, lost: 0, duplicated: 2, reordered: 0 })
  })

  it('says how many came late and by how much', () => {
    const records = up(
      steady(100).map(([tx, rx], n) => (n === 20 ? [tx, rx + 32] : n === 40 ? [tx, rx + 11] : [tx, rx])),
    )
    expect(one(records, 0, 900)).to.deep.include({ reordered: 2, reorderDepth: 3, lost: 0 })
  })

  it('goes by the order of reading: times of one batch may differ by a few ns in the wrong direction', () => {
    const records = up(steady(100))
    const received = records.server.received
    received[50] = { ...received[50]!, rxMs: received[51]!.rxMs + 0.00001 }
    expect(one(records, 0, 900)).to.deep.include({ reordered: 0, lost: 0 })
  })

  it('measures an outage from the last arrival to the next, also across the edges of windows', () => {
    const records = up(steady(100).map(([tx, rx]) => (tx >= 300 && tx < 600 ? [tx] : [tx, rx])))
    expect(one(records, 0, 900).longestGapMs).to.equal(310)
    expect(one(records, 0, 400).longestGapMs).to.equal(105)
    expect(one(records, 500, 900).longestGapMs).to.equal(105)
    expect(one(records, 350, 550)).to.deep.include({ received: 0, longestGapMs: 200, delayP50Ms: null })
  })

  it('does not blame the path for the time in which the probe itself did not run', () => {
    const stalled = up(steady(100).filter(([tx]) => tx < 300 || tx >= 600))
    expect(one(stalled, 0, 900).longestGapMs).to.equal(10)
    expect(one(stalled, 0, 500).longestGapMs).to.equal(10)
    // Out from 250 to 700, and not running from 300 to 500: 260 ms of the outage were seen.
    const both = up(
      steady(100)
        .filter(([tx]) => tx < 300 || tx >= 500)
        .map(([tx, rx]) => (tx >= 250 && tx < 700 ? [tx] : [tx, rx])),
    )
    expect(one(both, 0, 900).longestGapMs).to.equal(460 - 200)
  })

  it('has no gap where no arrival was due: before the first packet, after the last, in an empty run', () => {
    const records = up(steady(100))
    expect(one(records, 1000, 2000)).to.deep.include({ sent: 0, longestGapMs: null })
    expect(one(records, 900, 2000).longestGapMs).to.equal(10)
    expect(one(records, 0, 2000, -500).longestGapMs).to.equal(10)
    expect(one(up([]), 0, 100)).to.deep.include({ sent: 0, lost: 0, longestGapMs: null })
  })

  it('does not call lost what was still under way when the probe ended', () => {
    const packets = steady(100).map(([tx]): [number, ...number[]] => (tx + 95 < 1000 ? [tx, tx + 95] : [tx]))
    expect(oneWayDelays(up(packets, 1000), 'up')).to.deep.include({ sent: 91, lost: 0 })
    const cutOff = packets.map(([tx, ...rx]): [number, ...number[]] => (tx >= 500 && tx < 520 ? [tx] : [tx, ...rx]))
    expect(oneWayDelays(up(cutOff, 1000), 'up')).to.deep.include({ sent: 91, lost: 2 })
  })

  it('does call lost what was sent into a path that stayed dead', () => {
    const packets = steady(300).map(([tx, rx]): [number, ...number[]] => (tx < 1000 ? [tx, rx] : [tx]))
    expect(one(up(packets, 3000), 1000, 2900)).to.deep.include({ sent: 190, lost: 190, longestGapMs: 1900 })
  })

  it('tells the directions apart', () => {
    const records = up(steady(10))
    const swapped = { client: records.server, server: records.client }
    expect(oneWayDelays(swapped, 'up').sent).to.equal(0)
    expect(oneWayDelays(swapped, 'down')).to.deep.equal({ delaysMs: Array<number>(10).fill(5), sent: 10, lost: 0 })
  })

  it('keeps idle and loaded delays apart, at most 500 of each, sorted', () => {
    const records = up(Array.from({ length: 3000 }, (_, n) => [n * 10, n * 10 + (n < 1000 ? 2 : 2 + (n % 50))]))
    const result = probeResult({
      ...{ records, protocol: 'udp', intervalMs: 10, windows: [window(0, 15_000)], zeroMs: 10_000 },
      idle: { fromMs: 0, toMs: 10_000 },
    })
    expect(result.idleP50Ms).to.deep.equal({ up: 2, down: null })
    expect(result.ecdf.idle).to.have.length(ECDF_POINTS)
    expect(result.ecdf.loaded).to.have.length(ECDF_POINTS)
    expect([result.ecdf.loaded[0], result.ecdf.loaded.at(-1)]).to.deep.equal([2, 51])
    expect(result.ecdf.loaded).to.deep.equal(result.ecdf.loaded.toSorted((a, b) => a - b))
  })

  it('adds up: each packet is received or lost, and windows that cut a time have together the packets of the whole', () => {
    const packet = fc.record({
      arrivals: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 3 }),
      error: fc.constantFrom(0, 0, 0, 101),
    })
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 60 }),
        fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 4 }),
        (packets, cuts) => {
          const records = up(packets.map(({ arrivals }, n) => [n * 10, ...arrivals.map((delay) => n * 10 + delay)]))
          for (const [n, { error }] of packets.entries()) records.client.sent[n]!.error = error
          const edges = [...new Set([0, 1100, ...cuts])].sort((a, b) => a - b)
          const parts = windowsOf(
            records,
            edges.slice(1).map((to, n) => window(edges[n]!, to)),
          ).filter(({ direction }) => direction === 'up')
          const whole = one(records, 0, 1100)
          const sum = (key: 'sent' | 'received' | 'lost' | 'duplicated' | 'reordered'): number =>
            parts.reduce((total, part) => total + part[key], 0)
          for (const key of ['sent', 'received', 'lost', 'duplicated', 'reordered'] as const) {
            expect(sum(key), key).to.equal(whole[key])
          }
          expect(whole.received + whole.lost).to.equal(whole.sent)
          expect(whole.sent).to.equal(packets.length)
          expect(whole.received).to.equal(packets.filter(({ arrivals }) => arrivals.length > 0).length)
          for (const part of parts) {
            expect(part.longestGapMs ?? 0).to.be.at.most((whole.longestGapMs ?? 0) + 1e-9)
            expect(part.received + part.lost).to.equal(part.sent)
          }
        },
      ),
    )
  })
})
