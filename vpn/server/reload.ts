/**
 * A reload (SIGHUP): users and certificate as the configuration says now. First everything is read and checked; when
 * anything is wrong, nothing changes. Connections go on, but those of users who are gone.
 */
import type { ServerSettings } from '../config/settings.js'
import type { ServerUser } from '../engine.js'
import { messageOf } from '../errors.js'
import type { Log } from '../log.js'
import type { ServerCertificate } from './certificate.js'

export interface Reloadable {
  /** Settings, from the same sources as at the start. @throws UsageError */
  load: () => ServerSettings
  /** @throws UsageError */
  usersOf: (settings: ServerSettings) => ServerUser[]
  /** Reads the files and checks them. @throws UsageError */
  certificateOf: (settings: ServerSettings) => ServerCertificate
  useUsers: (users: ServerUser[]) => Promise<{ cut: number; users: number }>
  useCertificate: (certificate: ServerCertificate) => Promise<void>
  log: Pick<Log, 'info' | 'warn' | 'error'>
}

/** What a reload applies; everything else is for the next start. */
const RELOADED: ReadonlySet<string> = new Set<keyof ServerSettings>([
  'authKey',
  'authKeyFile',
  'user',
  'userAddress',
  'userAllowedIps',
  'cert',
  'key',
])

export class Reload {
  #running: Promise<void> = Promise.resolve()
  /** Those that it was started with. */
  readonly #settings: ServerSettings
  readonly #what: Reloadable

  constructor(settings: ServerSettings, what: Reloadable) {
    this.#settings = settings
    this.#what = what
  }

  /** After one that is under way. Never fails: what is wrong is logged. */
  run(): Promise<void> {
    this.#running = this.#running.then(() => this.#reload()).catch((error: unknown) => this.#failed(error))
    return this.#running
  }

  async #reload(): Promise<void> {
    const { load, usersOf, certificateOf, useUsers, useCertificate, log } = this.#what
    const settings = load()
    const users = usersOf(settings)
    const certificate = certificateOf(settings)
    const done = await useUsers(users)
    try {
      await useCertificate(certificate)
    } catch (error) {
      log.error(`reload: the users are those of the configuration now, but not the certificate: ${messageOf(error)}`)
      return
    }
    const waiting = changed(this.#settings, settings)
    if (waiting.length > 0) log.warn('reload: some changes wait for a restart', { settings: waiting })
    log.info('reloaded', { ...done, pin: certificate.pin })
  }

  #failed(error: unknown): void {
    const { log } = this.#what
    const [first = '', ...more] = messageOf(error).split('\n')
    log.error(`reload: nothing has changed: ${first}`)
    for (const line of more) log.error(`reload: ${line.trim()}`)
  }
}

function changed(before: ServerSettings, now: ServerSettings): string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(now)]) as Set<keyof ServerSettings>
  return [...keys].filter((key) => !RELOADED.has(key) && JSON.stringify(before[key]) !== JSON.stringify(now[key]))
}
