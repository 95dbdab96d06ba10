/**
 * The command line: `mqvpn server`, `mqvpn client`, and the seed's own spelling `mqvpn --mode server|client`. Flags come
 * from the table in `config/settings.ts`; here they only become raw settings.
 */
import { Command, Option } from 'commander'
import { packageVersion } from '../common/package.js'
import { didYouMean, nearest } from '../common/suggest.js'
import { overlay, type Given, type RawSettings } from './config/raw.js'
import { settings, SETTING_KEYS, type SettingKey, type Side } from './config/settings.js'
import { EXIT_CODE_HELP } from './exit-codes.js'
import { UsageError } from './errors.js'
import type { StatusOptions } from './status/command.js'

/** What the command line asks for. */
export type Request =
  | { verb: 'run'; side: Side | null; config: string | null; flags: RawSettings }
  | { verb: 'genkey' }
  | { verb: 'status'; options: StatusOptions }

const GROUPS = { both: 'General:', client: 'Client:', server: 'Server:' } as const

const EXAMPLES = `
Examples:
  (umask 077; mqvpn genkey > /etc/mqvpn.key)               make a key, and copy it to the client
  sudo mqvpn server --auth-key-file /etc/mqvpn.key         prints the line to paste on the client
  sudo mqvpn client --server 203.0.113.1:443 --pin … --auth-key-file /etc/mqvpn.key
  sudo mqvpn client … --path eth0 --path wlan0             over two interfaces
  sudo mqvpn --config /etc/mqvpn/client.conf               everything from a file
  sudo mqvpn status --watch                                what is going on

`

/** @param onRequest called once, unless the command line was help, version or wrong */
export function program(onRequest: (request: Request) => void): Command {
  const root = new Command('mqvpn')
    .description('A VPN over several links: MASQUE CONNECT-IP over Multipath QUIC.')
    .usage('[server|client] [--config PATH] [options]')
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
  root.action(() => {
    const [word] = root.args
    if (word !== undefined)
      throw notACommand(
        word,
        root.commands.map((command) => command.name()),
      )
    const { genkey, mode } = root.opts<{ genkey?: boolean; mode?: string }>()
    if (genkey) onRequest({ verb: 'genkey' })
    else onRequest({ verb: 'run', side: sideOf(mode), config: configOf(root), flags: given(root) })
  })

  for (const side of ['server', 'client'] as const) {
    const command = root
      .command(side)
      .description(side === 'server' ? 'take clients and carry their packets' : 'connect to a server')
      .helpOption('-h, --help', 'show help')
    configOptions(command)
    addSettings(command, side)
    command.action(() => {
      const mode = sideOf(root.opts<{ mode?: string }>().mode)
      if (mode !== null && mode !== side)
        throw new UsageError(`\`mqvpn ${side}\` and --mode ${mode} contradict each other`)
      const config = configOf(command) ?? configOf(root)
      onRequest({ verb: 'run', side, config, flags: overlay(given(command), given(root)) })
    })
  }

  root
    .command('genkey')
    .description('generate a random key: 32 bytes, base64')
    .action(() => onRequest({ verb: 'genkey' }))
  root
    .command('status')
    .description('show what a running client or server does')
    .option('--json', 'everything, as JSON')
    .option('--watch', 'refresh every second until interrupted')
    .option('--name <NAME>', 'TUN device name (default: mqvpn0, or the only one that runs)')
    .option('--control <PATH>', 'control socket, when it was started with --control')
    .action((options: StatusOptions) => onRequest({ verb: 'status', options }))

  for (const command of [root, ...root.commands]) {
    command
      .exitOverride()
      .allowExcessArguments(command === root)
      .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'mqvpn: ')) })
      .showHelpAfterError('(mqvpn --help shows what there is)')
  }
  return root
}

/** A word that is near to none is not shown: it may be a key whose flag was forgotten. */
function notACommand(word: string, known: readonly string[]): UsageError {
  const candidate = nearest(word, known)
  return new UsageError(
    candidate === null
      ? `there is a word too many; commands are ${known.join(', ')}, and everything else is a flag`
      : `there is no command "${word}"; did you mean "${candidate}"?`,
  )
}

const general = (flags: string, help: string): Option => new Option(flags, help).helpGroup(GROUPS.both)

function configOptions(command: Command): void {
  command.addOption(general('--config <PATH>', 'INI config file (flags override it)'))
}

function configOf(command: Command): string | null {
  return command.opts<{ config?: string }>().config ?? null
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
    const { flag, kind, means = true } = settings[key]
    const name = attributeOf(key, flag)
    if (command.getOptionValueSource(name) !== 'cli') continue
    const value = command.getOptionValue(name) as string | string[] | boolean
    const texts = kind === 'switch' ? [`${means}`] : [value].flat().map(String)
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
