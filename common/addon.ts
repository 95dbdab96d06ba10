/**
 * Where the native parts are, and the addon as it comes out of its file. What the addon's functions take and give is
 * known to the one typed module of each side: `harness/native.ts` and `vpn/native.ts`.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { PACKAGE_NAME, packageRoot } from './package.js'

/** A native part cannot be used; the message says how to get it. */
export class NativeMissingError extends Error {
  override readonly name = 'NativeMissingError'

  constructor(what: string, path: string, why = '') {
    super(
      [
        `${what} cannot be used: ${path}${why}`,
        'Possible solutions:',
        '  - in a source tree: cmake -S native -B build/release && cmake --build build/release',
        `  - installed from npm: npm rebuild ${PACKAGE_NAME} (needs cmake and a C++20 compiler; Debian: apt install cmake g++)`,
        '  - an install with --ignore-scripts builds nothing: allow the scripts of this package',
      ].join('\n'),
    )
  }
}

/** Where the native parts are; the environment variable is for trying another build (sanitizers, debug). */
export function nativeFolder(): string {
  const chosen = process.env['MQVPN_NATIVE_DIR']
  return chosen ? resolve(chosen) : join(packageRoot(), 'build', 'release')
}

/**
 * Loads the addon; Node keeps it, so every call gives the same one.
 *
 * @throws NativeMissingError
 */
export function loadAddon(): unknown {
  const path = join(nativeFolder(), 'mqvpn_native.node')
  try {
    return createRequire(import.meta.url)(path)
  } catch (error) {
    const why = existsSync(path) && error instanceof Error ? ` (${error.message.split('\n')[0]})` : ''
    throw new NativeMissingError('the native addon', path, why)
  }
}
