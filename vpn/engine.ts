/**
 * What the native engine is told, what it tells, and what it answers. Everything crosses as JSON text; both directions
 * are validated here, so that the rest of `vpn/` deals with typed data alone.
 */
import { z } from 'zod'

const port = z.int().min(0).max(65535)
const milliseconds = z.int().min(0)
const common = {
  tunName: z.string(),
  cc: z.enum(['bbr', 'cubic', 'none']),
  scheduler: z.enum(['wlb', 'minrtt']),
  /** Packets of flows that send little leave by two paths at once. */
  duplicate: z.boolean(),
  /** 0: follow the path MTU. */
  mtu: z.int(),
  idleTimeoutMs: milliseconds,
  keyLogFile: z.string().optional(),
  qlogDir: z.string().optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error']),
}

const serverUser = z.strictObject({
  name: z.string(),
  /** One of the two. */
  key: z.string().optional(),
  sha256: z.string().optional(),
  /** Always these, which nobody else gets. */
  address4: z.string().optional(),
  address6: z.string().optional(),
  /** Behind this client. */
  networks: z.array(z.string()).optional(),
})
export type ServerUser = z.infer<typeof serverUser>

export const serverConfig = z.strictObject({
  ...common,
  /** Port 0: the kernel chooses; the event `listening` says what. */
  listen: z.strictObject({ address: z.string(), port }),
  subnet: z.string(),
  subnet6: z.string().optional(),
  certFile: z.string(),
  keyFile: z.string(),
  users: z.array(serverUser).min(1),
  /** Whether clients may reach each other. */
  clientToClient: z.boolean(),
  maxClients: z.int().min(1),
  /** Whether a client must show that it owns its address before the server works for it (RFC 9000 §8.1.2). */
  retry: z.enum(['auto', 'always', 'never']),
})
export type ServerConfig = z.infer<typeof serverConfig>

export const clientConfig = z.strictObject({
  ...common,
  /** Numeric. */
  server: z.strictObject({ address: z.string(), port }),
  /** The same server's, of the other family: for links that have only that. */
  otherServer: z.strictObject({ address: z.string(), port }).optional(),
  /** For SNI, and checked against the certificate. */
  serverName: z.string(),
  /** `:authority` of the request. */
  authority: z.string(),
  verify: z.discriminatedUnion('mode', [
    z.strictObject({ mode: z.literal('system') }),
    z.strictObject({ mode: z.literal('ca'), file: z.string() }),
    z.strictObject({ mode: z.literal('pin'), sha256: z.string() }),
    z.strictObject({ mode: z.literal('insecure') }),
  ]),
  authKey: z.string(),
  /** Empty: one socket that follows the routes. */
  paths: z.array(z.strictObject({ device: z.string(), backup: z.boolean() })),
  /** Of draft-ietf-quic-multipath. */
  multipathDraft: z.enum(['21', '10']),
  manageRoutes: z.boolean(),
  /** Of the routes that the server offers; empty: all. */
  allowedIps: z.array(z.string()),
  /** What goes past the tunnel. */
  exclude: z.array(z.string()),
  keepAliveMs: milliseconds,
  /** Without an answer for so long, the engine gives up. */
  handshakeTimeoutMs: milliseconds,
  /** Which client of its user this is: the same at every connection. */
  clientId: z.string().optional(),
  ticketFile: z.string().optional(),
  /** Ask for an inner IPv6 address too. */
  ipv6: z.boolean(),
})
export type ClientConfig = z.infer<typeof clientConfig>

const logEvent = z.looseObject({
  type: z.literal('log'),
  level: z.enum(['debug', 'info', 'warn', 'error']),
  message: z.string(),
})

export const serverEvent = z.discriminatedUnion('type', [
  logEvent,
  z.looseObject({ type: z.literal('listening'), address: z.string(), port, pin: z.string() }),
  z.looseObject({
    type: z.literal('client-connected'),
    id: z.number(),
    user: z.string(),
    remote: z.string(),
    addresses: z.array(z.string()),
    resumed: z.boolean().optional(),
  }),
  z.looseObject({ type: z.literal('client-refused'), remote: z.string(), reason: z.string() }),
  z.looseObject({
    type: z.literal('client-disconnected'),
    id: z.number(),
    user: z.string(),
    remote: z.string(),
    cause: z.string(),
    reason: z.string().optional(),
    seconds: z.number().optional(),
  }),
])
export type ServerEvent = z.infer<typeof serverEvent>

const closedEvent = z.looseObject({
  type: z.literal('closed'),
  /** local, peer, idle, handshake-timeout, stateless-reset, version, tls, refused, protocol. */
  cause: z.string(),
  /** wrong-key, full, wrong-protocol, …: with the cause `refused`. */
  refusal: z.string().optional(),
  code: z.union([z.number(), z.string()]).optional(),
  /** For a person: what was wrong. */
  message: z.string(),
  /** Whether trying again could end differently. */
  retryable: z.boolean(),
})
export type Closed = z.infer<typeof closedEvent>

const connectedEvent = z.looseObject({
  type: z.literal('connected'),
  addresses: z.array(z.string()),
  routes: z.array(z.string()),
  serverAddresses: z.array(z.string()),
  mtu: z.number(),
  tun: z.string(),
  resumed: z.boolean().optional(),
  earlyData: z.boolean().optional(),
  handshakeMs: z.number().optional(),
  totalMs: z.number().optional(),
})
export type Connected = z.infer<typeof connectedEvent>

export const clientEvent = z.discriminatedUnion('type', [
  logEvent,
  z.looseObject({ type: z.literal('state'), state: z.string() }),
  connectedEvent,
  z.looseObject({ type: z.literal('mtu'), mtu: z.number() }),
  z.looseObject({
    type: z.literal('path'),
    path: z.number(),
    device: z.string().nullish(),
    state: z.string(),
    cause: z.string().nullish(),
  }),
  closedEvent,
])
export type ClientEvent = z.infer<typeof clientEvent>

const count = z.number().default(0)
const drops = z.record(z.string(), z.number()).default({})

const pathStatus = z.looseObject({
  /** Null: the link carries no path now. */
  id: z.number().nullable(),
  local: z.string().nullish(),
  remote: z.string().nullish(),
  device: z.string().nullish(),
  /** down, connecting, opening, waiting, active, standby, silent. */
  state: z.string(),
  /** Why it is not active. */
  cause: z.string().nullish(),
  sinceSeconds: z.number().nullish(),
  backup: z.boolean().nullish(),
  rttMs: z.number().nullish(),
  minRttMs: z.number().nullish(),
  cwnd: z.number().nullish(),
  bytesInFlight: count,
  bytesSent: count,
  bytesReceived: count,
  packetsSent: count,
  packetsReceived: count,
  packetsLost: count,
  mtu: z.number().nullish(),
  deliveryRateBps: z.number().nullish(),
  cc: z.string().nullish(),
})
export type PathStatus = z.infer<typeof pathStatus>

const connectionStatus = z.looseObject({
  id: z.number(),
  user: z.string().nullish(),
  remote: z.string(),
  state: z.string(),
  addresses: z.array(z.string()).default([]),
  uptimeSeconds: count,
  bytesIn: count,
  bytesOut: count,
  datagramsIn: count,
  datagramsOut: count,
  datagramsLost: count,
  drops,
  paths: z.array(pathStatus).default([]),
})
export type ConnectionStatus = z.infer<typeof connectionStatus>

/** A client may say `connection`, a server says `connections`; here it is always the list. */
export const engineStatus = z.preprocess(
  (value) => {
    if (typeof value !== 'object' || value === null || 'connections' in value) return value
    const { connection, ...rest } = value as { connection?: unknown }
    return { ...rest, connections: connection == null ? [] : [connection] }
  },
  z.looseObject({
    role: z.enum(['client', 'server']),
    uptimeSeconds: count,
    tun: z
      .looseObject({
        name: z.string(),
        mtu: z.number(),
        rxPackets: count,
        rxBytes: count,
        txPackets: count,
        txBytes: count,
        drops,
      })
      .nullable(),
    connections: z.array(connectionStatus),
  }),
)
export type EngineStatus = z.infer<typeof engineStatus>

/** What a person or a program asks a running engine to do. */
export interface CommandRequest {
  cmd: string
  [field: string]: unknown
}
export const commandReply = z.looseObject({ ok: z.boolean(), error: z.string().optional() })
export type CommandReply = z.infer<typeof commandReply>

/** One running client or server. */
export interface Engine {
  status(): Promise<EngineStatus>
  command(request: CommandRequest): Promise<CommandReply>
  /**
   * Closes connections, removes TUN, addresses and routes. No event comes after it has resolved.
   *
   * @param keep TUN, addresses and routes stay, for the engine that is started with this one as `previous`, or until
   *   `release`
   */
  stop(keep?: boolean): Promise<void>
  /** After `stop(true)`: removes what was kept, unless another engine has it. */
  release(): void
}

/** Starts engines; throws an Error with a `code` (`EPERM`, `EADDRINUSE`, …) when set-up fails, and nothing is left then. */
export interface Engines {
  startServer(config: ServerConfig, onEvent: (event: ServerEvent) => void): Engine
  /** @param previous stopped, and its device kept: the new one goes on with it */
  startClient(config: ClientConfig, onEvent: (event: ClientEvent) => void, previous?: Engine): Engine
}
