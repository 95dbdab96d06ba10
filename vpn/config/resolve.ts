/** From what was written (flags, environment, file) to settings that are right, or a list of everything that is wrong. */
import type { z } from 'zod'
import { clean } from '../clean.js'
import { UsageError } from '../errors.js'
import { overlay, type RawSettings } from './raw.js'
import {
  clientSchema,
  serverSchema,
  settings,
  settingsOf,
  SETTING_KEYS,
  type ClientSettings,
  type ServerSettings,
  type SettingKey,
  type Side,
} from './settings.js'
import { userListProblems } from './users.js'

export type Resolved = { side: 'client'; settings: ClientSettings } | { side: 'server'; settings: ServerSettings }

/**
 * @param chosen `--mode`, or the command `server` or `client`; null: found from what is there
 * @throws UsageError with one problem per line
 */
export function resolveSettings(chosen: Side | null, flags: RawSettings, file: RawSettings = {}): Resolved {
  const raw = overlay(flags, file)
  const side = chosen ?? sideOf(raw)
  const problems = [...wrongSide(side, raw), ...contradictions(raw)]
  if (side === 'client' && raw.server === undefined) {
    problems.push('a client needs a server: --server HOST:PORT, or Address in [Server] of a file')
  }
  const input = Object.fromEntries(settingsOf(side).flatMap((key) => inputOf(raw, key)))
  const parsed = side === 'client' ? clientSchema.safeParse(input) : serverSchema.safeParse(input)
  if (!parsed.success) for (const issue of parsed.error.issues) problems.push(...problemOf(issue, raw))
  if (parsed.success && side === 'server') problems.push(...userProblems(parsed.data as ServerSettings, raw))
  if (parsed.success && side === 'client') problems.push(...clientProblems(parsed.data as ClientSettings, raw))
  if (problems.length > 0 || !parsed.success) throw new UsageError(shortened([...new Set(problems)]).join('\n'))
  return { side, settings: parsed.data } as Resolved
}

/** What is wrong with the values alone, of whichever side; for a file of which not everything is understood. */
export function valueProblems(raw: RawSettings): string[] {
  const problems = [clientSchema.partial(), serverSchema.partial()].flatMap((schema) => {
    const keys = SETTING_KEYS.filter((key) => key in schema.shape)
    const parsed = schema.safeParse(Object.fromEntries(keys.flatMap((key) => inputOf(raw, key))))
    return parsed.success ? [] : parsed.error.issues.flatMap((issue) => problemOf(issue, raw))
  })
  return shortened([...new Set(problems)])
}

/** As the seed does it: what listens is a server, what has a server's address is a client. */
function sideOf(raw: RawSettings): Side {
  const [server, client] = [raw.listen?.[0], raw.server?.[0]]
  if (server && client) {
    throw new UsageError(
      `${server.origin} belongs to a server and ${client.origin} to a client; say which with --mode server or --mode client`,
    )
  }
  if (server) return 'server'
  if (client) return 'client'
  throw new UsageError('which side is this? Write `mqvpn server …`, `mqvpn client …` or --mode server|client')
}

function inputOf(raw: RawSettings, key: SettingKey): [SettingKey, string | string[]][] {
  const given = raw[key]
  if (given === undefined) return []
  const { kind, most = Infinity } = settings[key]
  // One more than there may be is refused as all of them would be, and sooner.
  const texts = given.slice(0, most + 1).map(({ value }) => value)
  return [[key, kind === 'list' ? texts : texts[0]!]]
}

function wrongSide(side: Side, raw: RawSettings): string[] {
  return SETTING_KEYS.flatMap((key) => {
    const other = settings[key].side
    if (other === 'both' || other === side) return []
    return (raw[key] ?? []).slice(0, 1).map(({ origin }) => `${origin}: is for a ${other}, and this is a ${side}`)
  })
}

/** Pairs of which only one can be meant. */
function contradictions(raw: RawSettings): string[] {
  const problems: string[] = []
  const given = (key: SettingKey): string | null => raw[key]?.[0]?.origin ?? null
  const exclude = (a: SettingKey, b: SettingKey, why: string): void => {
    const [first, second] = [given(a), given(b)]
    if (first !== null && second !== null) problems.push(`${first} and ${second} contradict each other: ${why}`)
  }
  const insecure = raw.insecure?.[0]
  if (insecure !== undefined && !/^(false|no|off|0)$/i.test(insecure.value)) {
    exclude('insecure', 'pin', 'a pin would be checked, everything accepted not')
    exclude('insecure', 'ca', 'an authority would be checked, everything accepted not')
  }
  exclude('pin', 'ca', 'a pin trusts one certificate, whoever signed it')
  for (const file of ['cert', 'key'] as const) exclude('acme', file, 'a certificate is either ordered or given')
  // Not of the port: `config show --json` writes its default, too.
  for (const key of ['acmeEmail', 'acmeDirectory'] as const) {
    if (given(key) !== null && given('acme') === null) {
      problems.push(`${given(key)}: says how a certificate is ordered, but none is: add --acme DOMAIN`)
    }
  }
  if (raw.authKey && raw.authKeyFile) {
    problems.push(`${given('authKey')} and ${given('authKeyFile')}: give the key once`)
  }
  if (given('cert') !== null && given('key') === null) {
    problems.push(`${given('cert')}: a certificate needs its private key: --key PATH`)
  }
  if (given('key') !== null && given('cert') === null) {
    problems.push(
      `${given('key')}: this private key needs its certificate: --cert PATH (the key for clients is --auth-key-file)`,
    )
  }
  return problems
}

function clientProblems({ path, allowedIps, exclude }: ClientSettings, raw: RawSettings): string[] {
  const twice = path.flatMap(({ device }, i) => {
    const origin = raw.path?.[i]?.origin ?? '--path'
    const again = path.slice(0, i).some((other) => other.device === device)
    return again ? [`${origin} ${device}: this interface is given twice`] : []
  })
  const wanted = new Set(allowedIps)
  const both = exclude.flatMap((network, i) =>
    wanted.has(network)
      ? [
          `${raw.exclude?.[i]?.origin ?? '--exclude'} ${network}: is also in ${raw.allowedIps?.[0]?.origin ?? '--allowed-ips'}`,
        ]
      : [],
  )
  return [...twice, ...both]
}

function userProblems(parsed: ServerSettings, raw: RawSettings): string[] {
  return userListProblems(parsed).map(({ setting, index, text }) => {
    const origin = raw[setting]?.[index]?.origin ?? settings[setting].flag
    return `${origin}: ${text}`
  })
}

/** Nobody reads more of them. */
const PROBLEMS_MOST = 20

function shortened(problems: string[]): string[] {
  if (problems.length <= PROBLEMS_MOST) return problems
  return [...problems.slice(0, PROBLEMS_MOST), `and ${problems.length - PROBLEMS_MOST} more`]
}

const VALUE_MOST = 100
/** A message may say the value once more, and what is right besides. */
const MESSAGE_MOST = 300

/** A text from a file may have anything in it, line ends and colours of the terminal included. */
function shown(text: string, most: number): string {
  return clean(text.length > most ? `${text.slice(0, most)}…` : text)
}

/** `--mtu 100: write 1280 to 9000, …`; a secret stays out. */
function problemOf(issue: z.core.$ZodIssue, raw: RawSettings): string[] {
  const [key, index] = issue.path as [SettingKey, number | undefined]
  const given = raw[key]?.[index ?? 0]
  // What is missing has been told already.
  if (given === undefined) return []
  if (issue.code === 'too_big') return [`${raw[key]?.at(-1)?.origin}: ${issue.message}`]
  const isFlag = given.origin.startsWith('--')
  const text = shown(given.value, VALUE_MOST)
  const value = settings[key].secret ? '' : isFlag ? ` ${text || "''"}` : ` = ${text}`
  return [`${given.origin}${value}: ${shown(issue.message, MESSAGE_MOST)}`]
}
