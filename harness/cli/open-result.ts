/** Reads a result that the command line names. */
import { dirname, resolve } from 'node:path'
import { locateResult, readResult, ResultError } from '../../reports/index.js'
import { UsageError } from '../lab/errors.js'
import type { Result } from '../results/schema.js'

/** @throws UsageError in one line */
export async function openResult(path: string): Promise<{ result: Result; directory: string }> {
  try {
    const result = await readResult(path)
    return { result, directory: dirname(resolve(await locateResult(path))) }
  } catch (error) {
    throw error instanceof ResultError ? new UsageError(error.message) : error
  }
}
