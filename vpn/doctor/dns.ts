/** Whether a client could put its DNS servers in place. */
import { ok, warn, fail, type Finding } from './finding.js'
import type { Machine } from './machine.js'

const FILE = '/etc/resolv.conf'
const RESOLVED = '/run/systemd/resolve'

export async function dns(machine: Machine, needed: boolean): Promise<Finding[]> {
  if (machine.list(RESOLVED).length > 0) {
    if (await machine.has('resolvectl')) return [ok('dns', 'systemd-resolved runs, and resolvectl is here')]
    return [
      (needed ? fail : warn)(
        'dns',
        'systemd-resolved runs, but resolvectl is not here',
        'install the package systemd-resolved',
      ),
    ]
  }
  if (machine.facts(FILE) === null)
    return [warn('dns', `there is no ${FILE}`, 'a client with --dns makes it; without, no name is found')]
  if (machine.writable(FILE)) return [ok('dns', `${FILE} can be written`)]
  const todo =
    machine.uid() === 0
      ? `see what keeps it: \`lsattr ${FILE}\`, \`findmnt -T ${FILE}\`; or leave --dns away`
      : 'run the doctor with sudo'
  return [(needed && machine.uid() === 0 ? fail : warn)('dns', `${FILE} cannot be written by this user`, todo)]
}
