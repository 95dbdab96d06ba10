/** Who can read and change what is in /etc/mqvpn: it holds keys. */
import { join } from 'node:path'
import { fail, ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

/** Public by nature. */
const PUBLIC = /\.(crt|cer|pem|pub)$/

export function files(machine: Machine, folder: string): Finding[] {
  const facts = machine.facts(folder)
  if (facts === null) return [ok('files', `there is no ${folder}; it is needed for a service only`)]
  const found: Finding[] = []
  if ((facts.mode & 0o022) !== 0) {
    found.push(fail('files', `${folder}: others than its owner can put files there`, `chmod 755 ${folder}`))
  }
  for (const name of machine.list(folder)) {
    const file = join(folder, name)
    const about = machine.facts(file)
    if (!about?.isFile) continue
    if ((about.mode & 0o022) !== 0) {
      found.push(
        fail(
          'files',
          `${file}: others than its owner can change it`,
          `chmod ${PUBLIC.test(name) ? '644' : '600'} ${file}`,
        ),
      )
    } else if ((about.mode & 0o044) !== 0 && !isPublic(machine, file)) {
      found.push(warn('files', `${file}: holds a key, and others than its owner can read it`, `chmod 600 ${file}`))
    }
    if (about.uid !== 0) {
      // As a service, mqvpn is root without the right to read what belongs to others.
      found.push(
        warn(
          'files',
          `${file}: does not belong to root; the service may not be able to read it`,
          `chown root: ${file}`,
        ),
      )
    }
  }
  return found.length > 0 ? found : [ok('files', `${folder}: only its owner can read keys and change anything`)]
}

/** A certificate is, unless its key stands in the same file. Of configurations the one who reads them warns: `configs`. */
function isPublic(machine: Machine, file: string): boolean {
  if (/\.(conf|json)$/.test(file)) return true
  return PUBLIC.test(file) && !(machine.read(file) ?? '').includes('PRIVATE KEY')
}
