/** Names given to `--reporter`. */
import { REPORTERS, type ReporterName } from '../../reports/index.js'
import { UsageError } from '../lab/errors.js'

/** @throws UsageError for a name that is none */
export function reporterNames(given: readonly string[], otherwise: readonly ReporterName[]): ReporterName[] {
  if (given.length === 0) return [...otherwise]
  if (given.includes('none')) return []
  const unknown = given.find((name) => !(REPORTERS as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw new UsageError(`--reporter ${unknown}: no such reporter (there are: ${REPORTERS.join(', ')}, none)`)
  return given as ReporterName[]
}
