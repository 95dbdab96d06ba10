/** What `--reporter` names: files in the result directory, or text on standard output. */
import { appendFileSync } from 'node:fs'
import {
  fileReporters,
  renderAll,
  renderGithubAnnotations,
  renderGithubSummary,
  renderJson,
  renderTerminal,
  type FileReporter,
} from '../../reports/index.js'
import { UsageError } from '../lab/errors.js'
import type { Result } from '../results/schema.js'
import { shortPath } from './short-path.js'

const OUTPUTS = ['terminal', 'github', 'json'] as const
export const REPORTERS = [...fileReporters, ...OUTPUTS] as const
export type ReporterName = (typeof REPORTERS)[number]

/** When nothing is said: a summary, and the files that people share. */
export const DEFAULT_REPORTERS: readonly ReporterName[] = ['terminal', 'html', 'md', 'png', 'junit']

/**
 * The HTML file is always written, the terminal's summary always printed unless `json` takes standard output.
 *
 * @throws UsageError for a name that is none
 */
export function reporterNames(given: readonly string[]): ReporterName[] {
  if (given.length === 0) return [...DEFAULT_REPORTERS]
  const known: readonly string[] = [...REPORTERS, 'none']
  const unknown = given.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new UsageError(`--reporter ${unknown}: there is none; write ${known.join(', ')}`)
  const chosen = given.filter((name) => name !== 'none') as ReporterName[]
  const always: ReporterName[] = chosen.includes('json') ? ['html'] : ['terminal', 'html']
  return [...new Set([...always, ...chosen])]
}

/** Writes and prints them. A report that cannot be made is said on standard error and stops nothing. */
export async function emit(result: Result, directory: string, reporters: readonly ReporterName[]): Promise<void> {
  const wanted = reporters.filter((name): name is FileReporter => (fileReporters as readonly string[]).includes(name))
  const { files, problems } = await renderAll(directory, result, { reporters: wanted })
  for (const { reporter, message } of problems) process.stderr.write(`warning: report ${reporter}: ${message}\n`)
  const html = files.find((file) => file.endsWith('.html')) ?? directory
  for (const name of reporters) {
    if (name === 'terminal') process.stdout.write(`\n${renderTerminal(result, { reportPath: shortPath(html) })}\n`)
    if (name === 'json') process.stdout.write(renderJson(result))
    if (name === 'github') {
      process.stdout.write(renderGithubAnnotations(result))
      const summary = process.env['GITHUB_STEP_SUMMARY']
      if (summary) appendFileSync(summary, renderGithubSummary(result))
    }
  }
}
