/** `mqvpn client`: from settings to a running client, until it is told to stop. */
import { mkdirSync, statSync } from 'node:fs'
import type { ClientSettings } from '../config/settings.js'
import { controlPath } from '../control/paths.js'
import { ControlServer } from '../control/server.js'
import type { Engines } from '../engine.js'
import { messageOf, UsageError } from '../errors.js'
import { keyOf } from '../key.js'
import type { Life } from '../life.js'
import type { Log } from '../log.js'
import type { Status } from '../status/render.js'
import { tidyBeforeStart } from '../host/leftovers.js'
import { clientId } from './client-id.js'
import { ClientHost } from './host.js'
import { sleepUntilChange } from './network-change.js'
import type { Lookup } from './resolve.js'
import { ClientSession } from './session.js'

export interface ClientDeps {
  engines: () => Engines
  /** See LeftoverDeps. */
  recoverRoutes: () => number
  lookup: Lookup
  /** Of the journal; another one in tests. */
  runDirectory?: string
  log: Log
  life: Life
  /** Added to every status. */
  about: { version: string; pid: number }
  /** Given the status before the first attempt: for metrics, and for the service manager. */
  observe?: (status: () => Promise<Status>) => Promise<void>
}

/** Resolves when the signal has aborted and everything is removed; throws when there is no point in going on. */
export async function runClient(
  settings: ClientSettings,
  { engines, recoverRoutes, lookup, runDirectory, log, life, about, observe }: ClientDeps,
): Promise<void> {
  const authKey = keyOf(settings, log)
  if (authKey === null) {
    throw new UsageError("a client needs the server's key: --auth-key-file FILE, or MQVPN_AUTH_KEY in the environment")
  }
  warn(settings, log)
  const native = engines()
  const directory = runDirectory === undefined ? {} : { directory: runDirectory }
  const leftovers = { recoverRoutes, log, ...directory }
  const journal = await tidyBeforeStart(settings.tunName, settings.killSwitch !== 'off', leftovers)
  const host = new ClientHost(settings, journal, log)
  const kept = ticketDir(settings.stateDir, log)
  const session = new ClientSession(
    settings,
    { authKey, ticketDir: kept, clientId: clientId(kept, settings.tunName) },
    {
      engines: native,
      host,
      knownServers: host.knownServers,
      lookup,
      log,
      now: () => performance.now(),
      random: Math.random,
      sleep: sleepUntilChange,
    },
  )
  const status = async (): Promise<Status> => ({ ...(await session.status()), ...about })
  const control = await ControlServer.listen(
    settings.control ?? controlPath(settings.tunName),
    { status, command: () => session.command() },
    log,
  )
  life.atExit(() => control.removeFile())
  try {
    await observe?.(status)
    await session.run(life.signal)
  } finally {
    await control.close()
  }
}

function warn({ insecure, ca }: ClientSettings, log: Log): void {
  if (insecure) {
    log.warn(
      '--insecure: ANYBODY between here and the server can pretend to be it, read everything and learn the key; use --pin instead',
    )
  }
  if (ca !== undefined) {
    try {
      statSync(ca)
    } catch (error) {
      throw new UsageError(`--ca ${ca}: ${messageOf(error)}`)
    }
  }
}

/** Without it every start is a full handshake; that is no reason not to start. */
function ticketDir(stateDir: string, log: Log): string | null {
  try {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    return stateDir
  } catch (error) {
    log.warn(`no session is kept for a faster start: ${messageOf(error)}; --state-dir names another folder`)
    return null
  }
}
