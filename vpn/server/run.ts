/** `mqvpn server`: from settings to a running server, until it is told to stop. */
import type { ServerSettings } from '../config/settings.js'
import { ControlServer } from '../control/server.js'
import { controlPath } from '../control/paths.js'
import type { CommandReply, CommandRequest, Engine, Engines, ServerConfig, ServerEvent, ServerUser } from '../engine.js'
import { MachineError, messageOf, UsageError, VpnError } from '../errors.js'
import { HostChanges } from '../host/changes.js'
import { tidyBeforeStart } from '../host/leftovers.js'
import { natKind, planNat } from '../host/nat.js'
import { planForwarding, sysctlKind } from '../host/sysctl.js'
import type { Log } from '../log.js'
import type { Life } from '../life.js'
import { setupError } from '../setup-errors.js'
import type { Status } from '../status/render.js'
import type { AcmeDeps, AcmeKeeper } from './acme/keeper.js'
import { givenCertificate, ownCertificate, type ServerCertificate } from './certificate.js'
import { watchCertificate, type CertificateWatch } from './certificate-watch.js'
import { announceInvite, planInvite, type Invite } from './invite.js'
import { addressForClients, certificateNames, hostPort } from './names.js'
import { publicName } from './public-name.js'
import { Reload } from './reload.js'
import { StateKeys } from './state-keys.js'
import { configuredUsers, ServerUsers } from './users.js'

/** As the seed's. */
const IDLE_TIMEOUT_MS = 120_000
const NOT_RUNNING: CommandReply = { ok: false, error: 'the server is not running' }

export interface ServerDeps {
  engines: () => Engines
  /** See LeftoverDeps. */
  recoverRoutes: () => number
  /** Of the journal; another one in tests. */
  runDirectory?: string
  log: Log
  now: () => Date
  life: Life
  /** Added to every status. */
  about: { version: string; pid: number }
  /** Given the status before it listens: for metrics, and for the service manager. */
  observe?: (status: () => Promise<Status>) => Promise<void>
  /** The settings as they are written now, for a reload at SIGHUP; without it SIGHUP ends the server. */
  reload?: () => ServerSettings
  /** `--invite`. */
  invite?: Invite
}

type Listening = NonNullable<Status['listening']>

/** Resolves when the signal has aborted and everything is removed. */
export async function runServer(
  settings: ServerSettings,
  { engines, recoverRoutes, runDirectory, log, now, life, about, observe, reload, invite }: ServerDeps,
): Promise<void> {
  const state = new StateKeys(settings.stateDir)
  const planned = invite === undefined ? null : planInvite(invite, settings, state, log)
  const configured = configuredUsers(settings, log, planned?.users)
  // Before anything is made: whether it can be used at all.
  const native = engines()
  const directory = runDirectory === undefined ? {} : { directory: runDirectory }
  const journal = await tidyBeforeStart(settings.tunName, false, { recoverRoutes, log, ...directory })
  const changes = new HostChanges(journal, log)
  const acme = await acmeOf(settings, { now, log, signal: life.signal })
  if (life.signal.aborted) return
  let certificate = acme?.certificate() ?? (await certificateOf(settings, now(), log))
  let engine: Engine | null = null
  let listening: Listening | null = null
  const status = async (): Promise<Status> => {
    if (engine === null) throw new UsageError('the server is starting, or stopping')
    return { ...(await engine.status()), ...about, listening }
  }
  /** To the engine; throws what it says when it refuses. */
  const tell = async (request: CommandRequest): Promise<CommandReply> => {
    const reply = (await engine?.command(request)) ?? NOT_RUNNING
    if (!reply.ok) throw new VpnError(reply.error ?? `the engine refused ${request.cmd}`)
    return reply
  }
  const apply = async (all: ServerUser[]): Promise<{ cut: number }> => {
    const { cut } = await tell({ cmd: 'set-users', users: all })
    return { cut: typeof cut === 'number' ? cut : 0 }
  }
  const users = new ServerUsers(configured, settings, apply, log)
  const control = await ControlServer.listen(
    settings.control ?? controlPath(settings.tunName),
    {
      status,
      command: async (request) => {
        const reply = await users.command(request)
        return reply === null
          ? ((await engine?.command(request)) ?? NOT_RUNNING)
          : forgotten(request, reply, state, log)
      },
    },
    log,
  )
  life.atExit(() => control.removeFile())
  let watch: CertificateWatch | null = null
  const useCertificate = async (renewed: ServerCertificate): Promise<void> => {
    const { certFile, keyFile, pin } = renewed
    await tell({ cmd: 'set-certificate', certFile, keyFile })
    if (pin !== certificate.pin) log.info('new handshakes get another certificate', { file: certFile, pin })
    watch?.stop()
    certificate = renewed
    if (listening !== null) listening = { ...listening, pin }
    watch = watchFiles()
  }
  const watchFiles = (): CertificateWatch => {
    const { certFile, keyFile } = certificate
    const renew = (): Promise<void> => useCertificate(givenCertificate(certFile, keyFile, now(), log))
    return watchCertificate([certFile, keyFile], async () => renew(), log)
  }
  let invited = false
  try {
    await observe?.(status)
    planned?.keep()
    try {
      engine = native.startServer(configOf(settings, configured, certificate), (event) => {
        if (event.type !== 'listening') logEvent(event, log)
        else {
          const { address, port, pin } = event
          listening = { address, port, pin, maxClients: settings.maxClients }
          log.announce(
            'listening',
            `listening: ${hostPort(address, port)} on ${settings.tunName}, pin ${pin}`,
            listening,
          )
          if (planned !== null) {
            const name = certificate.selfSigned ? null : publicName(certificate.certFile)
            announceInvite(planned, { ...listening, name }, invite ?? { name: null }, log)
            invited = true
          } else if (certificate.created) announceClientLine(listening, settings, log)
        }
      })
    } catch (error) {
      throw setupError(error, settings)
    }
    if (settings.nat) await openToTheWorld(settings, changes, log)
    watch = watchFiles()
    acme?.renew()
    if (reload !== undefined) {
      const reloading = new Reload(settings, {
        load: reload,
        usersOf: (changed) => configuredUsers(changed, log),
        certificateOf: ({ cert, key }) =>
          givenCertificate(cert ?? certificate.certFile, key ?? certificate.keyFile, now(), log),
        useUsers: (all) => users.replaceConfigured(all),
        useCertificate: async (found) => {
          const same = (['pin', 'certFile', 'keyFile'] as const).every((key) => found[key] === certificate[key])
          // Tickets of clients end with a certificate: not without need.
          if (!same) await useCertificate(found)
        },
        log,
      })
      life.onReload(() => reloading.run())
    }
    await life.stopped()
  } finally {
    watch?.stop()
    await acme?.stop()
    const running = engine
    engine = null
    await changes.undoAll()
    await running?.stop()
    if (!invited) planned?.takeBack()
    await control.close()
  }
}

/** Who was invited and is removed now does not come back with the next start. */
function forgotten(request: CommandRequest, reply: CommandReply, state: StateKeys, log: Log): CommandReply {
  if (request.cmd !== 'remove-user' || !reply.ok || typeof request['name'] !== 'string') return reply
  try {
    return state.removeUser(request['name'], log) ? { ...reply, configured: false } : reply
  } catch (error) {
    log.error(`${request['name']} is back after a restart: ${messageOf(error)}`)
    return reply
  }
}

/** What carries clients' packets beyond this host. */
async function openToTheWorld(settings: ServerSettings, changes: HostChanges, log: Log): Promise<void> {
  const { tunName, subnet, subnet6 } = settings
  const ipv6 = subnet6 === undefined ? {} : { subnet6 }
  try {
    await changes.make(natKind(log), await planNat({ tunName, subnet, ...ipv6 }))
    await changes.make(sysctlKind(log), await planForwarding({ ipv6: subnet6 !== undefined }))
    log.info('clients reach the networks of this host, under its addresses; --no-nat leaves that out')
  } catch (error) {
    if (!(error instanceof VpnError)) throw error
    const hint = error.message.includes('--no-nat') ? '' : '; --no-nat starts without it'
    throw error instanceof MachineError
      ? new MachineError(`${error.message}${hint}`)
      : new VpnError(`${error.message}${hint}`)
  }
}

/** Its libraries are loaded by who wants them alone. */
async function acmeOf(settings: ServerSettings, deps: AcmeDeps): Promise<AcmeKeeper | null> {
  if (settings.acme.length === 0) return null
  const { AcmeKeeper } = await import('./acme/keeper.js')
  return AcmeKeeper.start(settings, deps)
}

async function certificateOf(settings: ServerSettings, now: Date, log: Log): Promise<ServerCertificate> {
  const { cert, key, stateDir, listen } = settings
  if (cert !== undefined && key !== undefined) return givenCertificate(cert, key, now, log)
  const own = await ownCertificate(stateDir, certificateNames(listen.address), now, log)
  if (own.created) log.info('made a self-signed certificate', { file: own.certFile, key: own.keyFile, pin: own.pin })
  return own
}

function configOf(settings: ServerSettings, users: ServerUser[], certificate: ServerCertificate): ServerConfig {
  const { tunName, listen, subnet, subnet6, maxClients, clientToClient } = settings
  const { cc, scheduler, duplicate, mtu, keyLog, qlog, logLevel } = settings
  return {
    tunName,
    listen,
    subnet,
    ...(subnet6 === undefined ? {} : { subnet6 }),
    certFile: certificate.certFile,
    keyFile: certificate.keyFile,
    users,
    maxClients,
    clientToClient,
    cc,
    scheduler,
    duplicate,
    mtu,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    retry: 'auto',
    ...(keyLog === undefined ? {} : { keyLogFile: keyLog }),
    ...(qlog === undefined ? {} : { qlogDir: qlog }),
    logLevel,
  }
}

/** On the first start: what to do on the other side, ready to be pasted. */
function announceClientLine({ address, port, pin }: Listening, { authKeyFile }: ServerSettings, log: Log): void {
  const reach = addressForClients(address)
  const server = hostPort(reach.address, port)
  const keyFile = authKeyFile ?? '/etc/mqvpn.key'
  const line = `mqvpn client --server ${server} --pin ${pin} --auth-key-file ${keyFile}`
  const guess = reach.guessed ? `; replace ${reach.address} if clients reach this host under another address` : ''
  log.announce('client-line', `On a client, with this server's key in ${keyFile}${guess}:`, { line })
  log.announce('client-line', `  sudo ${line}`, { line })
}

function logEvent(event: Exclude<ServerEvent, { type: 'listening' }>, log: Log): void {
  switch (event.type) {
    case 'log': {
      const { type: _, level, message, ...fields } = event
      log[level](message, fields)
      return
    }
    case 'client-connected': {
      const { id, user, remote, addresses, resumed } = event
      log.info('client connected', { id, user, remote, addresses, resumed })
      return
    }
    case 'client-refused':
      log.warn('client refused', { remote: event.remote, reason: event.reason })
      return
    case 'client-disconnected': {
      const { id, user, remote, cause, reason, seconds } = event
      log.info('client disconnected', { id, user, remote, cause, reason, seconds })
      return
    }
  }
}
