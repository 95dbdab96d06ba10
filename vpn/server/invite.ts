/** `mqvpn server --invite [NAME]`: which key a new client gets, and what is printed for it. */
import { GLOBAL_USER, hashOfKey } from '../config/users.js'
import type { ServerSettings } from '../config/settings.js'
import { user as parseUser, ValueError } from '../config/values.js'
import type { ServerUser } from '../engine.js'
import { UsageError } from '../errors.js'
import { formatInvitation } from '../invite/invitation.js'
import { generateKey, keyOf } from '../key.js'
import type { Log } from '../log.js'
import { addressForClients } from './names.js'
import type { StateKeys } from './state-keys.js'

export interface Invite {
  /** Null: with the common key. */
  name: string | null
  /** Shows a text as a QR code; left out where there is no terminal. */
  showCode?: (text: string) => void
}

/** What was decided before anything is made. */
export interface PlannedInvite {
  key: string
  name: string | null
  /** That the server has to know from now on. */
  users: ServerUser[]
  keep(): void
  /** After a start that failed: nobody has seen this invitation. */
  takeBack(): void
}

type Existing = Pick<ServerSettings, 'authKey' | 'authKeyFile' | 'user'>

/** @throws UsageError when there is no key that could be given */
export function planInvite({ name }: Invite, settings: Existing, state: StateKeys, log: Log): PlannedInvite {
  return name === null ? withCommonKey(settings, state, log) : forUser(name, settings, state, log)
}

function withCommonKey(settings: Existing, state: StateKeys, log: Log): PlannedInvite {
  const nothing = { name: null, users: [], keep: () => undefined, takeBack: () => undefined }
  const configured = keyOf(settings, log)
  if (configured !== null) return { ...nothing, key: configured }
  if (settings.user.length > 0) {
    throw new UsageError(
      '--invite: every user of this server has a key of its own; --invite NAME makes one for a new user',
    )
  }
  const kept = state.key(log)
  if (kept !== null) return { ...nothing, key: kept }
  const key = generateKey()
  const keep = (): void => {
    state.saveKey(key)
    log.info('made a key for clients', { file: state.keyFile })
  }
  return { ...nothing, key, users: [{ name: GLOBAL_USER, key }], keep }
}

function forUser(name: string, { user: configured }: Existing, state: StateKeys, log: Log): PlannedInvite {
  const key = generateKey()
  try {
    parseUser(`${name}:${key}`)
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    throw new UsageError('--invite NAME: a name has 1 to 63 letters, digits, ., _, @, + or -')
  }
  const known = configured.find((one) => one.name === name)
  if (known !== undefined) {
    if (!('key' in known)) {
      throw new UsageError(
        `--invite ${name}: of this user the configuration has the hash alone; only who made the key has it`,
      )
    }
    return { name, key: known.key, users: [], keep: () => undefined, takeBack: () => undefined }
  }
  if (state.users(log).some((one) => one.name === name)) {
    throw new UsageError(
      `--invite ${name}: this user was invited before, and the key was not kept; start without --invite, or take the line of ${name} out of ${state.usersFile} first, which ends the former invitation`,
    )
  }
  const user = { name, sha256: hashOfKey(key) }
  const keep = (): void => {
    state.addUser(user, log)
    log.info('made a user', { user: name, file: state.usersFile })
  }
  return { name, key, users: [user], keep, takeBack: () => void state.removeUser(name, log) }
}

/**
 * @param pin of the certificate that clients are to trust
 * @param name of the server, by which they can check the certificate instead; null where they cannot
 */
export function announceInvite(
  { key, name }: Pick<PlannedInvite, 'key' | 'name'>,
  { address, port, pin, name: publicName }: { address: string; port: number; pin: string; name: string | null },
  { showCode }: Invite,
  log: Pick<Log, 'announce'>,
): void {
  const reach = publicName === null ? addressForClients(address) : { address: publicName, guessed: false }
  // A pin would end with the certificate, which is renewed every few weeks.
  const uri = formatInvitation({ server: { address: reach.address, port }, pin: publicName === null ? pin : null, key })
  const line = `mqvpn client '${uri}'`
  const fields = { uri, line, ...(name === null ? {} : { user: name }) }
  const whom = name === null ? 'whoever has it can connect' : `for ${name} alone`
  const guess = reach.guessed ? ` Replace ${reach.address} if clients reach this host under another address.` : ''
  const say = (text: string): void => log.announce('invitation', text, fields)
  say(`An invitation, ${whom}; it holds the key, so keep it secret.${guess}`)
  say(`  ${uri}`)
  say('On a client that has mqvpn:')
  say(`  sudo ${line}`)
  showCode?.(uri)
}
