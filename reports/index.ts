/**
 * Reports of a result. They know the result file and nothing else, so that any of them can be made again, years later,
 * from that file alone.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Result } from '../harness/results/schema.js'
import { renderGithubAnnotations, renderGithubSummary } from './github.js'
import { renderHtml } from './html/page.js'
import { renderJson } from './json.js'
import { renderJunit } from './junit.js'
import { renderMarkdown } from './markdown.js'
import { renderPngs } from './png.js'
import { renderTap } from './tap.js'
import { renderTerminal } from './terminal.js'

export * from './compare.js'
export { locateResult, readResult, ResultError } from './read.js'
export { type TerminalOptions } from './terminal.js'
export { type Png } from './png.js'
export {
  renderGithubAnnotations,
  renderGithubSummary,
  renderHtml,
  renderJson,
  renderJunit,
  renderMarkdown,
  renderPngs,
  renderTap,
  renderTerminal,
}

/** Reports that are files in the result directory. */
export const fileReporters = ['html', 'md', 'png', 'junit', 'tap'] as const
export type FileReporter = (typeof fileReporters)[number]

export interface RenderOptions {
  /** All but `tap` by default. */
  reporters?: readonly FileReporter[]
}

export interface Rendered {
  /** Paths of what was written, in order. */
  files: string[]
  /** What could not be written; the others were. */
  problems: { reporter: FileReporter; message: string }[]
}

/**
 * Writes `report.html`, `report.md`, `charts/*.png`, `junit.xml` into the directory of a result. One that fails (a
 * machine without the canvas library, say) does not stop the others: a run of an hour must not end without a report.
 */
export async function renderAll(resultDir: string, result: Result, options: RenderOptions = {}): Promise<Rendered> {
  const rendered: Rendered = { files: [], problems: [] }
  for (const reporter of new Set(options.reporters ?? (['html', 'md', 'junit', 'png'] as const))) {
    try {
      for (const { name, data } of await make(reporter, result)) {
        const path = join(resultDir, name)
        await mkdir(join(path, '..'), { recursive: true })
        await writeFile(path, data)
        rendered.files.push(path)
      }
    } catch (error) {
      rendered.problems.push({ reporter, message: error instanceof Error ? error.message : String(error) })
    }
  }
  return rendered
}

async function make(reporter: FileReporter, result: Result): Promise<{ name: string; data: string | Buffer }[]> {
  switch (reporter) {
    case 'html':
      return [{ name: 'report.html', data: renderHtml(result) }]
    case 'md':
      return [{ name: 'report.md', data: renderMarkdown(result) }]
    case 'junit':
      return [{ name: 'junit.xml', data: renderJunit(result) }]
    case 'tap':
      return [{ name: 'report.tap', data: renderTap(result) }]
    case 'png':
      return (await renderPngs(result)).map(({ name, data }) => ({ name: join('charts', name), data }))
  }
}
