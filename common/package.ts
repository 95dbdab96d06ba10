/** This package: where it lies and which version it is. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PACKAGE_NAME = 'mqvpn-bench'

/** From source this file lies in `common/`, built in `dist/common/`: the root is where our package.json is. */
export function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url))
  for (let folder = start; ; folder = dirname(folder)) {
    if (manifestOf(folder)?.name === PACKAGE_NAME) return folder
    if (folder === dirname(folder)) throw new Error(`no package.json of ${PACKAGE_NAME} above ${start}`)
  }
}

export function packageVersion(): string {
  return manifestOf(packageRoot())?.version ?? 'unknown'
}

function manifestOf(folder: string): { name?: string; version?: string } | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name?: string; version?: string }
  } catch {
    return null
  }
}
