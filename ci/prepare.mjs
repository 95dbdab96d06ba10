/** npm's `prepare`: a git clone or a tarball that is being packed gets its dist/. */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const command = path.join(root, 'dist/harness/cli/main.js')

let compiler
try {
  compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc')
} catch {
  // `npx mqvpn-bench` in a new clone, or `npm ci --omit=dev`: whoever starts the command learns what to do.
  if (!existsSync(command)) {
    mkdirSync(path.dirname(command), { recursive: true })
    writeFileSync(
      command,
      `#!/usr/bin/env node
console.error('mqvpn-bench: this clone is not built yet. \`npm run bench\`, as root, does it all; or: npm ci')
process.exit(3)
`,
    )
  }
  process.exit(0)
}
const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' })
process.exit(status ?? 1)
