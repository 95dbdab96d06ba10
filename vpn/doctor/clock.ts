/** A wrong clock makes every certificate look expired, or not valid yet. */
import { X509Certificate } from 'node:crypto'
import { fail, ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

/** Of the certificate that ends soon: time enough to do something about it. */
const SOON_MS = 14 * 24 * 3600_000

/** @param born when this program was made: no right clock is before it */
export async function clock(machine: Machine, born: Date): Promise<Finding[]> {
  const now = machine.now()
  if (now < born) {
    return [
      fail(
        'clock',
        `it is ${day(now)} here, before this program was made (${day(born)}): no certificate will be valid`,
        'set the clock: timedatectl set-ntp true, or date -s',
      ),
    ]
  }
  const synchronised = await machine.run('timedatectl', 'show', '--property=NTPSynchronized', '--value')
  if (synchronised?.trim() === 'no') {
    return [warn('clock', `it is ${day(now)} here, and nobody keeps the clock right`, 'timedatectl set-ntp true')]
  }
  return [ok('clock', `it is ${day(now)}${synchronised?.trim() === 'yes' ? ', kept right by NTP' : ''}`)]
}

export function certificate(machine: Machine, file: string): Finding[] {
  const text = machine.read(file)
  if (text === null) {
    return machine.facts(file) === null
      ? [ok('certificate', `${file} will be made at the first start`)]
      : [warn('certificate', `${file} may not be read by this user`, 'run the doctor with sudo')]
  }
  let from: Date, to: Date
  try {
    const { validFrom, validTo } = new X509Certificate(text)
    ;[from, to] = [new Date(validFrom), new Date(validTo)]
  } catch {
    return [
      fail('certificate', `${file} is no certificate in PEM`, 'look at what it is: openssl x509 -in FILE -noout -text'),
    ]
  }
  const now = machine.now()
  if (now < from) {
    return [
      fail('certificate', `${file} is valid from ${day(from)} on, and it is ${day(now)} here`, 'is the clock right?'),
    ]
  }
  if (now > to) return [fail('certificate', `${file} expired on ${day(to)}`, 'renew it, or set the clock')]
  if (to.getTime() - now.getTime() < SOON_MS) {
    return [warn('certificate', `${file} expires on ${day(to)}`, 'renew it')]
  }
  return [ok('certificate', `${file} is valid until ${day(to)}`)]
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
