/** The result itself, for programs: what `result.json` holds. */
import type { Result } from '../harness/results/schema.js'

export function renderJson(result: Result): string {
  return `${JSON.stringify(result, null, 2)}\n`
}
