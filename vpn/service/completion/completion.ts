/** `mqvpn completion bash|zsh|fish`: a script for a shell. */
import type { Command } from 'commander'
import { didYouMean } from '../../../common/suggest.js'
import { UsageError } from '../../errors.js'
import { bashCompletion } from './bash.js'
import { fishCompletion } from './fish.js'
import { specOf, type CommandSpec } from './spec.js'
import { zshCompletion } from './zsh.js'

const SHELLS: Readonly<Record<string, (specs: readonly CommandSpec[]) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
}

/** @param root the whole command line */
export function completion(shell: string, root: Command): string {
  const known = Object.keys(SHELLS)
  const script = known.includes(shell) ? SHELLS[shell] : undefined
  if (script === undefined) {
    throw new UsageError(`completion ${shell}: write ${known.join(', ')}${didYouMean(shell, known)}`)
  }
  return script(specOf(root))
}
