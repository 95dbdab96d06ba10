/** Comparing two runs: `compareResults`, and its text for the terminal and for Markdown. */
export {
  type Change,
  type ChangeVerdict,
  type CompareOptions,
  compareResults,
  type ResultComparison,
} from './compare/compare.js'
export { type CompareTextOptions, renderComparisonMarkdown, renderComparisonTerminal } from './compare/text.js'
