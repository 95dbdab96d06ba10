/**
 * Every setting once: its flag, its key in a configuration file, which side has it, and what it may be. The command line,
 * the file reader, the help text and the validation all come from this table. Flags, file keys and defaults of the seed
 * (reference: its README, "Usage" and "Configuration File") are kept as they are.
 */
import { z } from 'zod'
import { LOG_LEVELS } from '../log.js'
import { metricsEndpoint } from '../metrics/endpoint.js'
import * as values from './values.js'

export type Side = 'client' | 'server'
/** `switch`: a flag without a value. `list`: may be repeated. */
export type Kind = 'value' | 'list' | 'switch'

export interface Setting {
  flag: string
  /** What follows the flag in the help text. */
  argument?: string
  kind: Kind
  side: Side | 'both'
  /** What the flag of a switch means; default true. */
  means?: boolean
  help: string
  /** Section and key of a configuration file. */
  file: readonly [section: string, key: string]
  /** Key of a flat JSON file, where that is not the name of the setting in snake case: as the seed's later versions have it. */
  json?: string
  /** In a file, several values with commas in between. */
  commas?: boolean
  /** Never shown in a message. */
  secret?: boolean
  /** At most so many. */
  most?: number
}

const both = { side: 'both' } as const
const client = { side: 'client' } as const
const server = { side: 'server' } as const

export const SETTINGS = {
  // Both sides.
  tunName: {
    ...both,
    flag: '--tun-name',
    argument: 'NAME',
    kind: 'value',
    file: ['Interface', 'TunName'],
    help: 'TUN device name (default: mqvpn0)',
  },
  scheduler: {
    ...both,
    flag: '--scheduler',
    argument: 'minrtt|wlb',
    kind: 'value',
    file: ['Multipath', 'Scheduler'],
    help: 'multipath scheduler (default: wlb)',
  },
  duplicate: {
    ...both,
    flag: '--no-duplicate',
    kind: 'switch',
    means: false,
    file: ['Multipath', 'Duplicate'],
    help: 'do not send the packets of small flows (calls, terminals) over two paths at once',
  },
  cc: {
    ...both,
    flag: '--cc',
    argument: 'bbr|cubic|none',
    kind: 'value',
    file: ['Multipath', 'CC'],
    help: 'congestion control (default: bbr; none is for experiments)',
  },
  mtu: {
    ...both,
    flag: '--mtu',
    argument: 'N',
    kind: 'value',
    file: ['Interface', 'MTU'],
    help: 'TUN MTU, 1280 to 9000 (default: 0, follow the path MTU)',
  },
  authKey: {
    ...both,
    flag: '--auth-key',
    argument: 'KEY',
    kind: 'value',
    secret: true,
    file: ['Auth', 'Key'],
    help: 'pre-shared key (better: --auth-key-file, or MQVPN_AUTH_KEY in the environment)',
  },
  authKeyFile: {
    ...both,
    flag: '--auth-key-file',
    argument: 'FILE',
    kind: 'value',
    file: ['Auth', 'KeyFile'],
    help: 'file that holds the pre-shared key',
  },
  logLevel: {
    ...both,
    flag: '--log-level',
    argument: 'LEVEL',
    kind: 'value',
    file: ['Interface', 'LogLevel'],
    help: 'debug, info, warn or error (default: info)',
  },
  logFormat: {
    ...both,
    flag: '--log-format',
    argument: 'text|json',
    kind: 'value',
    file: ['Interface', 'LogFormat'],
    help: 'log lines for people or for programs (default: text)',
  },
  control: {
    ...both,
    flag: '--control',
    argument: 'PATH',
    kind: 'value',
    file: ['Interface', 'ControlSocket'],
    json: 'control_socket',
    help: 'control socket (default: /run/mqvpn/NAME.sock)',
  },
  stateDir: {
    ...both,
    flag: '--state-dir',
    argument: 'DIR',
    kind: 'value',
    file: ['Interface', 'StateDir'],
    help: 'generated certificate, session tickets (default: /var/lib/mqvpn)',
  },
  metrics: {
    ...both,
    flag: '--metrics',
    argument: 'ADDR:PORT',
    kind: 'value',
    file: ['Interface', 'Metrics'],
    help: 'serve metrics for Prometheus: PORT (of loopback), ADDR:PORT or unix:PATH (default: none)',
  },
  keyLog: {
    ...both,
    flag: '--key-log',
    argument: 'FILE',
    kind: 'value',
    file: ['Interface', 'KeyLog'],
    help: 'write TLS secrets, for wireshark (also: SSLKEYLOGFILE)',
  },
  qlog: {
    ...both,
    flag: '--qlog',
    argument: 'DIR',
    kind: 'value',
    file: ['Interface', 'Qlog'],
    help: 'write qlog traces into this folder',
  },

  // Client.
  server: {
    ...client,
    flag: '--server',
    argument: 'HOST:PORT',
    kind: 'value',
    file: ['Server', 'Address'],
    json: 'server_addr',
    help: 'server: a name, IPv4 or [IPv6] address; the port may be left out (443)',
  },
  path: {
    ...client,
    flag: '--path',
    argument: 'IFACE[:backup]',
    kind: 'list',
    most: 8,
    file: ['Multipath', 'Path'],
    json: 'paths',
    help: 'network interface to use, up to 8 (repeatable; default: what the routes say); :backup only when no other works',
  },
  multipathDraft: {
    ...client,
    flag: '--multipath-draft',
    argument: '21|10',
    kind: 'value',
    file: ['Multipath', 'Draft'],
    help: 'draft of Multipath QUIC to offer; 10 is for servers of mqvpn 0.1 (default: 21)',
  },
  pin: {
    ...client,
    flag: '--pin',
    argument: 'SHA256',
    kind: 'value',
    file: ['Server', 'Pin'],
    help: 'trust exactly the certificate with this hash, which the server prints',
  },
  ca: {
    ...client,
    flag: '--ca',
    argument: 'FILE',
    kind: 'value',
    file: ['Server', 'CA'],
    help: 'trust these authorities instead of those of the system (PEM)',
  },
  tlsServerName: {
    ...client,
    flag: '--tls-server-name',
    argument: 'NAME',
    kind: 'value',
    file: ['Server', 'ServerName'],
    help: 'name in the certificate (default: the host of --server)',
  },
  insecure: {
    ...client,
    flag: '--insecure',
    kind: 'switch',
    file: ['Server', 'Insecure'],
    help: 'accept any certificate (testing only)',
  },
  dns: {
    ...client,
    flag: '--dns',
    argument: 'ADDR',
    kind: 'list',
    most: 4,
    commas: true,
    file: ['Interface', 'DNS'],
    help: 'DNS server (repeatable, max 4)',
  },
  manageRoutes: {
    ...client,
    flag: '--no-manage-routes',
    kind: 'switch',
    means: false,
    file: ['Interface', 'ManageRoutes'],
    help: 'leave the routing table alone',
  },
  allowedIps: {
    ...client,
    flag: '--allowed-ips',
    argument: 'CIDR',
    kind: 'list',
    most: 1000,
    commas: true,
    file: ['Interface', 'AllowedIPs'],
    help: 'send only this through the tunnel (repeatable; default: all that the server carries)',
  },
  exclude: {
    ...client,
    flag: '--exclude',
    argument: 'CIDR',
    kind: 'list',
    most: 1000,
    commas: true,
    file: ['Interface', 'Exclude'],
    help: 'send this past the tunnel (repeatable)',
  },
  killSwitch: {
    ...client,
    flag: '--kill-switch',
    argument: 'off|on|always',
    kind: 'value',
    file: ['Interface', 'KillSwitch'],
    help: 'let nothing out but through the tunnel; always: after the end too, until `mqvpn recover` (default: off)',
  },
  reconnect: {
    ...client,
    flag: '--no-reconnect',
    kind: 'switch',
    means: false,
    file: ['Interface', 'Reconnect'],
    help: 'end when the connection is lost',
  },
  reconnectInterval: {
    ...client,
    flag: '--reconnect-interval',
    argument: 'S',
    kind: 'value',
    file: ['Interface', 'ReconnectInterval'],
    help: 'seconds until the first new try, at most; doubles with each (default: 0.5, then up to 30)',
  },

  // Server.
  listen: {
    ...server,
    flag: '--listen',
    argument: 'BIND:PORT',
    kind: 'value',
    file: ['Interface', 'Listen'],
    help: 'listen address (default: 0.0.0.0:443)',
  },
  subnet: {
    ...server,
    flag: '--subnet',
    argument: 'CIDR',
    kind: 'value',
    file: ['Interface', 'Subnet'],
    help: 'client IP pool (default: 10.0.0.0/24)',
  },
  subnet6: {
    ...server,
    flag: '--subnet6',
    argument: 'CIDR',
    kind: 'value',
    file: ['Interface', 'Subnet6'],
    help: 'client IPv6 pool, such as fd00::/112 (default: none)',
  },
  cert: {
    ...server,
    flag: '--cert',
    argument: 'PATH',
    kind: 'value',
    file: ['TLS', 'Cert'],
    json: 'cert_file',
    help: 'TLS certificate file, PEM (default: a self-signed one is made)',
  },
  key: {
    ...server,
    flag: '--key',
    argument: 'PATH',
    kind: 'value',
    file: ['TLS', 'Key'],
    json: 'key_file',
    help: 'TLS private key file, PEM',
  },
  acme: {
    ...server,
    flag: '--acme',
    argument: 'DOMAIN',
    kind: 'list',
    most: 100,
    file: ['TLS', 'Acme'],
    help: 'get and renew a certificate of a public authority for this name of the server (repeatable)',
  },
  acmeEmail: {
    ...server,
    flag: '--acme-email',
    argument: 'ADDR',
    kind: 'value',
    file: ['TLS', 'AcmeEmail'],
    help: 'where that authority may write to (default: none)',
  },
  acmeDirectory: {
    ...server,
    flag: '--acme-directory',
    argument: 'URL',
    kind: 'value',
    file: ['TLS', 'AcmeDirectory'],
    help: "another authority (default: Let's Encrypt)",
  },
  acmeHttp: {
    ...server,
    flag: '--acme-http',
    argument: 'PORT',
    kind: 'value',
    file: ['TLS', 'AcmeHttp'],
    help: 'TCP port that its port 80 leads to (default: 80)',
  },
  user: {
    ...server,
    flag: '--user',
    argument: 'NAME:KEY',
    kind: 'list',
    secret: true,
    file: ['Auth', 'User'],
    json: 'users',
    help: 'a key of its own for a client, or NAME:sha256:HEX of it (repeatable)',
  },
  userAddress: {
    ...server,
    flag: '--user-address',
    argument: 'NAME:ADDR',
    kind: 'list',
    file: ['Auth', 'Address'],
    help: 'always give this user this address of the pool (repeatable)',
  },
  userAllowedIps: {
    ...server,
    flag: '--user-allowed-ips',
    argument: 'NAME:CIDR',
    kind: 'list',
    file: ['Auth', 'AllowedIPs'],
    help: 'network behind this user: routed to it, and it may send from there (repeatable)',
  },
  maxClients: {
    ...server,
    flag: '--max-clients',
    argument: 'N',
    kind: 'value',
    file: ['Auth', 'MaxClients'],
    help: 'max concurrent clients (default: 64)',
  },
  clientToClient: {
    ...server,
    flag: '--no-client-to-client',
    kind: 'switch',
    means: false,
    file: ['Interface', 'ClientToClient'],
    help: 'let clients reach the server and what is behind it, but not each other',
  },
  nat: {
    ...server,
    flag: '--no-nat',
    kind: 'switch',
    means: false,
    file: ['Interface', 'NAT'],
    help: 'neither translate addresses nor switch forwarding on',
  },
} as const satisfies Record<string, Setting>

export type SettingKey = keyof typeof SETTINGS

export const settings: Readonly<Record<SettingKey, Setting>> = SETTINGS
export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[]

/** Those that a side has. */
export function settingsOf(side: Side): SettingKey[] {
  return SETTING_KEYS.filter((key) => settings[key].side === side || settings[key].side === 'both')
}

/** A text through a parser; what the parser says becomes the issue. */
function text<T>(parse: (text: string) => T) {
  return z.string().transform((value, context): T => {
    try {
      return parse(value)
    } catch (error) {
      if (!(error instanceof values.ValueError)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  })
}

const list = <T>(parse: (text: string) => T, most = Infinity) =>
  z.array(text(parse)).max(most, `at most ${most} of them`)

const common = {
  tunName: text(values.tunName).default('mqvpn0'),
  scheduler: text(values.oneOf(['minrtt', 'wlb'])).default('wlb'),
  duplicate: text(values.truth).default(true),
  cc: text(values.oneOf(['bbr', 'cubic', 'none'])).default('bbr'),
  mtu: text(values.mtu).default(0),
  authKey: text(values.authKey).optional(),
  authKeyFile: text(values.file).optional(),
  logLevel: text(values.oneOf(LOG_LEVELS)).default('info'),
  logFormat: text(values.oneOf(['text', 'json'])).default('text'),
  control: text(values.socketPath).optional(),
  stateDir: text(values.file).default('/var/lib/mqvpn'),
  metrics: text(metricsEndpoint).optional(),
  keyLog: text(values.file).optional(),
  qlog: text(values.file).optional(),
}

export const clientSchema = z.strictObject({
  ...common,
  server: text(values.serverEndpoint),
  path: list(values.path, SETTINGS.path.most).default([]),
  multipathDraft: text(values.oneOf(['21', '10'])).default('21'),
  pin: text(values.pin).optional(),
  ca: text(values.file).optional(),
  tlsServerName: text(values.serverName).optional(),
  insecure: text(values.truth).default(false),
  dns: list(values.ipAddress, SETTINGS.dns.most).default([]),
  manageRoutes: text(values.truth).default(true),
  allowedIps: list(values.network, SETTINGS.allowedIps.most).default([]),
  exclude: list(values.network, SETTINGS.exclude.most).default([]),
  killSwitch: text(values.killSwitch).default('off'),
  reconnect: text(values.truth).default(true),
  reconnectInterval: text(values.whole(1, 3600)).optional(),
})

export const serverSchema = z.strictObject({
  ...common,
  listen: text(values.listenEndpoint).default({ address: '0.0.0.0', port: 443 }),
  subnet: text(values.subnet4).default('10.0.0.0/24'),
  subnet6: text(values.subnet6).optional(),
  cert: text(values.file).optional(),
  key: text(values.file).optional(),
  // As many as the best known authority takes in one certificate.
  acme: list(values.certifiedName, SETTINGS.acme.most).default([]),
  acmeEmail: text(values.email).optional(),
  acmeDirectory: text(values.httpUrl).optional(),
  acmeHttp: text(values.whole(1, 65_535)).default(80),
  user: list(values.user).default([]),
  userAddress: list(values.userAddress).default([]),
  userAllowedIps: list(values.userNetwork).default([]),
  clientToClient: text(values.truth).default(true),
  // One address of the pool each, and every client costs memory: 65 536 is far beyond what one host serves.
  maxClients: text(values.whole(1, 65_536)).default(64),
  nat: text(values.truth).default(true),
})

export type ClientSettings = z.output<typeof clientSchema>
export type ServerSettings = z.output<typeof serverSchema>
