/**
 * From the start of the client to the first ping through the tunnel, over a path with a round trip of 50 ms. Needs root.
 *
 * What Node needs to start is not counted: the time begins when the client begins to connect, and ends when the answer to
 * the first ping is there.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { ping } from './support/traffic.js'
import { INNER, TunnelLab } from './support/tunnel-lab.js'
import { until } from './support/until.js'

const RTT_MS = 50
/** Of program, kernel and a second process (ping), beside the round trips. */
const WORK_MS = 60

interface Start {
  /** From the engine's start: TLS is done; addresses and routes are set. */
  handshakeMs: number
  totalMs: number
  /** From the log line before the engine's start to the answer of the first ping. */
  pingMs: number
  resumed: boolean
  earlyData: boolean
}

describe('tunnel: time to the first ping (root)', () => {
  let tunnel: TunnelLab
  before(async () => {
    tunnel = await TunnelLab.open({ delayMs: RTT_MS / 2 })
  })
  after(() => tunnel.close())
  afterEach(() => tunnel.stopAll())

  /** @param state folder of the tickets */
  async function start(state: string): Promise<Start> {
    const client = tunnel.launchClient({ state })
    const connected = await client.says('connected')
    const first = await ping(tunnel.client, INNER.server4, '-c', '1')
    expect(first.received, first.text).to.equal(1)
    const { handshakeMs, totalMs, resumed, earlyData } = connected as unknown as Start
    // A ticket comes after the handshake; the next start wants it.
    await until('ticket', () => readdirSync(join(tunnel.directory, state)).some((file) => file.startsWith('ticket-')))
    expect(await client.terminate()).to.equal(0)
    return { handshakeMs, totalMs, pingMs: totalMs + first.times[0]!, resumed, earlyData }
  }

  /** A busy machine makes single starts late, never early: the best of some. */
  async function best(states: readonly string[]): Promise<Start> {
    const all: Start[] = []
    for (const state of states) all.push(await start(state))
    const [fastest] = all.toSorted((a, b) => a.pingMs - b.pingMs)
    return fastest!
  }

  function show(what: string, { handshakeMs, totalMs, pingMs, resumed, earlyData }: Start): void {
    const ms = (value: number): string => `${value.toFixed(1)} ms`
    console.log(
      `      ${what}: handshake ${ms(handshakeMs)}, connected ${ms(totalMs)}, first ping answered ${ms(pingMs)} (${(pingMs / RTT_MS).toFixed(2)} RTT; resumed ${resumed}, early data ${earlyData})`,
    )
  }

  it('takes three round trips without a ticket', async () => {
    await tunnel.startServer()
    const found = await best(['fresh-1', 'fresh-2', 'fresh-3'])
    show('first start', found)
    expect(found.resumed).to.equal(false)
    expect(found.pingMs).to.be.lessThan(3 * RTT_MS + WORK_MS)
    // Less would mean that the clock is wrong.
    expect(found.pingMs).to.be.greaterThan(2.5 * RTT_MS)
  })

  it('takes two round trips with a saved ticket', async () => {
    await tunnel.startServer()
    await start('kept')
    const found = await best(['kept', 'kept', 'kept'])
    show('with a ticket', found)
    expect(found.resumed).to.equal(true)
    expect(found.pingMs).to.be.lessThan(2 * RTT_MS + WORK_MS)
    expect(found.pingMs).to.be.greaterThan(1.5 * RTT_MS)
  })

  it('a ticket that the server does not know any more costs nothing but the time of a first start', async () => {
    const first = await tunnel.startServer()
    await start('old')
    expect(await first.terminate()).to.equal(0)
    await tunnel.startServer()
    const found = await start('old')
    show('with an old ticket', found)
    expect(found.resumed).to.equal(false)
    expect(found.pingMs).to.be.lessThan(4 * RTT_MS + 4 * WORK_MS)
  })
})
