import { expect } from 'chai'
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { parseIperfJson } from './iperf-parse.js'

const folder = new URL('testdata/', import.meta.url)
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
const read = (name: string): string => readFileSync(new URL(name, folder), 'utf8')
const bits = (series: { bitsPerSecond: number }[]): number[] => series.map((point) => point.bitsPerSecond)

describe('iperf3 JSON', () => {
  it('gives the receiver’s goodput and the series after the omitted part', () => {
    const server = parseIperfJson(read('tcp.server.json'))
    expect(server.problem).to.equal(null)
    expect(server.goodputBitsPerSecond).to.be.closeTo(9836153544, 1)
    expect(server.intervals.filter((interval) => interval.omitted)).to.have.length(2)
    expect(server.series[0]?.atMs).to.be.closeTo(501.784, 1e-6)
    expect(server.series.at(-1)?.atMs).to.be.closeTo(2000, 10)
    expect(server.retransmits).to.equal(null)
    expect(server.udp).to.equal(null)
  })

  it('takes the receiver’s goodput, not the sender’s, from the sender’s output', () => {
    const client = parseIperfJson(read('tcp.client.json'))
    expect(client.goodputBitsPerSecond).to.be.closeTo(9836153544, 1)
    expect(client.retransmits).to.equal(24)
  })

  it('reads a reverse test with several streams', () => {
    const client = parseIperfJson(read('tcp-reverse-omit.client.json'))
    expect(client.goodputBitsPerSecond).to.be.closeTo(7769232309, 1)
    expect(client.retransmits).to.equal(18)
    expect(client.series.length).to.be.at.least(2)
    expect(client.intervals.every(({ direction }) => direction === 'received')).to.equal(true)
  })

  it('keeps the two directions of a bidirectional test apart', () => {
    const client = parseIperfJson(read('bidir.client.json'))
    const server = parseIperfJson(read('bidir.server.json'))
    expect(client.goodputBitsPerSecond).to.be.closeTo(6109876730 + 4299891025, 2)
    expect(client.retransmits).to.equal(15)
    expect(client.series[0]?.bitsPerSecond).to.be.closeTo(3741343744, 1)
    expect(server.series[0]?.bitsPerSecond).to.be.closeTo(5897377949, 1)
  })

  it('counts datagrams, and none where the count has run below zero', () => {
    expect(parseIperfJson(read('udp.server.json')).udp).to.deep.include({ sent: 4546, lost: 0 })
    expect(parseIperfJson(read('udp-lossy.client.json')).udp).to.deep.include({ lost: 518 })
    const negative = '{"intervals":[{"sum":{"start":0,"end":1,"packets":18446744073709549345}}],"end":{"sum":{}}}'
    expect(parseIperfJson(negative).udp).to.equal(null)
  })

  it('lets intervals follow each other where iperf3 gave a wrong start', () => {
    const { series } = parseIperfJson(read('udp.client.json'))
    expect(series[0]?.atMs).to.be.closeTo(500, 1)
    expect(series).to.have.length(4)
  })

  it('tells why there are no results', () => {
    const problems = ['refused.client.json', 'badcc.client.json', 'badcc.server.json', 'client-gone.server.json']
    expect(problems.map((name) => parseIperfJson(read(name)).problem)).to.deep.equal([
      'iperf3: unable to connect to server: Connection refused',
      'iperf3: unable to set TCP_CONGESTION: Supplied congestion control algorithm not supported on this host',
      "iperf3's JSON has no end: 0 intervals",
      'iperf3: the client has unexpectedly closed the connection',
    ])
    expect(parseIperfJson('').problem).to.equal('iperf3 printed nothing')
    expect(parseIperfJson('Segmentation fault\n').problem).to.equal('iperf3 printed no JSON: Segmentation fault')
  })

  it('keeps what was measured before an interruption', () => {
    const client = parseIperfJson(read('cut.client.json'))
    expect(client.problem).to.equal('iperf3: interrupt - the client has terminated')
    expect(client.series).to.have.length(30)
    expect(bits(client.series.slice(2, 9)).every((rate) => rate > 0)).to.equal(true)
  })

  it('reads text behind the document, text before it, and the fuller of two documents', () => {
    const good = read('tcp.server.json')
    const plain = parseIperfJson(good)
    expect(parseIperfJson(`${good}\niperf3: note {not json} [x\n`).series).to.deep.equal(plain.series)
    expect(parseIperfJson(`warning: {odd}\n${good}`).series).to.deep.equal(plain.series)
    expect(parseIperfJson(read('badcc.server.json') + good).series).to.deep.equal(plain.series)
    expect(parseIperfJson(good + read('refused.client.json'))).to.deep.include({
      series: plain.series,
      problem: 'iperf3: unable to connect to server: Connection refused',
    })
  })

  it('takes nan and inf as unknown', () => {
    const broken = read('udp.server.json').replace(/"jitter_ms":\t[\d.e-]+/g, '"jitter_ms":\t-nan')
    const { udp, problem } = parseIperfJson(broken.replace(/"bits_per_second":\t[\d.]+/, '"bits_per_second":\tinf'))
    expect(problem).to.equal(null)
    expect(udp).to.deep.equal({ sent: 4546, lost: 0, jitterMs: 0 })
  })

  for (const name of names) {
    it(`reads ${name} cut off at any byte: what is left is the start of the whole`, () => {
      const text = read(name)
      const whole = parseIperfJson(text)
      let most = 0
      for (let length = 0; length < text.length; length += text.length > 8000 ? 7 : 1) {
        const part = parseIperfJson(text.slice(0, length))
        expect(part.intervals.length).to.be.at.least(most)
        most = part.intervals.length
        // Much faster than a deep comparison at each byte.
        expect(JSON.stringify(part.intervals)).to.equal(JSON.stringify(whole.intervals.slice(0, most)))
        if (length < text.trimEnd().length) expect(part.problem).to.be.a('string')
      }
    })
  }

  it('never throws, and never gives anything but finite numbers', () => {
    const finite = (value: unknown): boolean =>
      typeof value === 'number'
        ? Number.isFinite(value)
        : typeof value !== 'object' || value === null || Object.values(value).every(finite)
    const texts = names.map(read)
    const damaged = fc
      .tuple(fc.constantFrom(...texts), fc.nat(), fc.nat(200), fc.string({ maxLength: 20 }))
      .map(([text, at, length, insert]) => {
        const start = at % text.length
        return text.slice(0, start) + insert + text.slice(start + length)
      })
    fc.assert(fc.property(fc.oneof(fc.string(), damaged), (text) => finite(parseIperfJson(text))))
    const odd = fc.jsonValue().map((value) => JSON.stringify({ intervals: [{ sum: value }, value], end: value }))
    fc.assert(fc.property(odd, (text) => finite(parseIperfJson(text))))
  })
})
