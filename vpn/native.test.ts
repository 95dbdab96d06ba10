import { expect } from 'chai'
import { NativeMissingError } from '../common/addon.js'
import type { ClientConfig, ClientEvent } from './engine.js'
import { MachineError, VpnError } from './errors.js'
import { enginesOf, kernelFeatures, nativeEngines, notifySocket, type NativeAddon } from './native.js'

const config: ClientConfig = {
  tunName: 'mqvpn0',
  cc: 'bbr',
  scheduler: 'wlb',
  duplicate: true,
  mtu: 0,
  idleTimeoutMs: 120_000,
  logLevel: 'info',
  server: { address: '203.0.113.1', port: 443 },
  serverName: 'vpn.example.org',
  authority: 'vpn.example.org:443',
  verify: { mode: 'system' },
  authKey: 'k',
  paths: [],
  multipathDraft: '21',
  manageRoutes: true,
  allowedIps: [],
  exclude: [],
  handshakeTimeoutMs: 10_000,
  keepAliveMs: 20_000,
  ipv6: true,
}

describe('the native module', () => {
  let told: string | null
  let emit: (event: string) => void
  let answer: string
  const addon: NativeAddon = {
    startServer: () => {
      throw new Error('not used')
    },
    startClient: (text, onEvent) => {
      told = text
      emit = onEvent
      return {
        status: async () => answer,
        command: async (request) => request,
        stop: async () => undefined,
        release: () => undefined,
      }
    },
  }
  beforeEach(() => (told = null))

  it('hands a validated configuration over as JSON', () => {
    enginesOf(addon).startClient(config, () => undefined)
    expect(JSON.parse(told ?? '')).to.deep.equal(config)
    told = null
    const wrong = { ...config, scheduler: 'fastest' } as unknown as ClientConfig
    expect(() => enginesOf(addon).startClient(wrong, () => undefined)).to.throw(/scheduler/)
    expect(told).to.equal(null)
  })

  it('gives typed events, and a warning for one that is not understood', () => {
    const events: ClientEvent[] = []
    enginesOf(addon).startClient(config, (event) => events.push(event))
    emit(JSON.stringify({ type: 'mtu', mtu: 1400 }))
    emit(JSON.stringify({ type: 'mtu', mtu: 'large' }))
    emit(JSON.stringify({ type: 'weather' }))
    emit('{')
    expect(events[0]).to.deep.equal({ type: 'mtu', mtu: 1400 })
    for (const event of events.slice(1)) expect(event).to.include({ type: 'log', level: 'warn' })
    expect(events).to.have.length(4)
  })

  it('lets an error of our own event handler through', () => {
    enginesOf(addon).startClient(config, () => {
      throw new TypeError('ours')
    })
    expect(() => emit(JSON.stringify({ type: 'mtu', mtu: 1400 }))).to.throw(TypeError, 'ours')
  })

  it('reads a status, with one connection or several, and keeps what it does not know', async () => {
    const engine = enginesOf(addon).startClient(config, () => undefined)
    const connection = { id: 1, remote: '203.0.113.1:443', state: 'connected', novelty: 7 }
    answer = JSON.stringify({ role: 'client', uptimeSeconds: 3, tun: null, connection })
    const one = await engine.status()
    expect(one.connections[0]).to.include({ id: 1, bytesIn: 0, novelty: 7 })
    answer = JSON.stringify({ role: 'server', tun: null, connections: [connection, connection] })
    expect((await engine.status()).connections).to.have.length(2)
    answer = JSON.stringify({ role: 'client', tun: null, connection: null })
    expect((await engine.status()).connections).to.deep.equal([])
    answer = JSON.stringify({ role: 'spy', connections: [] })
    expect(await engine.status().catch((error: unknown) => error)).to.be.instanceOf(VpnError)
  })

  it('says that the addon is missing or too old', () => {
    expect(() => nativeEngines(() => ({ kernelFeatures: () => ({}) }))).to.throw(
      MachineError,
      /older than this program/,
    )
    expect(() =>
      nativeEngines(() => {
        throw new NativeMissingError('the native addon', '/x')
      }),
    ).to.throw(MachineError, /Possible solutions/)
    expect(nativeEngines(() => addon)).to.have.keys('startServer', 'startClient')
  })
})

describe('what the addon does beside tunnels', () => {
  it('tells what the kernel allows, and speaks to a service manager', () => {
    const said: string[] = []
    const addon = {
      kernelFeatures: () => ({ tun: { ok: false, detail: 'open /dev/net/tun: No such file or directory' } }),
      notify: (path: string, text: string) => said.push(path, text),
    }
    expect(kernelFeatures(() => addon)['tun']).to.include({ ok: false })
    notifySocket('@n', 'READY=1', () => addon)
    expect(said).to.deep.equal(['@n', 'READY=1'])
  })

  it('is told to be missing as the engines are', () => {
    const missing = (): unknown => {
      throw new NativeMissingError('the native addon', '/nowhere')
    }
    for (const ask of [kernelFeatures, (load: () => unknown) => notifySocket('/n', 'READY=1', load)]) {
      expect(() => ask(missing)).to.throw(MachineError, /cannot be used/)
      expect(() => ask(() => ({}))).to.throw(MachineError, /build it again/)
    }
  })
})
