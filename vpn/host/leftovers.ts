/** What a mqvpn that is gone has left on this host, and taking it back. */
import { VpnError } from '../errors.js'
import type { Log } from '../log.js'
import { recover } from './changes.js'
import { recoverResolvConf } from './dns-resolv-conf.js'
import { Journal } from './journal.js'
import { allKinds, KILL_SWITCH } from './kinds.js'

export interface LeftoverDeps {
  /** Removes routing rules of tunnels that are gone; how many. */
  recoverRoutes: () => number
  log: Log
  /** Others than this machine's, in tests. */
  directory?: string
  resolvConf?: string
}

/**
 * Before a start under this name.
 *
 * @param keepKillSwitch it stays up; it is about to be put up anew
 * @throws VpnError when another mqvpn of this name runs, or a kill switch of before is up that was not asked for now
 */
export async function tidyBeforeStart(name: string, keepKillSwitch: boolean, deps: LeftoverDeps): Promise<Journal> {
  const { log, directory, resolvConf } = deps
  const journal = Journal.open(name, directory)
  if (journal.ownerRuns) throw new VpnError(`another mqvpn runs as ${name}; choose another name with --tun-name`)
  const switchIsUp = journal.entries().some(({ kind }) => kind === KILL_SWITCH)
  if (switchIsUp && !keepKillSwitch) {
    throw new VpnError(
      `the kill switch of a former run of ${name} is up, and holds back everything: start with --kill-switch on, or lift it with \`mqvpn recover --name ${name}\``,
    )
  }
  const kinds = allKinds(log).filter(({ kind }) => kind !== KILL_SWITCH)
  const entries = journal.entries().filter(({ kind }) => kind !== KILL_SWITCH)
  const done = entries.length === 0 ? [] : await recover(journal, kinds, log, [KILL_SWITCH])
  if (done.length > 0) log.warn(`a former run of ${name} did not end cleanly; put back: ${done.join(', ')}`)
  recoverResolvConf(log, resolvConf)
  const rules = deps.recoverRoutes()
  if (rules > 0) log.debug('removed routing rules of tunnels that are gone', { rules })
  return journal
}

export interface RecoverOptions {
  /** Null: everything. */
  name: string | null
  keepKillSwitch: boolean
}

/**
 * `mqvpn recover`.
 *
 * @returns what was done, a line each
 * @throws VpnError when the one that is named still runs
 */
export async function recoverHost({ name, keepKillSwitch }: RecoverOptions, deps: LeftoverDeps): Promise<string[]> {
  const { log, directory, resolvConf } = deps
  const lines: string[] = []
  for (const one of name === null ? Journal.names(directory) : [name]) {
    const journal = Journal.open(one, directory)
    if (journal.ownerRuns) {
      if (name !== null) throw new VpnError(`${one} is running; stop it first (mqvpn down, or Ctrl-C where it runs)`)
      lines.push(`${one}: runs, and was left alone`)
      continue
    }
    const kept = keepKillSwitch ? [KILL_SWITCH] : []
    for (const kind of await recover(journal, allKinds(log), log, kept)) lines.push(`${one}: put back ${kind}`)
    const left = journal.entries().filter(({ kind }) => !kept.includes(kind))
    if (left.length > 0) throw new VpnError(`${one}: not everything could be put back (see above)`)
  }
  const owner = recoverResolvConf(log, resolvConf)
  if (owner !== null) lines.push(`${owner}: put back resolv.conf`)
  const rules = deps.recoverRoutes()
  if (rules > 0) lines.push(`removed ${rules} routing rules of tunnels that are gone`)
  return lines
}
