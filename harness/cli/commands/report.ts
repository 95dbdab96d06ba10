/** `report`: renders a result again, from its files alone. */
import { EXIT } from '../exit-codes.js'
import { openResult } from '../open-result.js'
import { emit, reporterNames } from '../reporters.js'

export async function reportCommand(where: string, { reporter }: { reporter: string[] }): Promise<number> {
  const reporters = reporterNames(reporter)
  const { result, directory } = await openResult(where)
  await emit(result, directory, reporters)
  return EXIT.ok
}
