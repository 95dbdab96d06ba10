/**
 * Checks that no module names the host of a package registry, and that the lock file does not either: everybody
 * installs from the registry that their npm is set to.
 */
import { argv } from 'node:process'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { readFileSync } from 'node:fs'
import { glob } from 'zx'

const registries =
  /registry\.(npmjs|yarnpkg|npmmirror)\.[a-z]+|npm\.pkg\.github\.com|files\.pythonhosted\.org|\bpypi\.org|static\.crates\.io/

/** The lines, from 1, that name a registry. */
export function linesWithRegistry(text: string): number[] {
  return text.split('\n').flatMap((line, index) => (registries.test(line) ? [index + 1] : []))
}

async function main(): Promise<void> {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const files = await glob(['**/*.{ts,mts,js,mjs}', 'package-lock.json', 'package.json'], {
    cwd: root,
    ignore: ['node_modules', 'dist', 'build', 'results'],
  })
  for (const file of files.sort()) {
    for (const line of linesWithRegistry(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'))) {
      console.error(`${file}:${line}: names a package registry; leave the choice to npm's configuration`)
      process.exitCode = 1
    }
  }
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) await main()
