/** TAP 14: one line per check, for `prove` and everything else that speaks it. */
import type { Result } from '../harness/results/schema.js'
import { checksOf } from './checks.js'
import { oneLine } from './model/text.js'

export function renderTap(result: Result): string {
  const checks = checksOf(result)
  const lines = checks.flatMap((check, index) => {
    const name = escapeTap(`${result.scenario.name}: ${check.group}: ${check.name}`)
    const skip = check.status === 'skipped' ? ` # SKIP ${escapeTap(check.detail)}` : ''
    const line = `${check.status === 'failed' ? 'not ok' : 'ok'} ${index + 1} - ${name}${skip}`
    return check.status === 'failed' ? [line, '  ---', `  message: ${JSON.stringify(check.detail)}`, '  ...'] : [line]
  })
  const doubts = result.whyNot.map((why) => `# not a measurement: ${oneLine(why)}`)
  return `${['TAP version 14', `1..${checks.length}`, ...doubts, ...lines].join('\n')}\n`
}

function escapeTap(text: string): string {
  return oneLine(text).replace(/[\\#]/g, '\\$&')
}
