/** The addon, and what this kernel and this user's rights allow: found by trying. */
import { messageOf } from '../errors.js'
import type { KernelFeatures } from '../native.js'
import { fail, ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

/** Each is only faster with it. */
const FASTER = {
  tunTso: 'TCP packets cross the TUN device one by one',
  tunUso: 'UDP packets cross the TUN device one by one (Linux 6.2)',
  udpGso: 'packets are sent one by one (Linux 4.18)',
  udpGro: 'packets are received one by one (Linux 5.0)',
} as const

export function native(machine: Machine): Finding[] {
  let features: KernelFeatures
  try {
    features = machine.features()
  } catch (error) {
    const [first = '', ...rest] = messageOf(error).split('\n')
    return [fail('addon', first, rest.map((line) => line.trim()).join(' ') || 'build it again: npm run build:native')]
  }
  return [ok('addon', 'the native addon is built'), ...rights(features), ...tun(features), ...offload(features)]
}

function rights({ capNetAdmin }: KernelFeatures): Finding[] {
  if (capNetAdmin?.ok) return [ok('rights', 'CAP_NET_ADMIN is held')]
  return [
    fail(
      'rights',
      'this user may not make devices, addresses and routes (CAP_NET_ADMIN)',
      'run mqvpn, and its doctor, with sudo; a container needs --cap-add NET_ADMIN',
    ),
  ]
}

function tun({ tun, capNetAdmin }: KernelFeatures): Finding[] {
  if (tun?.ok) return [ok('tun', 'TUN devices can be made')]
  const detail = tun?.detail ?? 'unknown'
  // Without the right nothing is known about the device.
  if (!capNetAdmin?.ok && !/No such file|No such device/.test(detail)) {
    return [warn('tun', `a TUN device could not be tried: ${detail}`, 'run the doctor with sudo')]
  }
  return [
    fail(
      'tun',
      `no TUN device can be made: ${detail}`,
      'load the module (modprobe tun), or give the container /dev/net/tun (--device /dev/net/tun)',
    ),
  ]
}

function offload(features: KernelFeatures): Finding[] {
  const missing = Object.entries(FASTER).filter(([name]) => features[name]?.ok === false)
  // What could not be tried for lack of a device says nothing about the kernel.
  const judged = features['tun']?.ok ? missing : missing.filter(([name]) => !name.startsWith('tun'))
  if (judged.length === 0) return [ok('offload', 'GSO, GRO and the offloads of TUN are there')]
  return judged.map(([name, means]) =>
    warn(
      'offload',
      `${name} is missing (${features[name]!.detail}): ${means}`,
      'it works, and is slower; a newer kernel has it',
    ),
  )
}
