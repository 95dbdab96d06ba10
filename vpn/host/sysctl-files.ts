/** Kernel settings as files below /proc/sys, by their paths there: names of devices may have dots in them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, MachineError, messageOf, VpnError } from '../errors.js'

export const FORWARDING4 = 'net/ipv4/ip_forward'
export const FORWARDING6 = 'net/ipv6/conf/all/forwarding'
const REDIRECTS4 = 'net/ipv4/conf/all/accept_redirects'

/** null: there is no such setting (any more). */
export function readSysctl(proc: string, key: string): string | null {
  try {
    return readFileSync(join(proc, key), 'latin1').trim()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw new VpnError(`${join(proc, key)}: ${messageOf(error)}`)
  }
}

export function writeSysctl(proc: string, key: string, value: string): void {
  try {
    // Never made anew: /proc has what it has.
    writeFileSync(join(proc, key), `${value}\n`, { flag: 'r+' })
  } catch (error) {
    const file = join(proc, key)
    const code = codeOf(error)
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new MachineError(
        `${file}: cannot be set to ${value} (${code}); run mqvpn as root or with CAP_NET_ADMIN; in a container set it from outside (\`--sysctl ${key.replaceAll('/', '.')}=${value}\`), or add --no-nat`,
      )
    }
    throw new VpnError(`${file}: cannot be set to ${value}: ${messageOf(error)}`)
  }
}

/** `net/ipv6/conf/eth0/accept_ra`, …, and that of devices to come (`default`); without `all`, which decides nothing. */
export function keysOfDevices(proc: string, family: 'ipv4' | 'ipv6', name: string): string[] {
  const folder = `net/${family}/conf`
  let devices: string[]
  try {
    devices = readdirSync(join(proc, folder))
  } catch {
    return []
  }
  return devices
    .filter((device) => device !== 'all' && device !== 'lo')
    .sort()
    .map((device) => `${folder}/${device}/${name}`)
}

/**
 * What the kernel changes by itself when forwarding is switched on and off again, and would leave otherwise than it was: off
 * means off on every device, and, with IPv4, redirects accepted again (ip-sysctl: "resets all configuration parameters to
 * their default state"), which a careful administrator had switched off.
 */
export function sideEffects(proc: string, key: string): Record<string, string> {
  if (key !== FORWARDING4 && key !== FORWARDING6) return {}
  const family = key === FORWARDING4 ? 'ipv4' : 'ipv6'
  const keys = [...keysOfDevices(proc, family, 'forwarding'), `net/${family}/conf/lo/forwarding`]
  if (family === 'ipv4') keys.push(REDIRECTS4)
  const values = keys.map((one) => [one, readSysctl(proc, one)] as const)
  return Object.fromEntries(values.filter((pair): pair is [string, string] => pair[1] !== null))
}
