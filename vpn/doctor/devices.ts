/** MTU of the links: QUIC needs packets of 1200 bytes, and a tunnel inside wants 1280 of them for itself. */
import { fail, ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

const FOLDER = '/sys/class/net'
/** RFC 9000 §14: UDP payloads of at least 1200 bytes, and 48 for IPv6 and UDP. */
const LEAST = 1248
/** So that an inner IPv6 packet (RFC 8200 §5: 1280) fits into one datagram, with all headers around it. */
const COMFORTABLE = 1400
/** IFF_UP */
const UP = 0x1

export function devices(machine: Machine): Finding[] {
  const found = machine
    .list(FOLDER)
    .filter((name) => name !== 'lo' && isUp(machine, name))
    .map((name) => ({ name, mtu: Number(machine.read(`${FOLDER}/${name}/mtu`)?.trim() ?? NaN) }))
    .filter(({ mtu }) => Number.isInteger(mtu))
  if (found.length === 0) {
    return [warn('links', 'no network interface is up', '`ip link` shows them; `ip link set NAME up` switches one on')]
  }
  const bad = found.flatMap(({ name, mtu }) => {
    if (mtu < LEAST) {
      return [
        fail(
          'links',
          `${name} has an MTU of ${mtu}: QUIC does not fit`,
          `ip link set ${name} mtu 1500, or use another link`,
        ),
      ]
    }
    if (mtu < COMFORTABLE) {
      return [
        warn(
          'links',
          `${name} has an MTU of ${mtu}: the tunnel gets less than 1280, too little for IPv6 inside`,
          `a larger MTU of ${name}, if the network takes it`,
        ),
      ]
    }
    return []
  })
  const list = found.map(({ name, mtu }) => `${name} ${mtu}`).join(', ')
  return bad.length > 0 ? bad : [ok('links', `MTU: ${list}`)]
}

function isUp(machine: Machine, name: string): boolean {
  return (Number(machine.read(`${FOLDER}/${name}/flags`)?.trim() ?? 0) & UP) !== 0
}
