/** iperf3's command lines. Pure: a load and where it runs in, words out. */
import type { Direction, LoadSpec } from '../scenario/types.js'

export interface IperfPlace {
  /** Where the server listens and the client connects to. */
  serverAddress: string
  port: number
  /** Source address of the client, or null for the kernel's choice. */
  clientAddress: string | null
  /** Device the client binds to (SO_BINDTODEVICE), or null. */
  clientDevice: string | null
  /** How long the client tries to reach the server, ms. */
  connectTimeoutMs: number
  /** Socket buffers for UDP, bytes; null: the system's. */
  udpBufferBytes: number | null
}

/** `text`: a line per interval as it happens. `json`: one document at the end. */
export type IperfFormat = 'text' | 'json'

/** The shortest that iperf3 takes. */
const INTERVAL_SECONDS = '0.1'

/**
 * What each end prints. A receiver prints text: a fault that kills the connection for good, or the end that hangs
 * until it is killed, leaves everything that was received until then, while JSON appears only when a test ends well
 * enough (and iperf3 3.12 has no --json-stream). The lines also tell when the test began, to a few milliseconds, which
 * no other output does. A sender prints JSON: it has a reason for a failure, and if it is lost, only retransmits are.
 */
export function formatOf(load: LoadSpec, side: 'client' | 'server'): IperfFormat {
  return receives(load, side) ? 'text' : 'json'
}

/** Whether data flows towards that side. */
export function receives(load: LoadSpec, side: 'client' | 'server'): boolean {
  const towards: Direction = side === 'server' ? 'up' : 'down'
  return load.direction === 'both' || load.direction === towards
}

/** One test, then it ends. */
export function iperfServerArgs(load: LoadSpec, place: IperfPlace): string[] {
  return ['--server', '--one-off', '--bind', place.serverAddress, ...common(load, place, 'server')]
}

export function iperfClientArgs(load: LoadSpec, place: IperfPlace): string[] {
  return [
    '--client',
    place.serverAddress,
    ...common(load, place, 'client'),
    '--connect-timeout',
    String(place.connectTimeoutMs),
    ...binding(place),
    // No --omit: iperf3 3.12 mixes the last omitted interval with the first counted one when both timers expire
    // together, and takes whole seconds only. The test is longer instead, and its first part is left out here.
    '--time',
    String(testSeconds(load)),
    '--parallel',
    String(load.streams),
    ...(load.direction === 'down' ? ['--reverse'] : load.direction === 'both' ? ['--bidir'] : []),
    ...protocol(load, place),
  ]
}

/** Omitted and measured part; iperf3 takes whole seconds, and what is too much is left out. */
export function testSeconds({ omitMs, durationMs }: LoadSpec): number {
  return Math.max(1, Math.ceil((omitMs + durationMs) / 1000))
}

function common(load: LoadSpec, place: IperfPlace, side: 'client' | 'server'): string[] {
  const format = formatOf(load, side) === 'json' ? ['--json'] : ['--forceflush', '--format', 'k']
  return ['--port', String(place.port), '--interval', INTERVAL_SECONDS, ...format]
}

function binding({ clientAddress, clientDevice }: IperfPlace): string[] {
  if (clientAddress !== null)
    return ['--bind', clientDevice === null ? clientAddress : `${clientAddress}%${clientDevice}`]
  return clientDevice === null ? [] : ['--bind-dev', clientDevice]
}

function protocol(load: LoadSpec, place: IperfPlace): string[] {
  if (load.kind === 'tcp') return load.congestion === null ? [] : ['--congestion', load.congestion]
  return [
    '--udp',
    // iperf3's rate is per stream.
    '--bitrate',
    String(Math.max(1, Math.round(load.bitsPerSecond / load.streams))),
    '--length',
    String(load.payloadBytes),
    ...(place.udpBufferBytes === null ? [] : ['--window', String(place.udpBufferBytes)]),
  ]
}
