/** `mqvpn server`: from settings to a running server, until it is told to stop. */
import type { ServerSettings } from '../config/settings.js'
import { ControlServer } from '../control/server.js'
import { controlPath } from '../control/paths.js'
import type { Engine, Engines, ServerConfig, ServerEvent } from '../engine.js'
import { UsageError } from '../errors.js'
import { keyOf } from '../key.js'
import type { Log } from '../log.js'
import type { Life } from '../life.js'
import { setupError } from '../setup-errors.js'
import type { Status } from '../status/render.js'
import { givenCertificate, ownCertificate, type ServerCertificate } from './certificate.js'
import { addressForClients, certificateNames, hostPort } from './names.js'

/** As the seed's. */
const IDLE_TIMEOUT_MS = 120_000
/** Of the one key that the seed knows; users have names of their own. */
const GLOBAL_USER = '(global)'

export interface ServerDeps {
  engines: () => Engines
  log: Log
  now: () => Date
  life: Life
  /** Added to every status. */
  about: { version: string; pid: number }
  /** Given the status before it listens: for metrics, and for the service manager. */
  observe?: (status: () => Promise<Status>) => Promise<void>
}

type Listening = NonNullable<Status['listening']>

/** Resolves when the signal has aborted and everything is removed. */
export async function runServer(
  settings: ServerSettings,
  { engines, log, now, life, about, observe }: ServerDeps,
): Promise<void> {
  const users = usersOf(settings, log)
  // Before anything is made: whether it can be used at all.
  const native = engines()
  const certificate = await certificateOf(settings, now(), log)
  let engine: Engine | null = null
  let listening: Listening | null = null
  const status = async (): Promise<Status> => {
    if (engine === null) throw new UsageError('the server is starting, or stopping')
    return { ...(await engine.status()), ...about, listening }
  }
  const control = await ControlServer.listen(
    settings.control ?? controlPath(settings.tunName),
    {
      status,
      command: async (request) => engine?.command(request) ?? { ok: false, error: 'the server is not running' },
    },
    log,
  )
  life.atExit(() => control.removeFile())
  try {
    await observe?.(status)
    try {
      engine = native.startServer(configOf(settings, users, certificate), (event) => {
        if (event.type !== 'listening') logEvent(event, log)
        else {
          const { address, port, pin } = event
          listening = { address, port, pin, maxClients: settings.maxClients }
          log.announce(
            'listening',
            `listening: ${hostPort(address, port)} on ${settings.tunName}, pin ${pin}`,
            listening,
          )
          if (certificate.created) announceClientLine(listening, settings, log)
        }
      })
    } catch (error) {
      throw setupError(error, settings)
    }
    await life.stopped()
  } finally {
    const running = engine
    engine = null
    await running?.stop()
    await control.close()
  }
}

function usersOf(settings: ServerSettings, log: Log): ServerConfig['users'] {
  const key = keyOf(settings, log)
  const users = [...(key === null ? [] : [{ name: GLOBAL_USER, key }]), ...settings.user]
  if (users.length === 0) {
    throw new UsageError(
      [
        'a server does not start without a key, or anybody could use it. Make one, and give it to server and clients:',
        '  (umask 077; mqvpn genkey > /etc/mqvpn.key)',
        '  mqvpn server --auth-key-file /etc/mqvpn.key',
      ].join('\n'),
    )
  }
  const same = settings.user.find((user) => user.key === key)
  if (same) throw new UsageError(`--user ${same.name} has the same key as --auth-key, so nobody could tell them apart`)
  return users
}

async function certificateOf(settings: ServerSettings, now: Date, log: Log): Promise<ServerCertificate> {
  const { cert, key, stateDir, listen } = settings
  if (cert !== undefined && key !== undefined) return givenCertificate(cert, key, now, log)
  const own = await ownCertificate(stateDir, certificateNames(listen.address), now, log)
  if (own.created) log.info('made a self-signed certificate', { file: own.certFile, key: own.keyFile, pin: own.pin })
  return own
}

function configOf(
  settings: ServerSettings,
  users: ServerConfig['users'],
  certificate: ServerCertificate,
): ServerConfig {
  const { tunName, listen, subnet, subnet6, maxClients, cc, scheduler, duplicate, mtu, keyLog, qlog, logLevel } =
    settings
  return {
    tunName,
    listen,
    subnet,
    ...(subnet6 === undefined ? {} : { subnet6 }),
    certFile: certificate.certFile,
    keyFile: certificate.keyFile,
    users,
    maxClients,
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
