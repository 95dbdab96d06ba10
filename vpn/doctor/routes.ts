/** The way to the internet, and the filters that drop what comes back another way. */
import { ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

const CONF = '/proc/sys/net/ipv4/conf'

export function routes(machine: Machine): Finding[] {
  return [...defaultRoute(machine), ...reversePathFilter(machine)]
}

function defaultRoute(machine: Machine): Finding[] {
  const families = [
    ...(hasDefault4(machine.read('/proc/net/route')) ? ['IPv4'] : []),
    ...(hasDefault6(machine.read('/proc/net/ipv6_route')) ? ['IPv6'] : []),
  ]
  if (families.length > 0) return [ok('routes', `there is a default route (${families.join(' and ')})`)]
  return [
    warn(
      'routes',
      'there is no default route: only servers in a network of this host can be reached',
      '`ip route` shows what there is; is a cable or a network missing?',
    ),
  ]
}

/** Interface, destination, gateway, flags, …, mask: hexadecimal. */
function hasDefault4(table: string | null): boolean {
  return lines(table).some((line) => {
    const [, destination, , flags = '0', , , , mask] = line.split(/\s+/)
    return destination === '00000000' && mask === '00000000' && (parseInt(flags, 16) & UP) !== 0
  })
}

/** Destination, its prefix, source, its prefix, next hop, metric, …, flags, device. */
function hasDefault6(table: string | null): boolean {
  return lines(table).some((line) => {
    const words = line.trim().split(/\s+/)
    // The kernel's own entry that refuses everything is one of lo.
    return /^0{32}$/.test(words[0] ?? '') && words[1] === '00' && words[9] !== 'lo'
  })
}

/** RTF_UP and not RTF_REJECT */
const UP = 0x0001

function lines(text: string | null): string[] {
  return (text ?? '').split('\n').filter((line) => line.trim() !== '')
}

/** ip-sysctl: "The max value from conf/{all,interface}/rp_filter is used"; 1 is strict. */
function reversePathFilter(machine: Machine): Finding[] {
  const valueOf = (name: string): number => Number(machine.read(`${CONF}/${name}/rp_filter`)?.trim() ?? 0)
  const all = valueOf('all')
  const devices = machine.list(CONF).filter((name) => !['all', 'default', 'lo'].includes(name))
  const strict = devices.filter((name) => Math.max(all, valueOf(name)) === 1)
  if (strict.length < 2) return [ok('rp_filter', 'no strict reverse-path filter is in the way of several links')]
  return [
    warn(
      'rp_filter',
      `strict on ${strict.join(', ')}: with several links, answers that come by another one than the routes say are dropped`,
      strict.map((name) => `sysctl -w net.ipv4.conf.${name}.rp_filter=2`).join('; '),
    ),
  ]
}
