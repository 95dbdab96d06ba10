/** `report`: renders a result again, from its files alone. */
import { dirname, relative, resolve } from 'node:path'
import { readResult, renderAll, resultFile } from '../../../reports/index.js'
import { renderTerminal } from '../../../reports/terminal.js'
import { EXIT } from '../exit-codes.js'
import { reporterNames } from '../reporters.js'

export async function reportCommand(
  where: string,
  { reporter, open = false }: { reporter: string[]; open?: boolean },
): Promise<number> {
  const reporters = reporterNames(reporter, ['html', 'markdown', 'png', 'junit'])
  const result = readResult(where)
  const directory = dirname(resolve(resultFile(where)))
  const written = await renderAll(directory, result, { reporters })
  const html = relative('', written['html'] ?? directory)
  process.stdout.write(open ? `${html}\n` : `${renderTerminal(result, { reportPath: html })}\n`)
  return EXIT.ok
}
