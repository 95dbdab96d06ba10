/** `run`: scenarios, one after the other; each leaves a result tree, reports and a summary on the terminal. */
import { createInterface } from 'node:readline/promises'
import { compareResults, renderComparisonTerminal } from '../../../reports/index.js'

import type { Lab } from '../../lab/lab.js'
import { runScenario, type RunOutput } from '../../run/run.js'
import { estimateMs } from '../../scenario/duration.js'
import { faultLabel } from '../../scenario/fault-label.js'
import { loadScenario, type LoadedScenario } from '../../scenario/load.js'
import { planRun, startFaults } from '../../scenario/plan.js'
import { drawTopology } from '../../scenario/topology.js'
import type { MeasurementSpec } from '../../scenario/types.js'
import type { ShaperChoice } from '../../shaping/choose.js'
import { EXIT, worstExit } from '../exit-codes.js'
import { createProgress, span } from '../progress.js'
import { openResult } from '../open-result.js'
import { emit, reporterNames } from '../reporters.js'
import { shortPath } from '../short-path.js'
import { packageVersion } from '../../../common/package.js'
import { sourceCommit } from '../version.js'
import { requireMachine } from './doctor.js'

export interface RunCommandOptions {
  grep?: string
  subject: string[]
  repeats?: number
  quick?: boolean
  seed?: number
  shaper: ShaperChoice
  output: string
  reporter: string[]
  baseline?: string
  failOn?: 'regression'
  dryRun?: boolean
  allowUntrusted?: boolean
  keep?: boolean
}

export async function runCommand(
  files: readonly string[],
  options: RunCommandOptions,
  signal: AbortSignal,
): Promise<number> {
  const reporters = reporterNames(options.reporter)
  // All files first: a mistake in the second must not show after the first has run for minutes.
  const scenarios = []
  for (const file of files) scenarios.push(await loadScenario(file))
  const baseline = options.baseline === undefined ? null : await openResult(options.baseline)

  const missing = options.dryRun ? [] : await requireMachine()
  let worst: number = EXIT.ok
  for (const loaded of scenarios) {
    if (options.dryRun) {
      process.stdout.write(dryRun(loaded, options))
      continue
    }
    const { result, directory } = await runOne(loaded, options, missing, signal)
    // `result.json` is written: whatever fails from here on, `report` can do it again.
    await emit(result, directory, reporters)
    worst = worstExit(worst, result.exitCode)
    if (baseline) {
      const comparison = compareResults(baseline.result, result)
      process.stdout.write(`\n${renderComparisonTerminal(comparison)}\n`)
      if (options.failOn === 'regression' && comparison.failsOnRegression) worst = worstExit(worst, EXIT.failed)
    }
    if (signal.aborted) return EXIT.interrupted
  }
  return worst
}

async function runOne(
  loaded: LoadedScenario,
  options: RunCommandOptions,
  missing: readonly string[],
  signal: AbortSignal,
): Promise<RunOutput> {
  const { scenario } = loaded
  const repeats = options.repeats ?? (options.quick ? 1 : scenario.repeats)
  const seed = options.seed ?? Date.now() % 1_000_000
  const live = process.stderr.isTTY && !process.env['CI']
  process.stderr.write(`${scenario.name}: ${scenario.description}\n${drawTopology(scenario)}\n\n`)
  const estimate = estimateMs(
    scenario,
    planRun(scenario, { repeats, seed, subjects: options.subject, grep: options.grep }),
  )
  process.stderr.write(`${repeats} repeat${repeats === 1 ? '' : 's'}, seed ${seed}, about ${span(estimate)}\n`)
  const progress = createProgress(live)
  try {
    const output = await runScenario(
      loaded,
      {
        repeats,
        seed,
        subjects: options.subject,
        grep: options.grep ?? '',
        shaper: options.shaper,
        output: options.output,
        allowUntrusted: options.allowUntrusted ?? false,
        command: commandLine(loaded, options, repeats, seed),
        tool: { name: 'mqvpn-bench', version: packageVersion(), ...(await sourceCommit()) },
        missing,
        ...(options.keep ? { beforeClose: waitForEnter } : {}),
      },
      progress,
      signal,
    )
    await progress.end(true)
    return output
  } catch (error) {
    await progress.end(false)
    throw error
  }
}

/** The command that repeats this run, seed included. */
function commandLine(loaded: LoadedScenario, options: RunCommandOptions, repeats: number, seed: number): string {
  const words = ['sudo npx mqvpn-bench', shortPath(loaded.file)]
  words.push(`--repeats ${repeats}`, `--seed ${seed}`)
  if (options.grep) words.push(`--grep '${options.grep}'`)
  if (options.subject.length > 0) words.push(`--subject ${options.subject.join(',')}`)
  if (options.shaper !== 'auto') words.push(`--shaper ${options.shaper}`)
  if (options.allowUntrusted) words.push('--allow-untrusted')
  return words.join(' ')
}

async function waitForEnter(lab: Lab): Promise<void> {
  if (!process.stdin.isTTY) return
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  process.stderr.write(`\nThe lab ${lab.id} is kept: sudo ip netns exec ${lab.client.netns} …\n`)
  await prompt.question('Press Enter to remove it. ')
  prompt.close()
}

/** What would happen, in order. */
function dryRun({ scenario }: LoadedScenario, options: RunCommandOptions): string {
  const repeats = options.repeats ?? (options.quick ? 1 : scenario.repeats)
  const seed = options.seed ?? 1
  const plan = planRun(scenario, { repeats, seed, subjects: options.subject, grep: options.grep })
  const lines = [
    `${scenario.name}: ${scenario.description}`,
    drawTopology(scenario),
    '',
    `${plan.length} cold starts, about ${span(estimateMs(scenario, plan))} (seed ${seed}):`,
    ...plan.map(
      (run) =>
        `  ${run.order}. round ${run.repeat}  ${run.subject.id}  ${run.measurements.map((m) => m.id).join(', ')}${broken(run.measurements)}`,
    ),
    '',
    'Faults, after the measured traffic has begun:',
    ...scenario.measurements.flatMap((measurement) =>
      measurement.faults.map(
        ({ atMs, action, beforeStart }) =>
          `  ${measurement.id}  ${beforeStart ? 'before the subject starts' : `${atMs} ms`}  ${faultLabel(action)}`,
      ),
    ),
  ]
  return `${lines.join('\n')}\n`
}

/** `, started with a: carrier off` or nothing. */
function broken(measurements: readonly MeasurementSpec[]): string {
  const labels = measurements.flatMap(startFaults).map((fault) => faultLabel(fault.action))
  return labels.length === 0 ? '' : `, started with ${labels.join(', ')}`
}
