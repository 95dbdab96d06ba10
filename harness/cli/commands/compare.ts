/** `compare`: two results side by side; with `--fail-on regression` a loss beyond the noise ends with 1. */
import { compareResults, renderComparison, renderComparisonMarkdown } from '../../../reports/compare.js'
import { readResult } from '../../../reports/index.js'
import { EXIT } from '../exit-codes.js'

export async function compareCommand(
  before: string,
  after: string,
  { failOn, markdown = false }: { failOn?: 'regression'; markdown?: boolean },
): Promise<number> {
  const comparison = compareResults(readResult(before), readResult(after))
  process.stdout.write(`${markdown ? renderComparisonMarkdown(comparison) : renderComparison(comparison)}\n`)
  return Promise.resolve(failOn === 'regression' && comparison.regressed ? EXIT.failed : EXIT.ok)
}
