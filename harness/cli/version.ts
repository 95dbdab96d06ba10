/** Version and commit of this program. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'

/** The package's root: the first folder above this file with a package.json. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  for (;;) {
    try {
      readFileSync(join(folder, 'package.json'))
      return folder
    } catch {
      folder = dirname(folder)
    }
  }
}

export function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

/** Commit of the source tree that this program runs from; null for an installed package. */
export async function sourceCommit(): Promise<{ commit: string | null; dirty: boolean }> {
  const git = async (...args: string[]): Promise<string | null> => {
    const result = await execa('git', ['-C', packageRoot(), ...args], { reject: false, stdin: 'ignore' })
    return result.exitCode === 0 ? String(result.stdout).trim() : null
  }
  const top = await git('rev-parse', '--show-toplevel')
  if (top !== packageRoot()) return { commit: null, dirty: false }
  const commit = await git('rev-parse', '--short=10', 'HEAD')
  const status = await git('status', '--porcelain', '--untracked-files=no')
  return { commit, dirty: Boolean(status) }
}
