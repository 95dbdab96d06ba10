/**
 * Loads a user's scenario file. jiti runs TypeScript where Node cannot; `mqvpn-bench` inside the file is this program's
 * own module, wherever the file lies and whether or not the package is installed beside it.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { createJiti } from 'jiti'
import * as api from '../index.js'
import { UsageError, messageOf } from '../lab/errors.js'
import { isScenario } from './define.js'
import { ScenarioError } from './problems.js'
import { didYouMean } from '../../common/suggest.js'
import type { Scenario } from './types.js'

export interface LoadedScenario {
  scenario: Scenario
  /** Absolute. */
  file: string
  /** Of the file alone, not of what it imports. */
  sha256: string
}

export const SCENARIO_EXTENSIONS = ['.ts', '.mts', '.js', '.mjs'] as const

/** @throws UsageError: one line for each problem, each beginning with the file */
export async function loadScenario(name: string): Promise<LoadedScenario> {
  const file = path.resolve(name)
  checkFile(name, file)
  const sha256 = createHash('sha256').update(readFileSync(file)).digest('hex')
  const exported = await importFile(name, file)
  const scenario = exported['default']
  if (scenario === undefined) {
    throw new UsageError(`${name}: no default export; write: export default defineScenario({…})`)
  }
  if (!isScenario(scenario)) {
    throw new UsageError(
      `${name}: the default export was not made by defineScenario; write: export default defineScenario({…})`,
    )
  }
  return { scenario: withTraces(scenario, name, path.dirname(file)), file, sha256 }
}

function checkFile(name: string, file: string): void {
  if (!existsSync(file)) throw new UsageError(`${name}: no such file${nearFiles(file)}`)
  if (statSync(file).isDirectory())
    throw new UsageError(`${name}: is a directory; name a scenario file, e.g. ${name}/asym.ts`)
  if (!SCENARIO_EXTENSIONS.some((extension) => file.endsWith(extension))) {
    throw new UsageError(`${name}: a scenario file ends in ${SCENARIO_EXTENSIONS.join(', ')}`)
  }
}

/** What is in the same directory, if there is one. */
function nearFiles(file: string): string {
  const directory = path.dirname(file)
  if (!existsSync(directory)) return `; there is no directory ${path.relative('', directory) || '.'} either`
  const there = readdirSync(directory).filter(
    (entry) =>
      SCENARIO_EXTENSIONS.some((extension) => entry.endsWith(extension)) &&
      !entry.includes('.test.') &&
      !entry.endsWith('.d.ts'),
  )
  return didYouMean(path.basename(file), there.slice(0, 20))
}

async function importFile(name: string, file: string): Promise<Record<string, unknown>> {
  const jiti = createJiti(import.meta.url, {
    virtualModules: { 'mqvpn-bench': api },
    interopDefault: false,
    // No files are left behind as root, and an edited file is read again.
    fsCache: false,
    moduleCache: false,
  })
  try {
    return await jiti.import<Record<string, unknown>>(file)
  } catch (error) {
    throw new UsageError(explain(error, name, file, Object.keys(api)))
  }
}

/** One line per problem: where, and what. */
function explain(error: unknown, name: string, file: string, exported: readonly string[]): string {
  if (error instanceof ScenarioError) return error.problems.map((problem) => `${name}: ${problem}`).join('\n')
  const shorten = (text: string) =>
    text.startsWith(path.dirname(file)) ? path.join(path.dirname(name), path.relative(path.dirname(file), text)) : text
  const message = messageOf(error)
  // jiti: "ParseError: Unexpected token \n /x/asym.ts:3:7"
  const syntax = /^ParseError: ([^\n]*)\n\s*(.+):(\d+):(\d+)/.exec(message)
  if (syntax) return `${shorten(syntax[2]!)}:${syntax[3]}:${syntax[4]}: syntax error: ${syntax[1]!.trim()}`
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const line = stack
    .split('\n')
    .find((frame) => frame.includes(`${file}:`))
    ?.split(`${file}:`)[1]
    ?.split(':')[0]
  return `${name}${line === undefined ? '' : `:${line}`}: ${reason(error, message.split('\n')[0]!, exported)}`
}

function reason(error: unknown, message: string, exported: readonly string[]): string {
  // What a misspelled import looks like after compilation: "(0 , _mqvpnBench.att) is not a function".
  const missing = /\(0 , _mqvpnBench\d*\.(\w+)\) is not a function/.exec(message)?.[1]
  if (missing !== undefined && !exported.includes(missing)) {
    return `mqvpn-bench has no "${missing}"${didYouMean(missing, exported)}`
  }
  return error instanceof Error ? `threw ${error.name}: ${message}` : `threw ${message}`
}

/** Traces are named relative to the scenario file, and are there. */
function withTraces(scenario: Scenario, name: string, directory: string): Scenario {
  for (const spec of scenario.paths) {
    for (const direction of ['up', 'down'] as const) {
      const trace = spec[direction].trace
      if (trace === null) continue
      const file = path.resolve(directory, trace)
      if (!existsSync(file)) throw new UsageError(`${name}: paths.${spec.name}.trace: no such file: ${trace}`)
      spec[direction].trace = file
    }
  }
  return scenario
}
