import { expect } from 'chai'
import type { LoadSpec } from '../scenario/types.js'
import { formatOf, iperfClientArgs, iperfServerArgs, testSeconds, type IperfPlace } from './iperf-args.js'

const tcp: LoadSpec = {
  kind: 'tcp',
  direction: 'up',
  streams: 4,
  durationMs: 10_000,
  omitMs: 1500,
  congestion: 'cubic',
}
const udp: LoadSpec = {
  ...{ kind: 'udp', direction: 'down', streams: 2, durationMs: 5000, omitMs: 0 },
  ...{ bitsPerSecond: 30e6, payloadBytes: 1100 },
}
const place: IperfPlace = {
  serverAddress: '10.0.0.1',
  port: 20_000,
  clientAddress: null,
  clientDevice: null,
  connectTimeoutMs: 5000,
  udpBufferBytes: 425_984,
}
const line = (words: string[]): string => words.join(' ')

describe('iperf3 command lines', () => {
  it('makes the test longer by the omitted part, in whole seconds', () => {
    expect(testSeconds(tcp)).to.equal(12)
    expect(testSeconds({ ...tcp, omitMs: 0 })).to.equal(10)
    expect(testSeconds({ ...tcp, omitMs: 0, durationMs: 300 })).to.equal(1)
  })

  it('lets the receiver print lines as it goes and the sender one document', () => {
    expect((['client', 'server'] as const).map((side) => formatOf(tcp, side))).to.deep.equal(['json', 'text'])
    expect((['client', 'server'] as const).map((side) => formatOf(udp, side))).to.deep.equal(['text', 'json'])
    expect(formatOf({ ...tcp, direction: 'both' }, 'client')).to.equal('text')
    expect(line(iperfServerArgs(tcp, place))).to.equal(
      '--server --one-off --bind 10.0.0.1 --port 20000 --interval 0.1 --forceflush --format k',
    )
    expect(line(iperfServerArgs(udp, place))).to.equal(
      '--server --one-off --bind 10.0.0.1 --port 20000 --interval 0.1 --json',
    )
  })

  it('writes the client for TCP', () => {
    expect(line(iperfClientArgs(tcp, place))).to.equal(
      '--client 10.0.0.1 --port 20000 --interval 0.1 --json --connect-timeout 5000 --time 12 --parallel 4 --congestion cubic',
    )
    expect(iperfClientArgs({ ...tcp, congestion: null }, place)).to.not.include('--congestion')
    expect(iperfClientArgs({ ...tcp, direction: 'both' }, place)).to.include('--bidir')
  })

  it('writes the client for UDP: rate per stream, both ends’ buffers', () => {
    expect(line(iperfClientArgs(udp, place))).to.match(
      /--reverse --udp --bitrate 15000000 --length 1100 --window 425984$/,
    )
    expect(iperfClientArgs(udp, { ...place, udpBufferBytes: null })).to.not.include('--window')
  })

  it('binds to address, device, or both', () => {
    const bound = (clientAddress: string | null, clientDevice: string | null): string =>
      line(iperfClientArgs(tcp, { ...place, clientAddress, clientDevice }))
    expect(bound('10.0.0.2', 'a')).to.include('--bind 10.0.0.2%a')
    expect(bound('10.0.0.2', null)).to.include('--bind 10.0.0.2 ')
    expect(bound(null, 'a')).to.include('--bind-dev a')
    expect(bound(null, null)).to.not.include('--bind')
  })
})
