/**
 * nftables, as JSON (libnftables-json(5)): names of devices and addresses are strings of a document, and can never become
 * rules. What is given to `commit` is one transaction of the kernel: all of it is in force, or nothing.
 */
import { execa } from 'execa'
import { MachineError, VpnError } from '../errors.js'

export type NftCommand = Record<string, unknown>
/** An expression or a statement of a rule. */
export type NftExpression = Record<string, unknown>

/** What `nft` ended with; `missing`: there is no such program. */
export interface NftResult {
  code: number
  stdout: string
  stderr: string
  missing?: boolean
}

/** Runs nft with these arguments; tests have another. Does not throw. */
export type NftRunner = (args: readonly string[]) => Promise<NftResult>

/** nft waits for nobody but other writers, which take milliseconds. */
const TIMEOUT_MS = 20_000
/** Where nft is, which is not in the PATH of everybody who can be root. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin'
/** The kernel's NFT_NAME_MAXLEN is far more; a device has at most 15. */
const MOST_OF_DEVICE = 15

export const nftRunner =
  (program = 'nft'): NftRunner =>
  async (args) => {
    const result = await execa(program, args, {
      stdin: 'ignore',
      reject: false,
      timeout: TIMEOUT_MS,
      // Messages are compared below.
      env: { PATH: `${process.env['PATH'] ?? ''}:${SYSTEM_PATH}`, LC_ALL: 'C' },
    })
    const stderr = result.timedOut
      ? `no answer within ${TIMEOUT_MS / 1000} s`
      : result.stderr || (result.shortMessage ?? '')
    return {
      code: result.exitCode ?? 127,
      stdout: result.stdout,
      stderr,
      missing: result.code === 'ENOENT',
    }
  }

export class Nft {
  readonly #run: NftRunner

  constructor(run: NftRunner = nftRunner()) {
    this.#run = run
  }

  /** Throws a MachineError when there is no nft here. For before a change is noted. */
  async expectHere(): Promise<void> {
    expectStarted(await this.#run(['--version']))
  }

  /** @param what for the message: `the kill switch cannot be put up` */
  async commit(what: string, commands: readonly NftCommand[]): Promise<void> {
    // Not by standard input: with JSON nft opens /dev/stdin by its name, which fails on the socket that a child of Node has
    // there. These are a few kB.
    const result = await this.#run(['-j', JSON.stringify({ nftables: commands })])
    if (result.code !== 0) throw failure(what, result)
  }

  /** Everything that is there: objects such as `{ chain: … }`. */
  async ruleset(what: string): Promise<Record<string, Record<string, unknown>>[]> {
    const result = await this.#run(['-j', 'list', 'ruleset'])
    if (result.code !== 0) throw failure(what, result)
    try {
      return (JSON.parse(result.stdout) as { nftables: Record<string, Record<string, unknown>>[] }).nftables
    } catch {
      throw new VpnError(`${what}: nft -j list ruleset: what it says is no JSON`)
    }
  }
}

/**
 * A table in place of what is there under its name. To delete what may not be there is an error, so it is added first;
 * nobody sees the moment without rules, since all is one transaction.
 */
export function replaceTable(name: string, content: readonly NftCommand[]): NftCommand[] {
  return [...removeTable(name), { add: { table: { family: 'inet', name } } }, ...content]
}

/** No error when there is none. */
export function removeTable(name: string): NftCommand[] {
  const table = { table: { family: 'inet', name } }
  return [{ add: table }, { delete: table }]
}

export function addSet(table: string, name: string, type: readonly string[], elements: readonly unknown[]): NftCommand {
  const elem = elements.length > 0 ? { elem: elements } : {}
  return { add: { set: { family: 'inet', table, name, type, ...elem } } }
}

/** Name, `type HOOK priority; policy`. */
export interface BaseChain {
  name: string
  type: 'filter' | 'nat'
  hook: 'forward' | 'output' | 'postrouting'
  prio: number
  policy: 'accept' | 'drop'
}

export function addChain(table: string, chain: BaseChain): NftCommand {
  return { add: { chain: { family: 'inet', table, ...chain } } }
}

export function addRule(table: string, chain: string, ...expr: NftExpression[]): NftCommand {
  return { add: { rule: { family: 'inet', table, chain, expr } } }
}

export const match = (left: NftExpression, right: unknown, op: '==' | '!=' = '=='): NftExpression => ({
  match: { op, left, right },
})
export const meta = (key: string): NftExpression => ({ meta: { key } })
export const payload = (protocol: string, field: string): NftExpression => ({ payload: { protocol, field } })
export const ACCEPT: NftExpression = { accept: null }

/**
 * The table of an instance. Devices have letters, digits, `_`, `-` and `.`, tables no `-` or `.` at their command line; what is
 * written in another way comes after `_`, and so two names never become one.
 */
export function tableName(prefix: 'mqvpn_' | 'mqvpn_kill_', tunName: string): string {
  const bytes = [...Buffer.from(expectDevice(tunName))]
  const coded = bytes.map((byte) => {
    const character = String.fromCharCode(byte)
    if (/[A-Za-z0-9]/.test(character)) return character
    return character === '_' ? '__' : `_${byte.toString(16).padStart(2, '0')}`
  })
  return prefix + coded.join('')
}

/** In a rule `eth*` is a pattern, and `@eth` a set. */
export function expectDevice(name: string): string {
  if (!/^[^\s/*@"\\$]+$/.test(name) || Buffer.byteLength(name) > MOST_OF_DEVICE) {
    throw new VpnError(
      `${JSON.stringify(name)}: cannot be the name of a device in a firewall rule; rename it to at most ${MOST_OF_DEVICE} letters, digits, -, _ and . (\`ip link set … name …\`)`,
    )
  }
  return name
}

function expectStarted({ missing }: NftResult): void {
  if (missing !== true) return
  throw new MachineError('nft is not here; install the package nftables')
}

function failure(what: string, result: NftResult): VpnError {
  if (result.missing === true) {
    return new MachineError(`${what}: nft is not here; install the package nftables`)
  }
  const said = firstLine(result.stderr) || firstLine(result.stdout) || `nft ended with ${result.code}`
  if (/Operation not permitted|must be root/i.test(result.stderr)) {
    return new MachineError(`${what}: nft: ${said}; run mqvpn as root, or give it CAP_NET_ADMIN`)
  }
  if (/not supported|cache initialization failed|Unable to initialize Netlink/i.test(result.stderr)) {
    return new MachineError(
      `${what}: nft: ${said}; the kernel lacks a part of nftables (\`modprobe -a nf_tables nft_masq nft_rt\`, as root; a container needs them on its host)`,
    )
  }
  return new VpnError(`${what}: nft: ${said}; \`nft list ruleset\` shows what is there`)
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? ''
}
