/** Whether two results may be compared: what forbids it, and what a reader must know. */
import type { Result } from '../../harness/results/schema.js'

export interface Comparability {
  /** Reasons against any comparison. */
  refusals: string[]
  /** Differences that may explain what is found. */
  warnings: string[]
}

export function comparability(a: Result, b: Result): Comparability {
  const refusals: string[] = []
  const warnings: string[] = []
  if (a.scenario.name !== b.scenario.name) {
    refusals.push(`The scenarios differ: ${a.scenario.name} and ${b.scenario.name}.`)
  } else if (a.scenario.sha256 !== b.scenario.sha256) {
    const same = JSON.stringify([a.paths, a.measurements]) === JSON.stringify([b.paths, b.measurements])
    const text = `The scenario file ${b.scenario.file} has changed`
    if (same) warnings.push(`${text}; paths and measurements are the same.`)
    else refusals.push(`${text}, and with it paths or measurements.`)
  }
  if (a.shaper.backend !== b.shaper.backend) {
    refusals.push(`The links were made in different ways: shaper ${a.shaper.backend} and ${b.shaper.backend}.`)
  }
  for (const [name, result] of [
    ['first', a],
    ['second', b],
  ] as const) {
    if (!result.trusted) refusals.push(`The ${name} run is not a measurement: ${result.whyNot.join(' ')}`)
  }
  for (const [what, x, y] of environments(a, b)) {
    if (x !== y) warnings.push(`${what}: ${x ?? 'not known'} → ${y ?? 'not known'}.`)
  }
  return { refusals, warnings }
}

function environments(a: Result, b: Result): [string, string | null, string | null][] {
  const [x, y] = [a.environment, b.environment]
  const tools = [...new Set([...Object.keys(x.tools), ...Object.keys(y.tools)])].sort()
  const sysctls = [...new Set([...Object.keys(x.sysctls), ...Object.keys(y.sysctls)])].sort()
  return [
    ['Host', x.hostname, y.hostname],
    ['Processor', `${x.cpuCount} × ${x.cpuModel}`, `${y.cpuCount} × ${y.cpuModel}`],
    ['Kernel', x.kernel, y.kernel],
    ['Frequency governor', x.governor, y.governor],
    ['Clock source', x.clocksource, y.clocksource],
    ...tools.map((tool): [string, string | null, string | null] => [
      tool,
      x.tools[tool] ?? null,
      y.tools[tool] ?? null,
    ]),
    ...sysctls.map((name): [string, string | null, string | null] => [
      name,
      x.sysctls[name] ?? null,
      y.sysctls[name] ?? null,
    ]),
  ]
}
