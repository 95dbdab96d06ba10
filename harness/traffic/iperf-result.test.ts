import { expect } from 'chai'
import type { LoadSpec } from '../scenario/types.js'
import type { IperfInterval } from './iperf-interval.js'
import { loadResult } from './iperf-result.js'

const tcp: LoadSpec = { kind: 'tcp', direction: 'up', streams: 1, durationMs: 1000, omitMs: 500, congestion: null }
const udp: LoadSpec = {
  ...{ kind: 'udp', direction: 'up', streams: 1, durationMs: 1000, omitMs: 500 },
  ...{ bitsPerSecond: 1e6, payloadBytes: 100 },
}

/** Intervals of 100 ms from 0. */
function intervals(count: number, of: (index: number) => Partial<IperfInterval>): IperfInterval[] {
  return Array.from({ length: count }, (_, index) => ({
    startMs: index * 100,
    endMs: (index + 1) * 100,
    omitted: false,
    direction: 'received',
    bitsPerSecond: 0,
    retransmits: null,
    udp: null,
    ...of(index),
  }))
}

describe('the result of a load', () => {
  it('begins after the omitted part, series and retransmits alike', () => {
    const received = intervals(20, (index) => ({ bitsPerSecond: index < 5 ? 999 : index }))
    const sent = intervals(20, () => ({ direction: 'sent', retransmits: 1 }))
    const { series, retransmits, udp: datagrams } = loadResult(tcp, [{ received, sent, zeroMs: 500 }])
    expect(series[0]).to.deep.equal({ atMs: 100, bitsPerSecond: 5 })
    expect(series.map(({ bitsPerSecond }) => bitsPerSecond)).to.deep.equal([5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
    expect(retransmits).to.equal(10)
    expect(datagrams).to.equal(null)
  })

  it('is silence after the receiver has ended, and unknown retransmits when the sender’s output is lost', () => {
    const received = intervals(8, () => ({ bitsPerSecond: 7 }))
    const result = loadResult(tcp, [{ received, sent: [], zeroMs: 500 }])
    expect(result.series.map(({ bitsPerSecond }) => bitsPerSecond)).to.deep.equal([7, 7, 7, 0, 0, 0, 0, 0, 0, 0])
    expect(result.retransmits).to.equal(null)
  })

  it('has no series when nothing was ever received', () => {
    expect(loadResult(tcp, [{ received: [], sent: [], zeroMs: 0 }])).to.deep.equal({
      series: [],
      retransmits: null,
      udp: null,
    })
  })

  it('counts datagrams of the measured part only', () => {
    const received = intervals(20, (index) => ({
      udp: { total: 10, lost: index === 2 || index === 7 ? 4 : 0, jitterMs: 2 },
    }))
    expect(loadResult(udp, [{ received, sent: [], zeroMs: 500 }]).udp).to.deep.equal({
      sent: 100,
      lost: 4,
      lostShare: 0.04,
      jitterMs: 2,
    })
  })

  it('adds what was sent into a silence that lasted until the end', () => {
    const received = intervals(20, (index) => ({ udp: { total: index < 9 ? 10 : 0, lost: 0, jitterMs: 1 } }))
    const sent = intervals(20, () => ({ direction: 'sent', udp: { total: 10, lost: null, jitterMs: null } }))
    expect(loadResult(udp, [{ received, sent, zeroMs: 500 }]).udp).to.deep.include({
      sent: 100,
      lost: 60,
      lostShare: 0.6,
    })
  })

  it('adds both directions up, each in its own receiver’s time', () => {
    const up = intervals(20, (index) => ({ bitsPerSecond: index >= 5 ? 1 : 0 }))
    const down = intervals(20, (index) => ({ bitsPerSecond: index >= 6 ? 2 : 0 }))
    const both: LoadSpec = { ...tcp, direction: 'both' }
    const flows = [
      { received: up, sent: [], zeroMs: 500 },
      { received: down, sent: [], zeroMs: 600 },
    ]
    expect(loadResult(both, flows).series.every(({ bitsPerSecond }) => bitsPerSecond === 3)).to.equal(true)
  })
})
