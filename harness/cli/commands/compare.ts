/** `compare`: two results side by side; with `--fail-on regression` a loss beyond the noise ends with 1. */
import { compareResults, renderComparisonMarkdown, renderComparisonTerminal } from '../../../reports/index.js'
import { EXIT } from '../exit-codes.js'
import { openResult } from '../open-result.js'

export interface CompareCommandOptions {
  failOn?: 'regression'
  markdown?: boolean
  force?: boolean
}

export async function compareCommand(before: string, after: string, options: CompareCommandOptions): Promise<number> {
  const [a, b] = [await openResult(before), await openResult(after)]
  const comparison = compareResults(a.result, b.result, { force: options.force ?? false })
  const text = options.markdown ? renderComparisonMarkdown(comparison) : renderComparisonTerminal(comparison)
  process.stdout.write(`${text}\n`)
  return options.failOn === 'regression' && comparison.failsOnRegression ? EXIT.failed : EXIT.ok
}
