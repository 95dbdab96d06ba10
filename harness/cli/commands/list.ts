/** `list`: what scenario files would measure. */
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { estimateMs } from '../../scenario/duration.js'
import { loadScenario } from '../../scenario/load.js'
import { planRun } from '../../scenario/plan.js'
import { drawTopology } from '../../scenario/topology.js'
import { EXIT } from '../exit-codes.js'
import { packageRoot } from '../../../common/package.js'

/** The scenarios that ship with this package. */
export function shippedScenarios(): string[] {
  const folder = join(packageRoot(), 'scenarios')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => relative('', join(folder, name)))
}

export async function listCommand(files: readonly string[], { json = false }: { json?: boolean }): Promise<number> {
  const rows = []
  for (const file of files.length > 0 ? files : shippedScenarios()) {
    const { scenario } = await loadScenario(file)
    const minutes = estimateMs(scenario, planRun(scenario, { repeats: scenario.repeats, seed: 1 })) / 60_000
    rows.push({ file, scenario, minutes })
  }
  if (json) {
    process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`)
    return EXIT.ok
  }
  for (const { file, scenario, minutes } of rows) {
    process.stdout.write(
      [
        `${scenario.name}  ${file}`,
        `  ${scenario.description}`,
        ...drawTopology(scenario)
          .split('\n')
          .map((line) => `  ${line}`),
        `  subjects      ${scenario.subjects.map((subject) => subject.id).join(', ')}`,
        `  measurements  ${scenario.measurements.map((measurement) => measurement.id).join(', ')}`,
        `  repeats       ${scenario.repeats}, about ${minutes < 1 ? `${Math.round(minutes * 60)} s` : `${minutes.toFixed(1)} min`}`,
        '',
        '',
      ].join('\n'),
    )
  }
  return EXIT.ok
}
