/**
 * The kernel's own link emulation, as words for `ip`, `tc`, `nft` and `ethtool`. Pure: nothing runs here.
 *
 *   client            middle namespace                              server
 *   NAME ════ cN ──┐        ┌── xN ════ yN ──┐        ┌── sN ════ NAME            ════ veth   ── bridge port
 *                  └─ lN ───┘                └─ rN ───┘
 *
 *   up:    cN in:  nft (blackhole, silent MTU)   xN out: tbf (rate, queue)   sN out: netem (delay, loss, …)
 *   down:  sN in:  nft                           yN out: tbf                 cN out: netem
 *
 *   NAME out, on both hosts: netem without delay (see `letGo`)
 *
 * Rate and delay are hops of their own, because netem with both keeps packets in order behind every jitter spike and so
 * loses rate. The queue is in front of the rate alone: what is under way in the delay line does not count.
 * Devices never segment late: a train of segments would be one packet to tbf and netem.
 */
import type { DirectionSpec, Loss, PathSpec } from '../scenario/types.js'
import type { LiveSpec } from './backend.js'

export interface Command {
  argv: string[]
  input?: string
  /** A feature that not every kernel names. */
  mayFail?: true
}

/** `up` or `down`. */
export type Way = 'up' | 'down'

/** Devices of path number `index` in the middle namespace. */
export interface MiddleDevices {
  clientSide: string
  serverSide: string
  left: string
  right: string
  leftBridge: string
  rightBridge: string
}

/** A full Ethernet frame without its checksum, as the kernel counts it. */
const FULL_FRAME_BYTES = 1514
/** Smallest frame: what decides how many packets fit into a rate. */
const SMALL_FRAME_BYTES = 60
/** No virtual link of a usual machine carries more; bounds the delay line of an unlimited path. */
const MOST_PACKETS_PER_SECOND = 2e6
/** Packets beyond what the delay line can hold by calculation: timers fire late, bursts are early. */
const DELAY_LINE_HEADROOM = 1000
/** Stands for "not limited": far above what veth carries, so that a rate can be set later without a new qdisc. */
const UNLIMITED_BITS_PER_SECOND = 40e9
/**
 * netem keeps packets in order only when it has a rate. This one delays a full frame by 0.12 µs.
 * Without it a packet with less jitter, or one after the delay was lowered, overtakes those before it.
 */
const IN_ORDER_RATE = '100gbit'
/** Each stays for 0.12 µs: only there to be more than the default of 1000. */
const LET_GO_PACKETS = 10_000
/** Jumbo frames of any path pass; the paths' own devices decide what is sent. */
const MIDDLE_MTU = 9200

export function middleDevices(index: number): MiddleDevices {
  const name = (letter: string): string => `${letter}${index}`
  return {
    clientSide: name('c'),
    serverSide: name('s'),
    left: name('x'),
    right: name('y'),
    leftBridge: name('l'),
    rightBridge: name('r'),
  }
}

/** Where each part of a direction sits. */
export function placesOf(devices: MiddleDevices, way: Way): { entry: string; rate: string; delay: string } {
  const { clientSide, serverSide, left, right } = devices
  return way === 'up'
    ? { entry: clientSide, rate: left, delay: serverSide }
    : { entry: serverSide, rate: right, delay: clientSide }
}

/** Null when this back end can make the path, else why not. */
export function netemCannot(path: PathSpec, has: { codel: boolean }): string | null {
  for (const way of ['up', 'down'] as const) {
    if (path[way].trace !== null) return `path ${path.name} follows a rate trace, which netem cannot`
    if (path[way].aqm === 'codel' && !has.codel)
      return `path ${path.name} wants CoDel, and this kernel has no sch_codel`
  }
  return null
}

/** The middle namespace, before any path. */
export function middleCommands(netns: string): Command[] {
  const quiet = ['all', 'default'].map((which) => `net.ipv6.conf.${which}.disable_ipv6=1`)
  return [
    { argv: ['ip', 'netns', 'add', netns] },
    // Bridges and their ports would announce themselves into the links.
    { argv: inside(netns, 'sysctl', '-q', '-w', ...quiet) },
    { argv: inside(netns, 'nft', '-f', '-'), input: `table netdev ${NFT_TABLE} {}\n` },
  ]
}

/** Everything for one path, in order. The caller brings the two outer devices up and gives them addresses. */
export function pathCommands(
  path: PathSpec,
  index: number,
  netns: { middle: string; client: string; server: string },
): Command[] {
  const devices = middleDevices(index)
  const { clientSide, serverSide, left, right, leftBridge, rightBridge } = devices
  const bridge = (name: string, ...ports: string[]): string[] => [
    // Two ports: without addresses to learn it is a wire.
    `link add name ${name} type bridge stp_state 0 forward_delay 0 ageing_time 0 mcast_snooping 0`,
    ...ports.map((port) => `link set dev ${port} mtu ${MIDDLE_MTU} master ${name} up`),
    `link set dev ${name} up`,
  ]
  const links = [
    `link add name ${clientSide} type veth peer name ${path.name} netns ${netns.client}`,
    `link add name ${serverSide} type veth peer name ${path.name} netns ${netns.server}`,
    `link add name ${left} type veth peer name ${right}`,
    ...bridge(leftBridge, clientSide, left),
    ...bridge(rightBridge, right, serverSide),
  ]
  return [
    { argv: ['ip', '-n', netns.middle, '-batch', '-'], input: links.join('\n') + '\n' },
    ...[clientSide, serverSide, left, right].flatMap((device) => segmentEarly(netns.middle, device)),
    ...[netns.client, netns.server].flatMap((host) => [...segmentEarly(host, path.name), letGo(host, path.name)]),
    ...(['up', 'down'] as const).flatMap((way) => [
      ...rateCommands('add', netns.middle, placesOf(devices, way).rate, path[way]),
      delayCommand('add', netns.middle, placesOf(devices, way).delay, path[way]),
      gateCommand(netns.middle, index, way, { blackhole: false, silentMtu: 0 }),
    ]),
  ]
}

function segmentEarly(netns: string, device: string): Command[] {
  return [
    { argv: inside(netns, 'ethtool', '-K', device, 'tso', 'off', 'gso', 'off', 'gro', 'off') },
    { argv: inside(netns, 'ethtool', '-K', device, 'tx-udp-segmentation', 'off'), mayFail: true },
  ]
}

/**
 * A packet that crosses namespaces still counts as unsent by its socket, so a sender on this machine would hold back
 * while the shaper's queue is but a few packets long (TCP small queues; seen on Linux 6.1): no queue would ever fill,
 * and no bufferbloat show. netem takes a packet from its socket as a card does, when it has left the host.
 */
function letGo(netns: string, device: string): Command {
  const words = ['root', 'handle', '3:', 'netem', 'limit', `${LET_GO_PACKETS}`, 'rate', IN_ORDER_RATE]
  return { argv: ['tc', '-n', netns, 'qdisc', 'add', 'dev', device, ...words] }
}

/**
 * How many bytes tbf may send at once. Measured: one full frame makes 1 Gbit/s a link of 470 Mbit/s, since tokens come
 * with the timer; too many make the rate of a slow link ripple by the second. 0.12 ms of the rate, but not under 5 kB.
 */
export function burstBytes(bitsPerSecond: number): number {
  return Math.max(5000, Math.round((bitsPerSecond * 0.12e-3) / 8))
}

/** Packets that the delay line can hold, so that its limit never drops. netem's own default of 1000 would. */
export function delayLinePackets(spec: Pick<DirectionSpec, 'bitsPerSecond' | 'delayMs' | 'jitterMs'>): number {
  const rate = spec.bitsPerSecond ?? Infinity
  const packetsPerSecond = Math.min(rate / (8 * SMALL_FRAME_BYTES), MOST_PACKETS_PER_SECOND)
  const longestMs = spec.delayMs + 3 * spec.jitterMs
  return Math.ceil((packetsPerSecond * longestMs) / 1000) + DELAY_LINE_HEADROOM
}

/**
 * tbf and the queue in front of it. The packet that is being sent waits in the queue for its tokens, so there is room
 * for one more than the path's queue has.
 *
 * tbf hands its `limit` on to a fifo below it whenever it is changed, whatever that fifo counts; so with a queue
 * of packets the number is packets.
 */
export function rateCommands(
  verb: 'add' | 'change',
  netns: string,
  device: string,
  spec: Pick<DirectionSpec, 'bitsPerSecond' | 'queue' | 'aqm'>,
): Command[] {
  const rate = spec.bitsPerSecond ?? UNLIMITED_BITS_PER_SECOND
  const limit = 'packets' in spec.queue ? spec.queue.packets + 1 : spec.queue.bytes + FULL_FRAME_BYTES
  const tbf = ['root', 'handle', '1:', 'tbf', 'rate', `${rate}bit`, 'burst', `${burstBytes(rate)}`, 'limit', `${limit}`]
  const commands: Command[] = [{ argv: ['tc', '-n', netns, 'qdisc', verb, 'dev', device, ...tbf] }]
  const below = queueWords(spec)
  if (below !== null) {
    // On a live link the limit of a packet queue came with tbf's; CoDel's has to be told.
    if (verb === 'add' || spec.aqm === 'codel') {
      commands.push({
        argv: ['tc', '-n', netns, 'qdisc', verb, 'dev', device, 'parent', '1:1', 'handle', '10:', ...below],
      })
    }
  }
  return commands
}

/** null: tbf's own fifo of bytes. */
function queueWords(spec: Pick<DirectionSpec, 'queue' | 'aqm'>): string[] | null {
  const { queue, aqm } = spec
  const packets = 'packets' in queue ? queue.packets : Math.ceil(queue.bytes / FULL_FRAME_BYTES)
  if (aqm === 'codel') {
    return ['codel', 'limit', `${packets + 1}`, 'target', '5ms', 'interval', '100ms', 'noecn']
  }
  return 'packets' in queue ? ['pfifo', 'limit', `${packets + 1}`] : null
}

export function delayCommand(verb: 'add' | 'change', netns: string, device: string, spec: DirectionSpec): Command {
  const words = ['limit', `${delayLinePackets(spec)}`, 'delay', microseconds(spec.delayMs)]
  if (spec.jitterMs > 0) words.push(microseconds(spec.jitterMs), 'distribution', 'normal')
  words.push(...lossWords(spec.loss))
  if (spec.duplicate > 0) words.push('duplicate', percent(spec.duplicate))
  // tc refuses to reorder without a delay, and rightly: there is nothing to skip.
  if (spec.reorder > 0 && spec.delayMs > 0) words.push('reorder', percent(spec.reorder))
  if (!spec.jitterReorders) words.push('rate', IN_ORDER_RATE)
  return { argv: ['tc', '-n', netns, 'qdisc', verb, 'dev', device, 'root', 'handle', '2:', 'netem', ...words] }
}

function lossWords(loss: Loss | null): string[] {
  if (loss === null) return []
  if (loss.kind === 'random') return ['loss', 'random', percent(loss.probability)]
  // tc-netem(8): `loss gemodel p r 1-h 1-k`; h and k are the chances to get through in the bad and the good state.
  const { toBad, toGood, lossBad, lossGood } = loss
  return ['loss', 'gemodel', ...[toBad, toGood, lossBad, lossGood].map(percent)]
}

const NFT_TABLE = 'mqvpn_bench'

/** Names of the counters of a direction. */
export function gateCounters(index: number, way: Way): { blackhole: string; mtu: string } {
  return { blackhole: `${way}${index}_blackhole`, mtu: `${way}${index}_mtu` }
}

/** What vanishes where a direction begins, before its queue. Replaced as one transaction; counters live on. */
export function gateCommand(
  netns: string,
  index: number,
  way: Way,
  spec: Pick<LiveSpec, 'blackhole' | 'silentMtu'>,
): Command {
  const chain = `${way}${index}`
  const { entry } = placesOf(middleDevices(index), way)
  const counters = gateCounters(index, way)
  const lines = [
    `add counter netdev ${NFT_TABLE} ${counters.blackhole}`,
    `add counter netdev ${NFT_TABLE} ${counters.mtu}`,
    `add chain netdev ${NFT_TABLE} ${chain} { type filter hook ingress device "${entry}" priority 0; policy accept; }`,
    `flush chain netdev ${NFT_TABLE} ${chain}`,
  ]
  const rule = (words: string): number => lines.push(`add rule netdev ${NFT_TABLE} ${chain} ${words} drop`)
  if (spec.blackhole) rule(`counter name ${counters.blackhole}`)
  // Here the length of a packet is that of IP: the Ethernet header has been taken off.
  if (spec.silentMtu > 0) rule(`ether type { ip, ip6 } meta length > ${spec.silentMtu} counter name ${counters.mtu}`)
  return { argv: inside(netns, 'nft', '-f', '-'), input: lines.join('\n') + '\n' }
}

/** All that a direction's properties amount to on a live link. */
export function changeCommands(netns: string, index: number, way: Way, spec: LiveSpec): Command[] {
  const { rate, delay } = placesOf(middleDevices(index), way)
  return [
    ...rateCommands('change', netns, rate, spec),
    delayCommand('change', netns, delay, spec),
    gateCommand(netns, index, way, spec),
  ]
}

/** Why a live link cannot be changed so, or null: these would need another queue in place of one that holds packets. */
export function cannotChange(from: LiveSpec, to: LiveSpec): string | null {
  if (to.trace !== null) return 'netem cannot follow a rate trace'
  if (from.aqm !== to.aqm) return 'netem cannot change the AQM of a live link'
  if ('packets' in from.queue !== 'packets' in to.queue) return 'netem cannot change the unit of a live queue'
  if (from.jitterReorders !== to.jitterReorders) return 'netem cannot change jitterReorders on a live link'
  return null
}

export function carrierCommand(netns: string, index: number, on: boolean): Command {
  return { argv: ['ip', '-n', netns, 'link', 'set', 'dev', middleDevices(index).clientSide, on ? 'up' : 'down'] }
}

function inside(netns: string, ...words: string[]): string[] {
  return ['ip', 'netns', 'exec', netns, ...words]
}

/** tc reads fractions; a nanosecond is finer than its clock. */
function microseconds(milliseconds: number): string {
  return `${Number((milliseconds * 1000).toFixed(3))}us`
}

function percent(probability: number): string {
  return `${Number((probability * 100).toFixed(6))}%`
}
