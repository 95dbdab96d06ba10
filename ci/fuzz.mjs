/**
 * Coverage-guided fuzzing with libFuzzer (clang): builds the targets of native/test, then runs each from its kept corpus.
 *
 *   npm run fuzz                           every target for a minute
 *   npm run fuzz -- --seconds 600          longer
 *   npm run fuzz -- --target quic_frame_fuzz --target capsule_fuzz
 *   npm run fuzz -- --keep                 put what was found into native/test/corpus, reduced to what adds coverage
 *
 * A crash ends it with exit code 1 and names the input, which belongs into the corpus with the fix.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))
const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    target: { type: 'string', multiple: true },
    keep: { type: 'boolean', default: false },
  },
})
const build = path.join(root, 'build', 'fuzz')

/**
 * @param {string} program
 * @param {string[]} args
 */
function run(program, args) {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit', cwd: root })
  if (error) {
    console.error(
      `fuzz: ${program} cannot be run (${error.message}). Debian: apt install clang libclang-rt-14-dev cmake ninja-build`,
    )
    process.exit(3)
  }
  return status ?? 1
}

const seconds = Number(options.seconds)
if (!Number.isInteger(seconds) || seconds < 1) {
  console.error(`fuzz: --seconds ${options.seconds}: a whole number of seconds, 1 or more`)
  process.exit(2)
}
const configured = run('cmake', [
  ...['-S', path.join(root, 'native'), '-B', build, '-G', 'Ninja', '-DMQVPN_FUZZ=ON', '-DCMAKE_CXX_COMPILER=clang++'],
  '-DCMAKE_BUILD_TYPE=RelWithDebInfo',
])
if (configured !== 0 || run('cmake', ['--build', build]) !== 0) process.exit(1)

const all = readdirSync(build).filter((name) => name.endsWith('_fuzz'))
const unknown = (options.target ?? []).filter((name) => !all.includes(name))
if (unknown.length > 0) {
  console.error(`fuzz: no target ${unknown.join(', ')}; there are: ${all.join(', ')}`)
  process.exit(2)
}
let failed = 0
for (const target of options.target ?? all) {
  const kept = path.join(root, 'native', 'test', 'corpus', target)
  const found = path.join(build, 'found', target)
  mkdirSync(found, { recursive: true })
  console.log(`--- ${target}, ${seconds} s`)
  const program = path.join(build, target)
  const corpora = existsSync(kept) ? [found, kept] : [found]
  const limits = [`-max_total_time=${seconds}`, '-timeout=20', '-rss_limit_mb=4096', '-max_len=4096']
  const status = run(program, [
    ...limits,
    '-print_final_stats=0',
    '-verbosity=0',
    `-artifact_prefix=${found}/`,
    ...corpora,
  ])
  if (status !== 0) failed += 1
  if (status === 0 && options.keep) {
    mkdirSync(kept, { recursive: true })
    run(program, ['-merge=1', '-verbosity=0', kept, found])
  }
}
console.log(failed === 0 ? 'No target failed.' : `${failed} target(s) failed: the input is named above.`)
process.exit(failed === 0 ? 0 : 1)
