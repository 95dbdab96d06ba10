/** Names that no renderer may trust: HTML, script ends, quotes, control characters, wide and right-to-left text. */
import { type Result, result as schema } from '../../harness/results/schema.js'
import { makeResult } from './fixture.js'

export const SCRIPT = '</script><script>document.title="owned"</script>'
export const IMAGE = '<img src=x onerror="document.title=\'owned\'">'

/** The ordinary fixture with every free text made hostile; path and subject names stay consistent throughout. */
export function makeHostileResult(): Result {
  const names = new Map([
    ['a', 'a<b>&"\''],
    ['b', '経路ｂ‮'],
    ['mptcp', `mptcp ${SCRIPT}`],
    ['mqvpn', 'mqvpn | `x` 🛰️\u001b[31m\n::error::owned'],
  ])
  const rename = (value: unknown): unknown => {
    if (typeof value === 'string') return names.get(value) ?? value
    if (Array.isArray(value)) return value.map(rename)
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, key === 'perPath' ? renameKeys(inner) : rename(inner)]),
    )
  }
  const renameKeys = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [names.get(key) ?? key, inner]))
  }
  const result = schema.parse(rename(makeResult({ repeats: 6, failedCalibration: true })))
  const subject = result.subjects[result.subjects.length - 1]
  if (subject !== undefined) {
    subject.reason = IMAGE
    subject.remedy = SCRIPT
  }
  return schema.parse({
    ...result,
    scenario: { ...result.scenario, name: IMAGE, description: `${SCRIPT} <!-- ${IMAGE} ]]>`, topology: IMAGE },
    command: `sh -c '${SCRIPT}'`,
    whyNot: [IMAGE, ...result.whyNot],
    measurements: result.measurements.map((measurement) => ({
      ...measurement,
      label: `${measurement.label} ${IMAGE}`,
    })),
    expectations: [
      ...result.expectations,
      { text: `${SCRIPT}%0A::error::owned`, status: 'failed', detail: 'a,b:c%\r\n::error::owned' },
    ],
  })
}
