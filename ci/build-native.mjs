/**
 * Builds native/ with CMake. Also runs when the package is installed from a tarball, so it needs Node and nothing else.
 *
 *   node ci/build-native.mjs               → build/release
 *   node ci/build-native.mjs --sanitize    → build/sanitize, with ASan and UBSan, and with the tests
 *   … --test                               run the tests that were built
 *   … --quiet                              say nothing unless it fails
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({
  options: { sanitize: { type: 'boolean' }, test: { type: 'boolean' }, quiet: { type: 'boolean' } },
})
const build = path.join(root, 'build', options.sanitize ? 'sanitize' : 'release')

/** The command that installs compilers and libraries on this system. */
function remedy() {
  const { stdout } = spawnSync('sh', [path.join(root, 'ci/setup.sh'), '--build', '--print'], { encoding: 'utf8' })
  return stdout.trim()
}

/** @param {string} message one line */
function fail(message) {
  console.error(`mqvpn-bench: ${message}`)
  // `npx mqvpn-bench` in a clone links the clone into npx's cache, and if a script fails there, the cache stays broken
  // for ever. The command itself then says that the native parts are missing.
  const isClone = existsSync(path.join(root, 'tsconfig.json'))
  process.exit(isClone && process.env.npm_command === 'exec' ? 0 : 1)
}

/** @param {string} program */
function exists(program) {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined
}

/**
 * @param {string} what for the error message
 * @param {string} program
 * @param {string[]} args
 */
function run(what, program, args, environment = {}) {
  const { status, signal, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: options.quiet ? 'pipe' : 'inherit',
    encoding: 'utf8',
    maxBuffer: 64 * 2 ** 20,
  })
  if (status === 0) return
  if (options.quiet) process.stderr.write(stdout + stderr)
  fail(`${what} failed (${signal ?? `exit code ${String(status)}`}). What it needs on this system: ${remedy()}`)
}

const compiler = process.env.CXX ?? 'c++'
const missing = ['cmake', compiler].filter((program) => !exists(program))
if (missing.length > 0) {
  fail(`${missing.join(' and ')} not found: the native parts are compiled here. Install: ${remedy()}`)
}

// A build directory that was copied together with the repository refers to the old place.
const cache = path.join(build, 'CMakeCache.txt')
const home = existsSync(cache) && /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1]
if (home && path.resolve(home) !== path.join(root, 'native')) rmSync(build, { recursive: true })

const define = {
  CMAKE_BUILD_TYPE: options.sanitize ? 'RelWithDebInfo' : 'Release',
  // Under sanitizers half the time goes into compiling: -O1 halves that, and the tests take little longer.
  CMAKE_CXX_FLAGS_RELWITHDEBINFO: '-O1 -DNDEBUG',
  MQVPN_SANITIZE: options.sanitize ? 'ON' : 'OFF',
  MQVPN_TESTS: options.sanitize ? 'ON' : 'OFF',
  MQVPN_WERROR: options.sanitize ? 'ON' : 'OFF',
}
const generator = existsSync(cache) || !exists('ninja') ? [] : ['-G', 'Ninja']
run('cmake', 'cmake', [
  ...['-S', path.join(root, 'native'), '-B', build],
  ...generator,
  ...Object.entries(define).map(([key, value]) => `-D${key}=${value}`),
])
run('compiling', 'cmake', ['--build', build, '--parallel', String(availableParallelism())])
if (options.test) {
  run(
    'a native test',
    'ctest',
    ['--test-dir', build, '--output-on-failure', '--no-tests=error', '--parallel', String(availableParallelism())],
    {
      ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1',
      UBSAN_OPTIONS: 'print_stacktrace=1',
    },
  )
}
