/** The one module of `vpn/` that knows the addon (`mqvpn_native.node`): text on its side, typed data on ours. */
import { z } from 'zod'
import { loadAddon, NativeMissingError } from '../common/addon.js'
import {
  clientConfig,
  clientEvent,
  commandReply,
  engineStatus,
  serverConfig,
  serverEvent,
  type CommandReply,
  type CommandRequest,
  type Engine,
  type Engines,
  type EngineStatus,
} from './engine.js'
import { MachineError, messageOf, VpnError } from './errors.js'

/** As the addon exports it. */
export interface NativeEngine {
  status(): Promise<string>
  command(request: string): Promise<string>
  stop(keep: boolean): Promise<void>
  release(): void
}
export interface NativeAddon {
  startServer(config: string, onEvent: (event: string) => void): NativeEngine
  startClient(config: string, onEvent: (event: string) => void, previous?: NativeEngine): NativeEngine
}
/** Of the same addon, but none that a tunnel needs. */
interface NativeExtras {
  recoverRoutes(): number
  kernelFeatures(): unknown
  notify(socketPath: string, text: string): void
}

const TOO_OLD = 'the native addon is older than this program: build it again (npm run build:native)'

/** @throws MachineError when the addon is not built, or is older than this program */
export function nativeEngines(load: () => unknown = loadAddon): Engines {
  const addon = loaded<NativeAddon>(load)
  if (typeof addon?.startServer !== 'function' || typeof addon.startClient !== 'function') {
    throw new MachineError(TOO_OLD)
  }
  return enginesOf(addon as NativeAddon)
}

function loaded<T>(load: () => unknown): Partial<T> | null {
  try {
    return load() as Partial<T> | null
  } catch (error) {
    if (error instanceof NativeMissingError) throw new MachineError(error.message)
    throw error
  }
}

/** Removes routing rules of tunnels whose device is gone; how many. @throws MachineError as `nativeEngines` */
export function recoverRoutes(load: () => unknown = loadAddon): number {
  const addon = loaded<NativeExtras>(load)
  if (typeof addon?.recoverRoutes !== 'function') throw new MachineError(TOO_OLD)
  return addon.recoverRoutes()
}

const features = z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string() }))
/** What this kernel and this user's rights allow, by the addon's names: `capNetAdmin`, `tun`, `tunTso`, `udpGso`, … */
export type KernelFeatures = z.infer<typeof features>

/** Found by trying, in a network namespace of its own. @throws MachineError as `nativeEngines` */
export function kernelFeatures(load: () => unknown = loadAddon): KernelFeatures {
  const addon = loaded<NativeExtras>(load)
  if (typeof addon?.kernelFeatures !== 'function') throw new MachineError(TOO_OLD)
  return features.parse(addon.kernelFeatures())
}

/** Sends one datagram to a Unix socket; `@` in front is an abstract name. @throws when nobody takes it */
export function notifySocket(socketPath: string, text: string, load: () => unknown = loadAddon): void {
  const addon = loaded<NativeExtras>(load)
  if (typeof addon?.notify !== 'function') throw new MachineError(TOO_OLD)
  addon.notify(socketPath, text)
}

export function enginesOf(addon: NativeAddon): Engines {
  return {
    startServer: (config, onEvent) =>
      new NativeBacked(addon.startServer(JSON.stringify(serverConfig.parse(config)), reader(serverEvent, onEvent))),
    startClient: (config, onEvent, previous) => {
      const [text, listener] = [JSON.stringify(clientConfig.parse(config)), reader(clientEvent, onEvent)]
      const kept = previous instanceof NativeBacked ? previous.native : undefined
      return new NativeBacked(addon.startClient(text, listener, kept))
    },
  }
}

class NativeBacked implements Engine {
  constructor(readonly native: NativeEngine) {}

  async status(): Promise<EngineStatus> {
    return parse(engineStatus, await this.native.status(), 'status')
  }
  async command(request: CommandRequest): Promise<CommandReply> {
    return parse(commandReply, await this.native.command(JSON.stringify(request)), 'command')
  }
  stop(keep = false): Promise<void> {
    return this.native.stop(keep)
  }
  release(): void {
    this.native.release()
  }
}

function parse<S extends z.ZodType>(schema: S, text: string, what: string): z.output<S> {
  const parsed = schema.safeParse(JSON.parse(text))
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  throw new VpnError(`the native engine's answer to ${what} is not understood: ${path.join('.')}: ${message}`)
}

/**
 * Turns the addon's text into events. One that is not understood becomes a warning: it must end neither the tunnel nor
 * the log.
 */
function reader<E extends { type: string }>(schema: z.ZodType<E>, onEvent: (event: E) => void): (text: string) => void {
  return (text) => {
    const { event, problem } = read(schema, text)
    if (event !== null) onEvent(event)
    else {
      const message = `an event of the native engine was not understood: ${problem}`
      onEvent(schema.parse({ type: 'log', level: 'warn', message }))
    }
  }
}

function read<E>(schema: z.ZodType<E>, text: string): { event: E | null; problem: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return { event: null, problem: messageOf(error) }
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return { event: parsed.data, problem: '' }
  const { path, message } = parsed.error.issues[0]!
  return { event: null, problem: `${path.join('.') || 'type'}: ${message}` }
}
