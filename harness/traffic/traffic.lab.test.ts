/** Load and probe between real hosts: needs root. */
import { expect } from 'chai'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../faults/schedule.js'
import { SERVER4, SERVER6 } from '../lab/addressing.js'
import { Lab } from '../lab/lab.js'
import type { Path } from '../lab/path.js'
import type { LoadSpec } from '../scenario/types.js'
import type { Endpoint } from '../subjects/subject.js'
import { pathOfTest } from '../testing/specs.js'
import { goodputInWindows } from './goodput-windows.js'
import { startLoad } from './iperf.js'
import { oneWayDelays, probeResult } from './probe-windows.js'
import { startProbe } from './probe.js'
import type { LoadResult, TrafficContext } from './types.js'

/** 100 Mbit/s over whole frames. */
const TCP_GOODPUT = (100e6 * 1448) / 1514
const tcp: LoadSpec = { kind: 'tcp', direction: 'up', streams: 2, durationMs: 1500, omitMs: 500, congestion: 'cubic' }
const udp: LoadSpec = {
  ...{ kind: 'udp', direction: 'up', streams: 2, durationMs: 1500, omitMs: 500 },
  ...{ bitsPerSecond: 20e6, payloadBytes: 1000 },
}

const mean = (result: LoadResult, durationMs = 1500): number =>
  goodputInWindows(result.series, [{ name: 'all', startMs: 0, endMs: durationMs }])[0]!.bitsPerSecond

describe('traffic (root)', () => {
  let lab: Lab
  let path: Path
  let folder: string
  let count = 0

  before(async () => {
    lab = await Lab.open([pathOfTest('a', { queue: { packets: 200 } })])
    path = lab.path('a')
    folder = mkdtempSync(join(tmpdir(), 'mqvpn-traffic-'))
  })
  afterEach(() => path.restore())
  after(async () => {
    await lab.close()
    rmSync(folder, { recursive: true })
  })

  function context(change: Partial<Endpoint> = {}): TrafficContext {
    return {
      client: lab.client,
      server: lab.server,
      endpoint: {
        ...{ serverAddress: SERVER4, clientAddress: null, clientDevice: 'a', probeProtocol: 'udp', wrap: [] },
        ...change,
      },
      workDir: mkdtempSync(join(folder, `${++count}-`)),
      signal: new AbortController().signal,
    }
  }

  async function load(spec: LoadSpec, where = context()): Promise<LoadResult> {
    const run = await startLoad(where, spec)
    const zeroMs = await run.zeroMs
    expect(zeroMs).to.be.closeTo(monotonicMs() + spec.omitMs, 600)
    const result = await run.finished
    await run.stop()
    expect(run.processes.every((process) => !process.running)).to.equal(true)
    expect(readdirSync(where.workDir).sort()).to.deep.equal(result.files.toSorted())
    return result
  }

  for (const direction of ['up', 'down'] as const) {
    it(`fills a link with TCP ${direction}`, async () => {
      const result = await load({ ...tcp, direction })
      expect(result.problem).to.equal(null)
      expect(mean(result)).to.be.closeTo(TCP_GOODPUT, 0.05 * TCP_GOODPUT)
      expect(result.series).to.have.length(15)
      expect(result.retransmits).to.be.a('number')
      expect(result.udp).to.equal(null)
    })

    it(`counts UDP datagrams ${direction}`, async () => {
      const result = await load({ ...udp, direction })
      expect(result.problem).to.equal(null)
      expect(mean(result)).to.be.closeTo(20e6, 0.4e6)
      expect(result.udp?.sent).to.be.closeTo(3750, 75)
      expect(result.udp?.lostShare).to.be.below(0.005)
      expect(result.retransmits).to.equal(null)
    })
  }

  it('adds up both directions', async () => {
    const result = await load({ ...tcp, direction: 'both' })
    expect(result.problem).to.equal(null)
    // Acknowledgements take a part of either direction.
    expect(mean(result)).to.be.within(1.6 * TCP_GOODPUT, 2 * TCP_GOODPUT)
    const datagrams = await load({ ...udp, direction: 'both', streams: 1 })
    expect(datagrams.udp?.sent).to.be.closeTo(7500, 150)
  })

  it('works over IPv6, from an address, and through a wrapper', async () => {
    expect((await load(tcp, context({ serverAddress: SERVER6 }))).problem).to.equal(null)
    expect((await load(udp, context({ clientAddress: path.client4 }))).problem).to.equal(null)
    const wrapped = await load(tcp, context({ wrap: ['mptcpize', 'run'], clientDevice: null }))
    expect(wrapped.problem).to.equal(null)
    expect(mean(wrapped)).to.be.above(0.8 * TCP_GOODPUT)
  })

  for (const direction of ['up', 'down', 'both'] as const) {
    it(`keeps what arrived before a link died for good: ${direction}`, async () => {
      const run = await startLoad(context(), { ...tcp, direction })
      const zeroMs = await run.zeroMs
      await sleep(zeroMs + 700 - monotonicMs())
      await path.apply({ verb: 'blackhole', path: 'a', direction: 'both' })
      const result = await run.finished
      const [before, after] = goodputInWindows(result.series, [
        { name: 'healthy', startMs: 0, endMs: 600 },
        { name: 'degraded', startMs: 900, endMs: 1500 },
      ])
      expect(before?.bitsPerSecond).to.be.above(0.8 * TCP_GOODPUT)
      expect(after?.bitsPerSecond).to.equal(0)
      expect(result.problem).to.match(/control connection is dead/)
    })
  }

  it('counts what was sent into a dead link as lost', async () => {
    const run = await startLoad(context(), udp)
    await sleep((await run.zeroMs) + 500 - monotonicMs())
    await path.apply({ verb: 'blackhole', path: 'a', direction: 'up' })
    const { udp: datagrams } = await run.finished
    expect(datagrams?.lostShare).to.be.closeTo(0.67, 0.05)
  })

  it('says why a load cannot begin, and can be stopped at any time', async () => {
    const failure = await startLoad(context(), { ...tcp, congestion: 'nosuch' }).catch((error: unknown) => error)
    expect(String(failure)).to.match(/iperf3: unable to set TCP_CONGESTION/)
    const run = await startLoad(context(), tcp)
    await run.stop()
    expect((await run.finished).series).to.have.length(15)
  })

  it('measures the delay of an idle path in both directions', async () => {
    const run = await startProbe(context(), { everyMs: 5, payloadBytes: 64 })
    await sleep(1000)
    const { records } = await run.stop()
    for (const direction of ['up', 'down'] as const) {
      const { delaysMs, sent, lost } = oneWayDelays(records, direction)
      expect(sent).to.be.closeTo(200, 40)
      expect(lost).to.equal(0)
      expect(delaysMs.toSorted((a, b) => a - b)[Math.floor(delaysMs.length / 2)]).to.be.closeTo(5, 0.7)
    }
  })

  for (const probeProtocol of ['udp', 'tcp'] as const) {
    it(`measures an outage over ${probeProtocol}`, async () => {
      const where = context({ probeProtocol, ...(probeProtocol === 'tcp' ? { wrap: ['mptcpize', 'run'] } : {}) })
      const run = await startProbe(where, { everyMs: 10, payloadBytes: 200 })
      const zeroMs = monotonicMs()
      await sleep(500)
      const darkMs = monotonicMs() - zeroMs
      await path.apply({ verb: 'blackhole', path: 'a', direction: 'up' })
      await sleep(400)
      const restoringMs = monotonicMs() - zeroMs
      await path.restore()
      const lightMs = monotonicMs() - zeroMs
      await sleep(1500)
      const { records, protocol } = await run.stop()
      expect(protocol).to.equal(probeProtocol)
      const { windows } = probeResult({
        ...{ records, protocol, intervalMs: 10, zeroMs, idle: { fromMs: zeroMs, toMs: zeroMs + 400 } },
        windows: [{ name: 'all', startMs: 0, endMs: 2000 }],
      })
      const [up, down] = windows
      if (protocol === 'udp') {
        expect(up?.longestGapMs).to.be.within(restoringMs - darkMs - 40, lightMs - darkMs + 40)
        expect(up?.lost).to.be.closeTo((up?.longestGapMs ?? 0) / 10, 2)
        expect(down?.longestGapMs).to.be.below(60)
        expect(down?.lost).to.equal(0)
      } else {
        // TCP sends again what was lost, after a pause of its own.
        // `restore` puts the link back first and addresses after: the path works somewhere between the two times.
        expect(up?.longestGapMs).to.be.above(restoringMs - darkMs - 40)
        expect(up?.lost).to.equal(0)
        expect(records.client.breaks).to.deep.equal([])
      }
    })
  }

  it('says when the ends do not hear each other', async () => {
    const aborted = new AbortController()
    await path.apply({ verb: 'blackhole', path: 'a', direction: 'both' })
    setTimeout(() => aborted.abort(new Error('enough')), 500)
    const attempt = startProbe({ ...context(), signal: aborted.signal }, { everyMs: 10, payloadBytes: 64 })
    expect(String(await attempt.catch((error: unknown) => error))).to.contain('enough')
  })
})
