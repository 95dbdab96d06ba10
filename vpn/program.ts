/**
 * The command line: `mqvpn server`, `mqvpn client`, and the seed's own spelling `mqvpn --mode server|client`. Flags come
 * from the table in `config/settings.ts`; here they only become raw settings.
 */
import { Command, Option } from 'commander'
import { packageVersion } from '../common/package.js'
import { didYouMean, nearest } from '../common/suggest.js'
import type { ConfigRequest } from './config/command.js'
import type { UserRequest } from './control/user-command.js'
import { overlay, type Given, type RawSettings } from './config/raw.js'
import { settings, SETTING_KEYS, type SettingKey, type Side } from './config/settings.js'
import { EXIT_CODE_HELP } from './exit-codes.js'
import { UsageError } from './errors.js'
import type { RecoverOptions } from './host/leftovers.js'
import type { InviteRequest } from './invite/command.js'
import { SCHEME } from './invite/invitation.js'
import { addServiceCommands, type ServiceRequest } from './service/commands.js'
import type { StatusOptions } from './status/command.js'

/** What the command line asks for. */
export type Request =
  /** `config`: null when no file is named, false when none is to be read. */
  | {
      verb: 'run'
      side: Side | null
      config: string | null | false
      flags: RawSettings
      /** Of a client: `mqvpn://…`, `@FILE` or `-`. */
      invitation?: string
      /** Of a server: true without a name. */
      invite?: string | true
    }
  | { verb: 'invite'; request: InviteRequest }
  | { verb: 'config'; request: ConfigRequest }
  | { verb: 'genkey'; hash?: true }
  | { verb: 'user'; request: UserRequest }
  | { verb: 'status'; options: StatusOptions }
  | { verb: 'recover'; options: RecoverOptions }
  | ServiceRequest

const GROUPS = { both: 'General:', client: 'Client:', server: 'Server:' } as const

const EXAMPLES = `
Examples:
  sudo mqvpn server --invite                               makes a key, prints the line to paste on the client
  sudo mqvpn client 'mqvpn://203.0.113.1:443?pin=…#…'      that line
  sudo mqvpn server --auth-key-file /etc/mqvpn.key         with a key of your own, to be copied to clients
  sudo mqvpn client --server 203.0.113.1:443 --pin … --auth-key-file /etc/mqvpn.key
  sudo mqvpn client … --path eth0 --path wlan0             over two interfaces
  sudo mqvpn --config /etc/mqvpn/client.conf               everything from a file
  mqvpn config check /etc/mqvpn/client.conf                is it right? Nothing is started
  sudo mqvpn status --watch                                what is going on

`

/** @param onRequest called once, unless the command line was help, version or wrong */
export function program(onRequest: (request: Request) => void): Command {
  const root = new Command('mqvpn')
    .description('A VPN over several links: MASQUE CONNECT-IP over Multipath QUIC.')
    .usage('[server|client|config|status] [--config PATH] [options]')
    .version(`mqvpn ${packageVersion()}`, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .addHelpText('after', `${EXAMPLES}${EXIT_CODE_HELP}`)
    .enablePositionalOptions()
    .helpCommand(false)
  configOptions(root)
  root
    .addOption(general('--mode <client|server>', 'operating mode (default: from what is configured)'))
    .addOption(general('--genkey', 'generate a random key and exit'))
  addSettings(root, null)
  root.addOption(inviteOption())
  root.action(() => {
    const [word] = root.args
    if (word !== undefined)
      throw notACommand(
        word,
        root.commands.map((command) => command.name()),
      )
    const { genkey, mode } = root.opts<{ genkey?: boolean; mode?: string }>()
    const run = { verb: 'run', side: sideOf(mode), config: configOf(root), flags: given(root) } as const
    if (genkey) onRequest({ verb: 'genkey' })
    else onRequest({ ...run, ...inviteOf(root) })
  })

  for (const side of ['server', 'client'] as const) {
    const command = root
      .command(side)
      .description(side === 'server' ? 'take clients and carry their packets' : 'connect to a server')
      .helpOption('-h, --help', 'show help')
    configOptions(command)
    addSettings(command, side)
    // A client takes the flag too, but not in its help: it gets a better answer than "unknown option".
    command.addOption(side === 'server' ? inviteOption() : inviteOption().hideHelp())
    if (side === 'client')
      command.argument(
        '[INVITATION]',
        "'mqvpn://…', as a server with --invite prints it; @FILE with it, or - for standard input",
      )
    command.action(() => {
      const mode = sideOf(root.opts<{ mode?: string }>().mode)
      if (mode !== null && mode !== side)
        throw new UsageError(`\`mqvpn ${side}\` and --mode ${mode} contradict each other`)
      const config = configOf(command) ?? configOf(root)
      const invitation = command.processedArgs[0] as string | undefined
      onRequest({
        verb: 'run',
        side,
        config,
        flags: overlay(given(command), given(root)),
        ...inviteOf(root),
        ...inviteOf(command),
        ...(invitation === undefined ? {} : { invitation }),
      })
    })
  }

  root
    .command('genkey')
    .description('generate a random key: 32 bytes, base64')
    .option('--hash', 'and its hash in a second line, for User = NAME:sha256:HEX of a server')
    .action(({ hash }: { hash?: true }) => onRequest({ verb: 'genkey', ...(hash ? { hash } : {}) }))
  root
    .command('status')
    .description('show what a running client or server does')
    .option('--json', 'everything, as JSON')
    .option('--watch', 'refresh every second until interrupted')
    .option('--name <NAME>', 'TUN device name (default: mqvpn0, or the only one that runs)')
    .option('--control <PATH>', 'control socket, when it was started with --control')
    .action((options: StatusOptions) => onRequest({ verb: 'status', options }))

  root
    .command('invite')
    .description("make a client's configuration file from an invitation")
    .argument('<INVITATION>', "'mqvpn://…', @FILE with it, or - for standard input")
    .option('--write <FILE>', `write it there, for its owner alone (default: to standard output)`)
    .option('--force', 'replace a file that is there')
    .action((given: string, { write, force }: { write?: string; force?: boolean }) =>
      onRequest({ verb: 'invite', request: { given, write: write ?? null, force: force ?? false } }),
    )

  addUser(root, onRequest)
  addConfig(root, onRequest)
  root
    .command('recover')
    .description('put back what a mqvpn that was killed has left on this host')
    .option('--name <TUN>', 'of this one alone (default: of all that do not run)')
    .option('--keep-kill-switch', 'leave kill switches up')
    .action(({ name, keepKillSwitch }: { name?: string; keepKillSwitch?: boolean }) =>
      onRequest({ verb: 'recover', options: { name: name ?? null, keepKillSwitch: keepKillSwitch ?? false } }),
    )
  addServiceCommands(root, onRequest)

  for (const command of [root, ...root.commands.flatMap((one) => [one, ...one.commands])]) {
    command
      .exitOverride()
      .allowExcessArguments(command === root)
      .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'mqvpn: ')) })
      .showHelpAfterError('(mqvpn --help shows what there is)')
  }
  return root
}

function addUser(root: Command, onRequest: (request: Request) => void): void {
  const user = root.command('user').description('list, add or remove users of a running server').helpCommand(false)
  type Where = { name?: string; control?: string }
  const where = ({ name, control }: Where) => ({ tun: name ?? null, control: control ?? null })
  const sub = (name: string, help: string): Command =>
    user
      .command(name)
      .description(help)
      .option('--name <TUN>', 'TUN device name (default: mqvpn0, or the only one that runs)')
      .option('--control <PATH>', 'control socket, when it was started with --control')
  sub('list', 'show who may connect')
    .option('--json', 'as JSON')
    .action(({ json = false, ...rest }: Where & { json?: boolean }) =>
      onRequest({ verb: 'user', request: { action: 'list', json, ...where(rest) } }),
    )
  const texts = (text: string, before: string[]): string[] => [...before, text]
  sub('add', 'let somebody connect, or change a user; connections of a former key are cut')
    .argument('<USER>', 'NAME, for which a key is made; NAME:KEY; or NAME:sha256:HEX')
    .option('--address <ADDR>', 'always give it this address of the pool (repeatable)', texts, [])
    .option('--allowed-ips <CIDR>', 'network behind it (repeatable)', texts, [])
    .action((text: string, { address, allowedIps, ...rest }: Where & { address: string[]; allowedIps: string[] }) =>
      onRequest({
        verb: 'user',
        request: { action: 'add', user: text, addresses: address, networks: allowedIps, ...where(rest) },
      }),
    )
  sub('remove', 'let somebody connect no longer, and cut the connections')
    .argument('<NAME>')
    .action((name: string, rest: Where) =>
      onRequest({ verb: 'user', request: { action: 'remove', name, ...where(rest) } }),
    )
}

function addConfig(root: Command, onRequest: (request: Request) => void): void {
  const config = root
    .command('config')
    .description('check a configuration file, or show what is in force')
    .helpCommand(false)
  const ask = (request: ConfigRequest): void => onRequest({ verb: 'config', request })
  const mode = new Option('--mode <client|server>', 'operating mode (default: from what is configured)')
  config
    .command('check')
    .description('tell everything that is wrong with a configuration file; nothing is started')
    .argument('<FILE>', 'INI or JSON')
    .addOption(mode)
    .action((file: string, { mode }: { mode?: string }) => ask({ what: 'check', file, side: sideOf(mode) }))
  const show = config
    .command('show')
    .description('show every setting in force and where it comes from; keys are hidden')
    .helpOption('-h, --help', 'show help')
  configOptions(show)
  show
    .addOption(mode)
    .option('--json', 'as a JSON configuration file with the same settings')
    .option('--with-secrets', 'show keys, too')
  addSettings(show, null)
  show.action(({ mode, json = false, withSecrets = false }: { mode?: string; json?: boolean; withSecrets?: boolean }) =>
    ask({
      what: 'show',
      side: sideOf(mode ?? root.opts<{ mode?: string }>().mode),
      config: configOf(show) ?? configOf(root),
      flags: overlay(given(show), given(root)),
      json,
      withSecrets,
    }),
  )
}

/** A word that is near to none is not shown: it may be a key whose flag was forgotten. */
function notACommand(word: string, known: readonly string[]): UsageError {
  if (word.startsWith(SCHEME)) return new UsageError(`an invitation is for a client: mqvpn client '${SCHEME}…'`)
  const candidate = nearest(word, known)
  return new UsageError(
    candidate === null
      ? `there is a word too many; commands are ${known.join(', ')}, and everything else is a flag`
      : `there is no command "${word}"; did you mean "${candidate}"?`,
  )
}

const general = (flags: string, help: string): Option => new Option(flags, help).helpGroup(GROUPS.both)

const inviteOption = (): Option =>
  new Option('--invite [NAME]', 'print an invitation for a client; makes a key, or with NAME a user').helpGroup(
    GROUPS.server,
  )

function inviteOf(command: Command): { invite?: string | true } {
  const { invite } = command.opts<{ invite?: string | true }>()
  return invite === undefined ? {} : { invite }
}

function configOptions(command: Command): void {
  command
    .addOption(general('--config <PATH>', 'config file, INI or JSON (flags override it)').argParser(oneConfig))
    .addOption(general('--no-config', 'leave out the default file (/etc/mqvpn/SIDE.conf)').argParser(oneConfig))
}

/** Both flags are one option of commander, of which the last one would win in silence. @param path of --no-config, none */
function oneConfig(path: string | undefined, before: string | false | undefined): string | false {
  if (before === undefined || (before === false && path === undefined)) return path ?? false
  if (before !== false && path !== undefined) throw new UsageError('--config: stands here a second time')
  throw new UsageError('--config and --no-config contradict each other')
}

function configOf(command: Command): string | null | false {
  return command.opts<{ config?: string | false }>().config ?? null
}

/** Those of the other side are taken too, but not shown: they get a better answer than "unknown option". */
function addSettings(command: Command, side: Side | null): void {
  for (const key of SETTING_KEYS) {
    const setting = settings[key]
    const option = new Option(setting.flag + (setting.argument ? ` <${setting.argument}>` : ''), setting.help)
    option.helpGroup(GROUPS[setting.side])
    // Flags with a default of their own (--no-…) would look as if they had been given.
    if (setting.means === false) option.default(undefined)
    if (setting.kind === 'list')
      option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text])
    if (setting.kind === 'value') option.argParser(onlyOnce(setting.flag))
    if (side !== null && setting.side !== 'both' && setting.side !== side) option.hideHelp()
    command.addOption(option)
  }
}

/** The last one would win in silence, and the first was meant as often. */
function onlyOnce(flag: string): (text: string, before: string | undefined) => string {
  return (text, before) => {
    if (before !== undefined) throw new UsageError(`${flag}: stands here a second time`)
    return text
  }
}

function given(command: Command): RawSettings {
  const raw: RawSettings = {}
  for (const key of SETTING_KEYS) {
    const { flag, kind, means = true, commas = false } = settings[key]
    const name = attributeOf(key, flag)
    if (command.getOptionValueSource(name) !== 'cli') continue
    const value = command.getOptionValue(name) as string | string[] | boolean
    const values = kind === 'switch' ? [`${means}`] : [value].flat().map(String)
    const texts = commas ? values.flatMap((text) => text.split(',')).map((text) => text.trim()) : values
    raw[key] = texts.map((text): Given => ({ value: text, origin: flag }))
  }
  return raw
}

/** As commander names it: `--no-reconnect` → `reconnect`, `--tun-name` → `tunName`. */
function attributeOf(key: SettingKey, flag: string): string {
  return new Option(flag).attributeName() || key
}

function sideOf(mode: string | undefined): Side | null {
  if (mode === undefined) return null
  if (mode === 'client' || mode === 'server') return mode
  throw new UsageError(`--mode ${mode}: write client or server${didYouMean(mode, ['client', 'server'])}`)
}
