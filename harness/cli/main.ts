#!/usr/bin/env node
/** The `mqvpn-bench` command: reads the command line, starts a verb, turns what happened into an exit code. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { exitCodeOf, EXIT, EXIT_CODE_HELP } from './exit-codes.js'
import { messageOf } from '../lab/errors.js'
import { onInterrupt } from './interrupt.js'
import { packageVersion } from '../../common/package.js'

const REPORTER_HELP =
  'html (always written), md, png, junit, tap: files; github, json: on standard output; none (default: html,md,png,junit)'

const SHAPERS = ['auto', 'netem', 'user', 'none'] as const

function positiveInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('Write a whole number from 1.')
  return value
}

function seedNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('Write a whole number from 0.')
  return value
}

const collect = (value: string, before: string[]): string[] => [...before, ...value.split(',').filter(Boolean)]

const shaperOption = (): Option =>
  new Option('--shaper <kind>', 'what shapes the links').choices(SHAPERS).default('auto')
const seedOption = (): Option =>
  new Option('--seed <n>', 'seed of the order, loss and jitter (default: from the clock)').argParser(seedNumber)

export function program(): Command {
  const root = new Command('mqvpn-bench')
    .description('Test harness and benchmark for VPNs over several links, in network namespaces of this machine.')
    .version(packageVersion(), '-V, --version')
    .showHelpAfterError('(mqvpn-bench --help shows what there is)')
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  sudo mqvpn-bench scenarios/asym.ts               run a scenario: same as \`run\`
  sudo mqvpn-bench run --quick scenarios/asym.ts   one short repeat, to try a scenario out
  mqvpn-bench list scenarios/*.ts                  what would be measured, and how long it takes
  sudo mqvpn-bench shell scenarios/asym.ts         the lab, and a shell in one of its hosts
  mqvpn-bench report results/asym/latest           render a result again
  mqvpn-bench doctor                               what this machine has and lacks

${EXIT_CODE_HELP}`,
    )

  root
    .command('run', { isDefault: true })
    .description('run scenarios, measure, and write a report (this verb can be left out)')
    .argument('<file...>', 'scenario files (.ts, .mts, .js)')
    .option('-g, --grep <text>', 'only measurements whose id or label contains this')
    .option('--subject <id>', 'only these subjects, and direct (repeatable, or comma-separated)', collect, [])
    .option('-n, --repeats <n>', 'cold starts per subject (default: what the scenario says)', positiveInteger)
    .option('--quick', 'one repeat: shows that it works, but is not a measurement')
    .addOption(seedOption())
    .addOption(shaperOption())
    .option('-o, --output <dir>', 'where results go', 'results')
    .option('--reporter <names>', REPORTER_HELP, collect, [])
    .option('--baseline <result>', 'compare with this result at the end')
    .addOption(new Option('--fail-on <what>', 'with --baseline').choices(['regression']))
    .option('--dry-run', 'show the lab, the schedule and the time it takes; touch nothing')
    .option('--allow-untrusted', 'go on after a failed calibration; the report says so')
    .option('--keep', 'keep the lab after the run, until Enter is pressed')
    .action(async (files: string[], options: Record<string, unknown>) => {
      const { runCommand } = await import('./commands/run.js')
      process.exitCode = await runCommand(files, options as never, onInterrupt())
    })

  root
    .command('list')
    .description('show what scenario files measure, without running them')
    .argument('[file...]', 'scenario files; none: those that ship with mqvpn-bench')
    .option('--json', 'as JSON')
    .action(async (files: string[], options: { json?: boolean }) => {
      const { listCommand } = await import('./commands/list.js')
      process.exitCode = await listCommand(files, options)
    })

  root
    .command('doctor')
    .description('show what this machine has and lacks, what is used instead, what to install')
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }) => {
      const { doctorCommand } = await import('./commands/doctor.js')
      process.exitCode = await doctorCommand(options)
    })

  root
    .command('calibrate')
    .description('build the links of a scenario and measure them against what it says')
    .argument('[file]', 'scenario file; none: links from 1 Mbit/s to 1 Gbit/s')
    .addOption(seedOption())
    .addOption(shaperOption())
    .option('--json', 'as JSON')
    .action(async (file: string | undefined, options: Record<string, unknown>) => {
      const { calibrateCommand } = await import('./commands/calibrate.js')
      process.exitCode = await calibrateCommand(file, options as never, onInterrupt())
    })

  root
    .command('shell')
    .description("build a scenario's lab and open a shell in one of its hosts")
    .argument('<file>', 'scenario file')
    .argument('[command...]', 'run this in the host instead of a shell (after --)')
    .addOption(new Option('--host <name>', 'which host').choices(['client', 'server', 'internet']).default('client'))
    .addOption(shaperOption())
    .action(async (file: string, command: string[], options: Record<string, unknown>) => {
      const { shellCommand } = await import('./commands/shell.js')
      process.exitCode = await shellCommand(file, command, options as never, onInterrupt())
    })

  root
    .command('report')
    .description('render the reports of a result again, from its files alone')
    .argument('<result>', 'result directory, its result.json, or results/<scenario>/latest')
    .option('--reporter <names>', REPORTER_HELP, collect, [])
    .action(async (result: string, options: { reporter: string[] }) => {
      const { reportCommand } = await import('./commands/report.js')
      process.exitCode = await reportCommand(result, options)
    })

  root
    .command('compare')
    .description('compare two results; with --fail-on regression a loss beyond the noise ends with 1')
    .argument('<before>', 'result directory or result.json')
    .argument('<after>', 'result directory or result.json')
    .addOption(new Option('--fail-on <what>').choices(['regression']))
    .option('--markdown', 'as Markdown, for a pull request')
    .option('--force', 'compare although scenario, shaper or machine differ')
    .action(async (before: string, after: string, options: Record<string, unknown>) => {
      const { compareCommand } = await import('./commands/compare.js')
      process.exitCode = await compareCommand(before, after, options)
    })

  root
    .command('clean')
    .description('remove what a killed run left behind (only labs of mqvpn-bench whose owner is gone)')
    .option('--all', 'also labs whose owner still runs')
    .action(async (options: { all?: boolean }) => {
      const { cleanCommand } = await import('./commands/clean.js')
      process.exitCode = cleanCommand(options)
    })

  for (const command of root.commands) command.exitOverride().showHelpAfterError(false)
  return root
}

/** One line, on stderr; the stack only when asked for. */
function complain(error: unknown): void {
  process.stderr.write(`mqvpn-bench: ${messageOf(error)}\n`)
  if (process.env['MQVPN_BENCH_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`)
}

// Somebody who stops reading (`| head`, a closed terminal) must not end a run before it has cleaned up.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

try {
  await program().parseAsync()
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has already written its message; help and version are not errors.
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
  } else {
    complain(error)
    process.exitCode = exitCodeOf(error)
  }
}
