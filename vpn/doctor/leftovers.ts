/** What a mqvpn that was killed has left on this host. */
import { RUN_DIR } from '../control/paths.js'
import { messageOf } from '../errors.js'
import { Journal } from '../host/journal.js'
import { fail, ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

export function leftovers(machine: Machine, directory = RUN_DIR): Finding[] {
  const found = Journal.names(directory).flatMap((name): Finding[] => {
    try {
      const journal = Journal.open(name, directory)
      if (journal.ownerRuns || journal.entries().length === 0) return []
      const kinds = [...new Set(journal.entries().map(({ kind }) => kind))].join(', ')
      return [
        warn(
          'leftovers',
          `a mqvpn that is gone (${name}) has changed this host and not put it back: ${kinds}`,
          `mqvpn recover --name ${name}, or start it again`,
        ),
      ]
    } catch (error) {
      if (machine.uid() !== 0) return [warn('leftovers', messageOf(error), 'run the doctor with sudo')]
      return [fail('leftovers', messageOf(error), 'look at what it names, put that back by hand, and remove the file')]
    }
  })
  return found.length > 0 ? found : [ok('leftovers', 'no mqvpn has left anything behind')]
}
