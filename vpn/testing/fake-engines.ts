/** Engines without a native addon, for tests: what they were told is kept, and a test plays their events. */
import type {
  ClientConfig,
  ClientEvent,
  CommandReply,
  Engine,
  EngineStatus,
  Engines,
  ServerConfig,
  ServerEvent,
} from '../engine.js'

export class FakeEngine<C, E> implements Engine {
  stopped = 0
  /** Its device is there, and of nobody. */
  kept = false
  readonly commands: unknown[] = []
  statusValue: EngineStatus
  /** Set to make `stop` wait. */
  stopGate: Promise<void> = Promise.resolve()

  constructor(
    readonly config: C,
    readonly emit: (event: E) => void,
    role: 'client' | 'server',
  ) {
    this.statusValue = { role, uptimeSeconds: 1, tun: null, connections: [] }
  }

  status(): Promise<EngineStatus> {
    return Promise.resolve(this.statusValue)
  }

  command(request: unknown): Promise<CommandReply> {
    this.commands.push(request)
    return Promise.resolve({ ok: true })
  }

  async stop(keep = false): Promise<void> {
    await this.stopGate
    this.stopped += 1
    this.kept = keep
  }

  release(): void {
    this.kept = false
  }
}

export type FakeClient = FakeEngine<ClientConfig, ClientEvent>
export type FakeServer = FakeEngine<ServerConfig, ServerEvent>

export class FakeEngines implements Engines {
  readonly clients: FakeClient[] = []
  readonly servers: FakeServer[] = []
  /** Thrown by the next start, then forgotten. */
  failure: (Error & { code?: string }) | null = null
  /** Called after each start, in a later turn of the event loop, as the addon's events come. */
  onClient: (client: FakeClient) => void = () => undefined
  onServer: (server: FakeServer) => void = () => undefined

  startClient(config: ClientConfig, onEvent: (event: ClientEvent) => void, previous?: Engine): Engine {
    this.#fail()
    if (previous instanceof FakeEngine) previous.kept = false
    const engine = new FakeEngine(config, onEvent, 'client')
    this.clients.push(engine)
    setImmediate(() => this.onClient(engine))
    return engine
  }

  startServer(config: ServerConfig, onEvent: (event: ServerEvent) => void): Engine {
    this.#fail()
    const engine = new FakeEngine(config, onEvent, 'server')
    this.servers.push(engine)
    setImmediate(() => this.onServer(engine))
    return engine
  }

  #fail(): void {
    const { failure } = this
    this.failure = null
    if (failure) throw failure
  }
}

export function systemError(code: string, message: string): Error & { code: string } {
  return Object.assign(new Error(message), { code })
}
