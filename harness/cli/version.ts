/** Commit of this program. */
import { execa } from 'execa'
import { packageRoot } from '../../common/package.js'

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
