/** `clean`: removes the labs of this program that nobody owns any more. */
import { MachineError } from '../../lab/errors.js'
import { allLabs, removeLab } from '../../lab/registry.js'
import { EXIT } from '../exit-codes.js'

export function cleanCommand({ all = false }: { all?: boolean }): number {
  if (process.getuid?.() !== 0) throw new MachineError('removing a lab needs root: run `sudo mqvpn-bench clean`')
  let removed = 0
  for (const record of allLabs()) {
    if (record.ownerLives() && !all) {
      process.stdout.write(`${record.lab}: still in use, left alone (--all removes it too)\n`)
      continue
    }
    const things = removeLab(record)
    process.stdout.write(`${record.lab}: removed ${things.length > 0 ? things.join(', ') : 'its record'}\n`)
    removed += 1
  }
  if (removed === 0) process.stdout.write('Nothing to clean.\n')
  return EXIT.ok
}
