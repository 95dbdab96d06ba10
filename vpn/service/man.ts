/** mqvpn(8), from the same table as the command line: `service/mqvpn.8`. */
import type { Command } from 'commander'
import { settings, SETTING_KEYS } from '../config/settings.js'
import { EXIT_CODE_HELP } from '../exit-codes.js'
import { specOf, type CommandSpec, type FlagSpec } from './completion/spec.js'

export function manPage(root: Command, version: string): string {
  const [main, ...commands] = specOf(root)
  const shared = new Set(main!.flags.flatMap(({ flags }) => flags))
  const parts = [
    `.\\" Made by ci/man.ts; changes are lost.`,
    // No date: the page changes with what it is made from, and with nothing else.
    `.TH MQVPN 8 "" "mqvpn ${roff(version)}" "System Administration"`,
    section('NAME', 'mqvpn \\- a VPN over several links: MASQUE CONNECT\\-IP over Multipath QUIC'),
    section('SYNOPSIS', synopsis(commands)),
    section('DESCRIPTION', DESCRIPTION),
    section(
      'COMMANDS',
      commands
        .filter(isLeaf)
        .map((one) => entry(one, shared))
        .join('\n'),
    ),
    section(
      'OPTIONS',
      main!.flags
        .filter(({ flags }) => !isMeta(flags))
        .map(flag)
        .join('\n'),
    ),
    section('CONFIGURATION FILES', configuration()),
    section('EXIT STATUS', exitCodes()),
    section('SIGNALS', SIGNALS),
    section('FILES', list(FILES)),
    section('ENVIRONMENT', list(ENVIRONMENT)),
    section('EXAMPLES', EXAMPLES),
    section('SEE ALSO', '.BR ip (8),\n.BR nft (8),\n.BR resolvectl (1),\n.BR systemctl (1)'),
  ]
  return `${parts.join('\n')}\n`
}

const DESCRIPTION = `A client carries the packets of its host, and of the networks behind it, through one QUIC connection to a server, over
as many links as it is given. A server takes clients and carries their packets to its own host and on.
.PP
Flags win over the environment, and that over the file.`

const SIGNALS = list([
  [
    'SIGTERM, SIGINT',
    'Close the connection and put back everything that was changed on this host. A second one ends the process at once.',
  ],
  [
    'SIGHUP',
    'A server with a configuration file, not at a terminal: read users and certificate again. Otherwise as SIGINT.',
  ],
])

const FILES: [string, string][] = [
  ['/etc/mqvpn/NAME.conf', 'Configurations of services; of mqvpn up and mqvpn down.'],
  ['/run/mqvpn/NAME.sock', 'Control socket, while it runs.'],
  ['/run/mqvpn/NAME.*.changes.json', 'What it has changed on this host; mqvpn recover takes it back after a crash.'],
  ['/var/lib/mqvpn', 'Generated certificate, keys and users of --invite, session tickets.'],
  ['/var/log/mqvpn/NAME.log', 'Log of a client that mqvpn up started without systemd.'],
]

const ENVIRONMENT: [string, string][] = [
  ['MQVPN_AUTH_KEY', 'The pre-shared key.'],
  ['SSLKEYLOGFILE', 'As --key-log.'],
  ['NO_COLOR', 'No colours.'],
  ['MQVPN_DEBUG', 'Show where a fault of mqvpn itself is.'],
]

const EXAMPLES = `A server that makes its key, and a client (the server prints the line for it):
.PP
.nf
mqvpn server \\-\\-invite
mqvpn client 'mqvpn://203.0.113.1:443?pin=SHA256#KEY'
.fi
.PP
The same with a key of your own:
.PP
.nf
(umask 077; mqvpn genkey > /etc/mqvpn.key)
mqvpn server \\-\\-auth\\-key\\-file /etc/mqvpn.key
mqvpn client \\-\\-server 203.0.113.1:443 \\-\\-pin SHA256 \\-\\-auth\\-key\\-file /etc/mqvpn.key
.fi
.PP
As services:
.PP
.nf
systemctl enable \\-\\-now mqvpn\\-server
systemctl enable \\-\\-now mqvpn\\-client@home
.fi`

function section(title: string, body: string): string {
  return `.SH ${title}\n${body}`
}

/** One that has commands below it does nothing by itself. */
function isLeaf({ commands }: CommandSpec): boolean {
  return commands.length === 0
}

function synopsis(commands: readonly CommandSpec[]): string {
  const lines = commands.filter(isLeaf).map(({ path, argument, flags }) => {
    const options = flags.some((one) => !isMeta(one.flags)) ? '\n.RI [ options ]' : ''
    const rest = argument === null ? '' : `\n.RI [ ${roff(argument.name)} ]`
    return `.B mqvpn ${roff(path.join(' '))}${options}${rest}`
  })
  return ['.B mqvpn \\-\\-config\n.I FILE', ...lines].join('\n.br\n')
}

/** Options that stand under OPTIONS are not told again with each command. */
function entry({ path, help, flags, argument }: CommandSpec, shared: ReadonlySet<string>): string {
  const own = flags.filter((one) => !isMeta(one.flags) && !one.flags.every((name) => shared.has(name)))
  const rest = argument === null ? '' : ` \\fI${roff(argument.name)}\\fR`
  const below = own.length === 0 ? [] : ['.RS', ...own.map(flag), '.RE']
  return [`.TP\n\\fB${roff(path.join(' '))}\\fR${rest}\n${sentence(help)}`, ...below].join('\n')
}

const isMeta = (flags: readonly string[]): boolean => flags.includes('--help') || flags.includes('--version')

function flag({ flags, help, value }: FlagSpec): string {
  const names = flags.map((name) => `\\fB${roff(name)}\\fR`).join(', ')
  return `.TP\n${names}${value === null ? '' : ` \\fI${roff(value.name)}\\fR`}\n${sentence(help)}`
}

function configuration(): string {
  const rows = SETTING_KEYS.flatMap((key) => {
    const { file, flag: name } = settings[key]
    return file === undefined ? [] : [`.TP\n\\fB[${roff(file[0])}] ${roff(file[1])}\\fR\n\\fB${roff(name)}\\fR`]
  })
  return [
    'Lines of \\fB[Section]\\fR and \\fBKey = value\\fR; \\fB#\\fR begins a comment. Each key is the same as a flag:',
    ...rows,
  ].join('\n')
}

function exitCodes(): string {
  const rows = [...EXIT_CODE_HELP.matchAll(/^ {2}(\d+) +(.+)$/gm)]
  return rows.map(([, code, means]) => `.TP\n.B ${code!}\n${sentence(means!)}`).join('\n')
}

function list(pairs: readonly [string, string][]): string {
  return pairs.map(([name, means]) => `.TP\n.B ${roff(name)}\n${roff(means)}`).join('\n')
}

/** Help texts begin small and end without a full stop. */
function sentence(help: string): string {
  const text = help.charAt(0).toUpperCase() + help.slice(1)
  return roff(/[.)]$/.test(text) ? text : `${text}.`)
}

/** man(7): a backslash, a hyphen that is to be copied, and what begins a line with a meaning of its own. */
export function roff(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replaceAll('“', '"')
    .replaceAll('”', '"')
    .replaceAll('`', "'")
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped
}
