/** Finds and checks a result file. Everything that can be wrong with it is said in one line. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Result, RESULT_SCHEMA_VERSION, result as schema } from '../harness/results/schema.js'

/** Its message is meant for the user: no stack is needed. */
export class ResultError extends Error {
  override name = 'ResultError'
}

/**
 * @param path A `result.json`; a directory with one; a directory with `latest` in it, as `results/asym`; or `latest`:
 * the newest of all scenarios below `results/` in the working directory.
 */
export async function readResult(path: string): Promise<Result> {
  const file = await locateResult(path)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new ResultError(`${file}: ${reasonOf(error)}`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    const hint = text.trim() === '' ? 'it is empty; was the run stopped while it was written?' : 'is it a result.json?'
    throw new ResultError(`${file}: not JSON: ${hint}`)
  }
  return check(value, file)
}

function check(value: unknown, file: string): Result {
  const version =
    typeof value === 'object' && value !== null ? (value as { schemaVersion?: unknown }).schemaVersion : undefined
  if (typeof version !== 'number')
    throw new ResultError(`${file}: not a result of mqvpn-bench: it has no schemaVersion`)
  if (version !== RESULT_SCHEMA_VERSION) {
    const remedy = version > RESULT_SCHEMA_VERSION ? 'use a newer mqvpn-bench' : 'use the mqvpn-bench that wrote it'
    throw new ResultError(
      `${file}: result format ${version}, but this version reads format ${RESULT_SCHEMA_VERSION}: ${remedy}`,
    )
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [first] = parsed.error.issues
  const key = (first?.path ?? []).map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('')
  const rest = parsed.error.issues.length - 1
  const more = rest > 0 ? ` (and ${rest} more)` : ''
  throw new ResultError(
    `${file}: invalid at ${key.replace(/^\./, '') || 'its top'}: ${first?.message ?? 'unknown'}${more}`,
  )
}

/** The `result.json` that `readResult` would read. */
export async function locateResult(path: string): Promise<string> {
  if (path === 'latest' && !(await exists(path))) return newest('results')
  if (!(await isDirectory(path))) return path
  for (const inner of ['result.json', join('latest', 'result.json')]) {
    const file = join(path, inner)
    if (await exists(file)) return file
  }
  throw new ResultError(`${path}: no result.json in this directory; give a result directory or a result.json`)
}

/** The youngest `<scenario>/latest/result.json`. */
async function newest(results: string): Promise<string> {
  const scenarios = await readdir(results).catch(() => [])
  const found: { file: string; at: number }[] = []
  for (const scenario of scenarios) {
    const file = join(results, scenario, 'latest', 'result.json')
    const at = await stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => null,
    )
    if (at !== null) found.push({ file, at })
  }
  const last = found.sort((x, y) => y.at - x.at)[0]
  if (last === undefined) throw new ResultError(`latest: no result in ${results}/ yet; run a scenario first`)
  return last.file
}

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'no such file; `mqvpn-bench run` writes results/<scenario>/latest/result.json'
  if (code === 'EACCES') return 'not readable for this user'
  return (error as Error).message
}
