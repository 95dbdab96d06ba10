/** What the engine of a client is told. */
import { createHash } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import type { ClientSettings } from '../config/settings.js'
import type { ClientConfig } from '../engine.js'
import { dnsRoutes } from '../host/dns.js'

/** As the seed's. Longer than the time that a phone without coverage is moved through a tunnel. */
const IDLE_TIMEOUT_MS = 120_000
/** Of a first connection: as long as a person waits. */
export const HANDSHAKE_TIMEOUT_MS = 10_000
/** Below the 30 s after which home routers forget a UDP mapping (RFC 4787 REQ-5 asks for 2 minutes; many do not). */
const KEEP_ALIVE_MS = 20_000

export interface EngineInputs {
  /** Numeric, of the server. */
  address: string
  /** Of the other family, if it has one. */
  other?: string | undefined
  authKey: string
  /** Null: no session is resumed. */
  ticketDir: string | null
  /** Null: the server is not told which client this is. */
  clientId: string | null
  handshakeTimeoutMs?: number
}

export function clientConfigOf(
  settings: ClientSettings,
  { address, other, authKey, ticketDir, clientId, handshakeTimeoutMs = HANDSHAKE_TIMEOUT_MS }: EngineInputs,
): ClientConfig {
  const { server, keyLog, qlog } = settings
  const serverName = settings.tlsServerName ?? server.address
  return {
    tunName: settings.tunName,
    server: { address, port: server.port },
    ...(other === undefined ? {} : { otherServer: { address: other, port: server.port } }),
    serverName,
    authority: `${isIPv6(serverName) ? `[${serverName}]` : serverName}:${server.port}`,
    verify: verifyOf(settings),
    authKey,
    paths: [...settings.path],
    multipathDraft: settings.multipathDraft,
    cc: settings.cc,
    scheduler: settings.scheduler,
    duplicate: settings.duplicate,
    mtu: settings.mtu,
    manageRoutes: settings.manageRoutes,
    allowedIps: settings.allowedIps.length === 0 ? [] : [...settings.allowedIps, ...dnsRoutes(settings.dns)],
    exclude: [...settings.exclude],
    handshakeTimeoutMs,
    ...(clientId === null ? {} : { clientId }),
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    keepAliveMs: KEEP_ALIVE_MS,
    ipv6: true,
    logLevel: settings.logLevel,
    ...(ticketDir === null ? {} : { ticketFile: join(ticketDir, ticketName(settings)) }),
    ...(keyLog === undefined ? {} : { keyLogFile: keyLog }),
    ...(qlog === undefined ? {} : { qlogDir: qlog }),
  }
}

function verifyOf({ insecure, pin, ca }: ClientSettings): ClientConfig['verify'] {
  if (insecure) return { mode: 'insecure' }
  if (pin !== undefined) return { mode: 'pin', sha256: pin }
  return ca === undefined ? { mode: 'system' } : { mode: 'ca', file: ca }
}

/**
 * A resumed session is not verified again, so a ticket is only used where the same server would have to pass the same
 * check.
 */
function ticketName(settings: ClientSettings): string {
  const { server, tlsServerName = server.address } = settings
  const key = JSON.stringify([server.address, server.port, tlsServerName, verifyOf(settings)])
  return `ticket-${createHash('sha256').update(key).digest('hex').slice(0, 24)}`
}
