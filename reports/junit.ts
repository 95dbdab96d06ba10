/** JUnit XML, as CI systems read it: one suite per scenario, one test case per expectation, guard and subject. */
import type { Result } from '../harness/results/schema.js'
import { type Check, checksOf } from './checks.js'

export function renderJunit(result: Result): string {
  const checks = checksOf(result)
  const count = (status: Check['status']): number => checks.filter((check) => check.status === status).length
  const seconds = Math.max(0, Date.parse(result.finishedAt) - Date.parse(result.startedAt)) / 1000
  const counts = `tests="${checks.length}" failures="${count('failed')}" errors="0" skipped="${count('skipped')}" time="${seconds.toFixed(3)}"`
  const properties = {
    seed: String(result.seed),
    repeats: String(result.repeats),
    trusted: String(result.trusted),
    shaper: result.shaper.backend,
    command: result.command,
    ...(result.whyNot.length === 0 ? {} : { whyNot: result.whyNot.join(' ') }),
  }
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="${escapeXml(result.tool.name)}" ${counts}>
  <testsuite name="${escapeXml(result.scenario.name)}" timestamp="${escapeXml(result.startedAt)}" hostname="${escapeXml(result.environment.hostname)}" ${counts}>
    <properties>
${Object.entries(properties)
  .map(([name, value]) => `      <property name="${name}" value="${escapeXml(value)}"/>`)
  .join('\n')}
    </properties>
${checks.map((check) => testCase(check, result.scenario.name)).join('\n')}
  </testsuite>
</testsuites>
`
}

function testCase(check: Check, scenario: string): string {
  const open = `    <testcase classname="${escapeXml(`${scenario}.${check.group}`)}" name="${escapeXml(check.name)}" time="0"`
  const detail = escapeXml(check.detail)
  if (check.status === 'failed') return `${open}><failure message="${detail}">${detail}</failure></testcase>`
  if (check.status === 'skipped') return `${open}><skipped message="${detail}"/></testcase>`
  return `${open}><system-out>${detail}</system-out></testcase>`
}

/** Also drops what XML 1.0 cannot hold at all: most control characters, and halves of surrogate pairs. */
export function escapeXml(text: string): string {
  return text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, '\ufffd')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/[\t\n\r]/g, (found) => `&#${found.charCodeAt(0)};`)
}
