/**
 * What a client changes on its host beside its device and its routes, which the engine has, in this order:
 *
 *     before the first packet   kill switch up            (--kill-switch)
 *     connected                 name servers              (--dns)
 *     at the end                name servers back, kill switch lifted unless it is to stay
 *
 * A lost connection changes nothing: device, routes, name servers and kill switch stay until it is back.
 */
import type { ClientSettings } from '../config/settings.js'
import type { Log } from '../log.js'
import { HostChanges } from '../host/changes.js'
import { dnsKind, planDns, watchDns } from '../host/dns.js'
import type { Journal } from '../host/journal.js'
import { allowServers, killSwitchKind, planKillSwitch, type KillSwitchNote } from '../host/kill-switch.js'
import { KILL_SWITCH } from '../host/kinds.js'

/** What ClientSession needs of it. */
export interface SessionHost {
  /** Before packets go to these addresses. */
  beforeConnecting(addresses: readonly string[]): Promise<void>
  onConnected(): Promise<void>
  /** @param byItself it was not told to end */
  atEnd(byItself: boolean): Promise<void>
}

export class ClientHost implements SessionHost {
  readonly #settings: ClientSettings
  readonly #journal: Journal
  readonly #changes: HostChanges
  readonly #log: Log
  #switch: KillSwitchNote | null = null
  #stopWatching: (() => void) | null = null
  #wasConnected = false

  constructor(settings: ClientSettings, journal: Journal, log: Log) {
    this.#settings = settings
    this.#journal = journal
    this.#changes = new HostChanges(journal, log)
    this.#log = log
  }

  /** Servers that a kill switch of a former run lets through: names cannot be looked up while it is up. */
  get knownServers(): string[] {
    const notes = this.#journal.entries().filter(({ kind }) => kind === KILL_SWITCH)
    return notes.flatMap(({ note }) => (note as unknown as KillSwitchNote).servers.map(({ address }) => address))
  }

  async beforeConnecting(addresses: readonly string[]): Promise<void> {
    const { killSwitch, tunName, server, path } = this.#settings
    if (killSwitch === 'off') return
    const note: KillSwitchNote = {
      tunName,
      servers: addresses.map((address) => ({ address, port: server.port })),
      paths: path.map(({ device }) => device),
    }
    if (this.#switch === null) {
      await this.#changes.make(killSwitchKind(), await planKillSwitch(note))
      this.#log.info('the kill switch is up: nothing leaves but through the tunnel', { until: killSwitch })
    } else if (JSON.stringify(note) !== JSON.stringify(this.#switch)) {
      await allowServers(note)
    }
    this.#switch = note
  }

  async onConnected(): Promise<void> {
    const { dns, tunName } = this.#settings
    this.#wasConnected = true
    if (dns.length === 0 || this.#stopWatching !== null) return
    const note = await planDns(tunName, dns)
    await this.#changes.make(dnsKind(this.#log), note)
    this.#stopWatching = watchDns(note, this.#log)
    this.#log.info('names are looked up through the tunnel', { servers: dns.join(', '), by: note.method })
  }

  async atEnd(byItself: boolean): Promise<void> {
    this.#stopWatching?.()
    this.#stopWatching = null
    // A person whose tunnel broke down does not expect to be on the open network now.
    const stays = this.#switch !== null && (this.#settings.killSwitch === 'always' || (byItself && this.#wasConnected))
    await this.#changes.undoAll(stays ? [KILL_SWITCH] : [])
    if (stays) {
      this.#log.warn(`the kill switch stays up; \`mqvpn recover --name ${this.#settings.tunName}\` lifts it`)
    }
  }
}
