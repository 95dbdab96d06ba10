/** What a scenario says about the VPNs that are compared. Builders of plain data; `subject.ts` validates it. */

interface Named {
  /** Tells two subjects of one kind apart: becomes the id and the label. */
  name?: string
}

export interface MptcpOptions<N extends string> extends Named {
  /** Which paths it may use; default all. */
  paths?: readonly N[]
}

export interface OnePath<N extends string> extends Named {
  /** The path that it runs over; default the first of the scenario. */
  path?: N
}

export const OPENVPN_CIPHERS = ['AES-128-GCM', 'AES-256-GCM', 'CHACHA20-POLY1305'] as const
export interface OpenvpnOptions<N extends string> extends OnePath<N> {
  /** Default `'AES-128-GCM'`. */
  cipher?: (typeof OPENVPN_CIPHERS)[number]
}

export interface FastdOptions<N extends string> extends OnePath<N> {
  /** As fastd's own `method` setting. Default `'salsa2012+umac'`. */
  method?: string
}

export const MQVPN_SCHEDULERS = ['wlb', 'minrtt'] as const
export const MQVPN_CONGESTION_CONTROLS = ['bbr', 'cubic', 'none'] as const
export interface MqvpnOptions<N extends string> extends Named {
  /** Which paths it may use; default all. */
  paths?: readonly N[]
  /** Instead of `paths`: this one alone. */
  path?: N
  /** Default: mqvpn's own, `'wlb'`. */
  scheduler?: (typeof MQVPN_SCHEDULERS)[number]
  /** Default: mqvpn's own, `'bbr'`. */
  cc?: (typeof MQVPN_CONGESTION_CONTROLS)[number]
}

/** How `command` knows that a side is ready: any one of these, polled. */
export type ReadyWhen =
  /** A shell command line that ends with status 0. */
  | string
  /** This network device exists and is up. */
  | { readonly device: string }
  /** This regular expression matches what the side has written. */
  | { readonly output: string }

export interface CommandSide {
  /** A line for `/bin/sh -c`, or program and arguments. It stays in the foreground, or puts itself into the background. */
  start: string | readonly string[]
  ready: ReadyWhen
  /** Run before the side's processes are ended; default only SIGTERM, then SIGKILL. */
  stop?: string | readonly string[]
  /** Added to the environment. */
  env?: Readonly<Record<string, string>>
}

/**
 * Any other VPN. In every string of `server`, `client`, `target` and `device` these are replaced:
 *
 * | placeholder | becomes |
 * |---|---|
 * | `{server.address}` `{server.address6}` | the server's one address, which every path leads to |
 * | `{server.address.a}` `{server.address6.a}` | the server's address on path `a` |
 * | `{client.address.a}` `{client.address6.a}` | the client's address on path `a` |
 * | `{client.dev.a}` `{server.dev.a}` | the device of path `a` |
 * | `{workdir}` | a fresh folder of this repeat, for keys, configuration and logs |
 * | `{port}` | a UDP and TCP port that nothing uses |
 * | `{lab}` | the lab's unique name |
 *
 * `{{` and `}}` stand for braces.
 */
export interface CommandOptions {
  /** Becomes the id and the label. */
  name: string
  /** A shell command line that prints the version. */
  version?: string
  /** Paths that it may use, for reports and baselines; default all. */
  paths?: readonly string[]
  server: CommandSide
  client: CommandSide
  /** Where the traffic goes: the server's address inside the VPN. */
  target: string
  /** Device that the client's load programs bind to; default the kernel's choice. */
  device?: string
  /** false: the VPN carries no UDP, so the probe runs over TCP. Default true. */
  udp?: boolean
}

type Kind<N extends string> =
  | ({ kind: 'direct' } & OnePath<N>)
  | ({ kind: 'mptcp' } & MptcpOptions<N>)
  | ({ kind: 'mqvpn' } & MqvpnOptions<N>)
  | ({ kind: 'wireguard-go' } & OnePath<N>)
  | ({ kind: 'openvpn' } & OpenvpnOptions<N>)
  | ({ kind: 'fastd' } & FastdOptions<N>)
  | ({ kind: 'command' } & CommandOptions)

/** N are the path names that it mentions. */
export type SubjectInput<N extends string = string> = Readonly<Kind<N>>

/** Kept on an object so that an editor lists what there is after `subjects.` */
export const subjects = {
  /** Plain traffic over one path. Added for every path without being asked: it gives the baselines. */
  direct: <const N extends string = never>(options: OnePath<N> = {}): SubjectInput<N> => ({
    ...options,
    kind: 'direct',
  }),
  /** Kernel Multipath TCP without a VPN: TCP only. */
  mptcp: <const N extends string = never>(options: MptcpOptions<N> = {}): SubjectInput<N> => ({
    ...options,
    kind: 'mptcp',
  }),
  /** The VPN of this package, by its command line. */
  mqvpn: <const N extends string = never>(options: MqvpnOptions<N> = {}): SubjectInput<N> => ({
    ...options,
    kind: 'mqvpn',
  }),
  wireguardGo: <const N extends string = never>(options: OnePath<N> = {}): SubjectInput<N> => ({
    ...options,
    kind: 'wireguard-go',
  }),
  /** OpenVPN 2 over UDP. */
  openvpn: <const N extends string = never>(options: OpenvpnOptions<N> = {}): SubjectInput<N> => ({
    ...options,
    kind: 'openvpn',
  }),
  fastd: <const N extends string = never>(options: FastdOptions<N> = {}): SubjectInput<N> => ({
    ...options,
    kind: 'fastd',
  }),
  /** Any other VPN, by its command lines. */
  command: (options: CommandOptions): SubjectInput<never> => ({ ...options, kind: 'command' }),
}
