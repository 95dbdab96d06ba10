/**
 * Writes what is made from the command line, and committed so that a package of a distribution has it without running
 * anything: the man page and the completion scripts, in `service/`.
 *
 *   npx tsx ci/man.ts
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { argv } from 'node:process'
import { pathToFileURL } from 'node:url'
import { packageRoot, packageVersion } from '../common/package.js'
import { program } from '../vpn/program.js'
import { completion } from '../vpn/service/completion/completion.js'
import { manPage } from '../vpn/service/man.js'

/** Path inside the package → content. */
export function generatedFiles(): Map<string, string> {
  const root = program(() => undefined)
  return new Map([
    ['service/mqvpn.8', manPage(root, packageVersion())],
    ['service/completion/mqvpn.bash', completion('bash', root)],
    ['service/completion/_mqvpn', completion('zsh', root)],
    ['service/completion/mqvpn.fish', completion('fish', root)],
  ])
}

if (argv[1] !== undefined && import.meta.url === pathToFileURL(argv[1]).href) {
  for (const [path, text] of generatedFiles()) {
    const file = join(packageRoot(), path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}
