import { expect } from 'chai'
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { tile, type IperfInterval } from './iperf-interval.js'
import { parseIperfError, parseIperfLine, parseIperfTime, type IperfTest } from './iperf-text.js'

const tcp: IperfTest = { protocol: 'tcp', streams: 1, direction: 'received' }

function read(name: string, test: IperfTest): IperfInterval[] {
  const text = readFileSync(new URL(`testdata/${name}`, import.meta.url), 'utf8')
  return text.split('\n').flatMap((line) => parseIperfLine(line, test) ?? [])
}

describe('iperf3 text', () => {
  it('reads intervals, marks omitted ones, and leaves the summary out', () => {
    const intervals = read('tcp-omitted.server.txt', tcp)
    expect(intervals.filter(({ omitted }) => omitted)).to.have.length(10)
    expect(intervals.filter(({ omitted }) => !omitted)).to.have.length(11)
    expect(intervals[10]).to.deep.equal({
      startMs: 0,
      endMs: 100,
      omitted: false,
      direction: 'received',
      bitsPerSecond: 13682683e3,
      retransmits: null,
      udp: null,
    })
  })

  it('has everything that arrived before a link died, and the silence after it', () => {
    const intervals = read('cut.server.txt', tcp)
    expect(intervals).to.have.length(62)
    expect(intervals.slice(0, 10).every(({ bitsPerSecond }) => bitsPerSecond > 0)).to.equal(true)
    expect(intervals.slice(-40).every(({ bitsPerSecond }) => bitsPerSecond === 0)).to.equal(true)
  })

  it('reads only the sums of several streams, and whose lines they are', () => {
    const intervals = read('bidir2.server.txt', { ...tcp, streams: 2 })
    expect(intervals[0]).to.deep.include({ direction: 'received', bitsPerSecond: 15277e3, retransmits: null })
    expect(intervals[1]).to.deep.include({ direction: 'sent', bitsPerSecond: 41201e3, retransmits: 27, udp: null })
  })

  it('counts datagrams, those of a sender too', () => {
    const received = read('udp-lossy.server.txt', { protocol: 'udp', streams: 2, direction: 'received' })
    expect(received[0]?.udp).to.deep.equal({ total: 253, lost: 31, jitterMs: 0.27 })
    expect(received.reduce((sum, { udp }) => sum + (udp?.total ?? 0), 0)).to.equal(2724)
    expect(received.reduce((sum, { udp }) => sum + (udp?.lost ?? 0), 0)).to.equal(518)
    const both = read('udp-bidir.client.txt', { protocol: 'udp', streams: 1, direction: 'received' })
    expect(both[0]).to.deep.include({ direction: 'sent', udp: { total: 57, lost: null, jitterMs: null } })
    expect(both[1]).to.deep.include({ direction: 'received', udp: { total: 57, lost: 0, jitterMs: 0.009 } })
  })

  it('reads rates in every unit, and a rate over no time as nothing', () => {
    const rate = (text: string): number | undefined =>
      parseIperfLine(`[  5]   1.00-1.10   sec  1.00 MBytes  ${text}`, tcp)?.bitsPerSecond
    expect(rate('12 bits/sec')).to.equal(12)
    expect(rate('1.5 Gbits/sec')).to.equal(1.5e9)
    expect(rate('-nan Kbits/sec')).to.equal(0)
    expect(rate('inf bits/sec')).to.equal(0)
  })

  it('takes datagrams that turn up late for what they are', () => {
    const line = '[  5]   0.10-0.20   sec   245 KBytes  20064 Kbits/sec  0.033 ms  -3/228 (-1.3%)  '
    const test: IperfTest = { protocol: 'udp', streams: 1, direction: 'received' }
    expect(parseIperfLine(line, test)?.udp).to.deep.equal({ total: 228, lost: -3, jitterMs: 0.033 })
  })

  it('tells the time by every line of an interval', () => {
    expect(
      parseIperfTime('[ 12]   0.10-0.20   sec  41.4 MBytes  3489806 Kbits/sec                  (omitted)'),
    ).to.equal(200)
    expect(parseIperfTime('[SUM]   0.10-0.20   sec   172 MBytes  14490341 Kbits/sec')).to.equal(200)
    expect(
      parseIperfTime('[  5]   0.00-1.00   sec  1.32 GBytes  11278631 Kbits/sec                  receiver'),
    ).to.equal(null)
    expect(parseIperfTime('[ ID] Interval           Transfer     Bitrate')).to.equal(null)
  })

  it('understands why iperf3 gave up', () => {
    expect(parseIperfError('iperf3: error - unable to connect to server: Connection refused')).to.equal(
      'unable to connect to server: Connection refused',
    )
    expect(parseIperfError('iperf3: interrupt - the server has terminated')).to.equal('the server has terminated')
    expect(parseIperfError('[ ID] Interval           Transfer     Bitrate')).to.equal(null)
  })

  it('gives nothing or finite numbers, whatever the line, also when it is cut off', () => {
    const good = '[  5][TX-C]   0.10-0.20   sec  60.0 MBytes  4854472 Kbits/sec    0   2.62 MBytes       '
    const lines = fc.oneof(
      fc.string(),
      fc.nat(good.length).map((length) => good.slice(0, length)),
      fc
        .tuple(fc.nat(good.length), fc.string({ maxLength: 4 }))
        .map(([at, s]) => good.slice(0, at) + s + good.slice(at)),
    )
    fc.assert(
      fc.property(lines, fc.constantFrom('tcp' as const, 'udp' as const), (line, protocol) => {
        const found = parseIperfLine(line, { ...tcp, protocol })
        if (found) expect([found.startMs, found.endMs, found.bitsPerSecond].every(Number.isFinite)).to.equal(true)
      }),
    )
  })
})

describe('tiling intervals', () => {
  const interval = (startMs: number, endMs: number, omitted = false): IperfInterval => ({
    ...{ startMs, endMs, omitted, direction: 'received', bitsPerSecond: 1, retransmits: null, udp: null },
  })

  it('lets each begin where the one before ended, omitted and counted apart', () => {
    const tiled = tile([interval(0, 100, true), interval(100, 90, true), interval(99, 101), interval(102, 200)])
    expect(tiled.map(({ startMs, endMs }) => [startMs, endMs])).to.deep.equal([
      [0, 100],
      [0, 101],
      [101, 200],
    ])
  })
})
