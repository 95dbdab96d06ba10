/** The configurations of this host: whether each is right, and what it needs. */
import { join } from 'node:path'
import { loadSettings } from '../config/load.js'
import type { Resolved } from '../config/resolve.js'
import { messageOf } from '../errors.js'
import { fail, ok, warn, type Finding } from './finding.js'
import type { Machine } from './machine.js'

export interface Configs {
  findings: Finding[]
  found: Resolved[]
}

/** @param only the file that is meant; null: all in the folder */
export function configs(machine: Machine, folder: string, only: string | null): Configs {
  const names = machine.list(folder).filter((name) => name.endsWith('.conf'))
  const all = only === null ? names.map((name) => join(folder, name)) : [only]
  const result: Configs = { findings: [], found: [] }
  for (const file of all) {
    try {
      const log = {
        warn: (text: string) => void result.findings.push(warn('configuration', text, 'do that, and ask again')),
        debug: () => undefined,
      }
      const resolved = loadSettings({ side: null, flags: {}, env: {}, file }, log)
      result.found.push(resolved)
      result.findings.push(ok('configuration', `${file} is right (a ${resolved.side})`))
    } catch (error) {
      for (const line of messageOf(error).split('\n')) {
        result.findings.push(fail('configuration', line, 'see docs/mqvpn.md, "Configuration files"'))
      }
    }
  }
  if (all.length === 0) result.findings.push(ok('configuration', `there is none in ${folder}; flags do as well`))
  return result
}
