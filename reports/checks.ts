/** A result as a list of checks, for the formats of test runners. */
import type { Result } from '../harness/results/schema.js'

export interface Check {
  group: 'expectation' | 'guard' | 'subject'
  name: string
  status: 'passed' | 'failed' | 'skipped'
  detail: string
}

/**
 * Expectations, guards, and subjects with a failed repeat. What could not be decided, and what cannot run here, is
 * skipped: not a failure, but not silent either.
 */
export function checksOf(result: Result): Check[] {
  const expectations = result.expectations.map(({ text, status, detail }): Check => {
    return { group: 'expectation', name: text, status: status === 'unknown' ? 'skipped' : status, detail }
  })
  const guards = result.guards.map(({ name, ok, detail }): Check => {
    return { group: 'guard', name, status: ok ? 'passed' : 'failed', detail }
  })
  const subjects = result.subjects
    .filter(({ kind }) => kind !== 'direct')
    .map(({ id, status, reason, remedy }): Check => {
      const ran = { ok: 'passed', crashed: 'failed', missing: 'skipped', unsupported: 'skipped' } as const
      const detail = [reason, remedy === null ? null : `To run it: ${remedy}`].filter((text) => text !== null).join(' ')
      return { group: 'subject', name: `${id} runs`, status: ran[status], detail }
    })
  return [...expectations, ...guards, ...subjects]
}
