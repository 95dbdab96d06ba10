/**
 * What is wrong with a scenario: every problem is one line, `paths.a.dealy: unknown key; did you mean "delay"?`. All are
 * collected before anything is thrown, so that a file is corrected in one go.
 */
import { z } from 'zod'
import { UsageError } from '../lab/errors.js'
import { didYouMean } from '../../common/suggest.js'
import { quote } from './units.js'

export type Key = readonly PropertyKey[]

/** Thrown by `defineScenario`: usage, exit code 2. The message holds one problem per line. */
export class ScenarioError extends UsageError {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'))
  }
}

/** `['paths', 'a', 'rate']` → `paths.a.rate`; `['faults', 0, 'at']` → `faults[0].at`. */
export function keyPath(key: Key): string {
  return key.map((k, i) => (typeof k === 'number' ? `[${k}]` : `${i === 0 ? '' : '.'}${String(k)}`)).join('')
}

export class Problems {
  readonly #lines: string[] = []

  add(key: Key, message: string): void {
    const line = key.length === 0 ? message : `${keyPath(key)}: ${message}`
    if (!this.#lines.includes(line)) this.#lines.push(line)
  }

  get lines(): readonly string[] {
    return this.#lines
  }

  /** Validates `value` against `schema`; null when there were problems, which are then added under `key`. */
  parse<S extends z.ZodType>(schema: S, value: unknown, key: Key): z.output<S> | null {
    const parsed = schema.safeParse(value, { error: explain })
    if (parsed.success) return parsed.data
    for (const [path, message] of issuesOf(parsed.error)) this.add([...key, ...path], message)
    return null
  }

  /** Throws ScenarioError when there is any problem. */
  throwIfAny(): void {
    if (this.#lines.length > 0) throw new ScenarioError(this.#lines)
  }
}

/** Each issue as `[path, message]`; unknown keys one by one, with a suggestion. */
export function issuesOf(error: z.ZodError): [Key, string][] {
  return error.issues.flatMap((issue): [Key, string][] => {
    if (issue.code !== 'unrecognized_keys') return [[issue.path, issue.message]]
    // `strict` puts the known keys where the message would be.
    const known = issue.message.split(',')
    return issue.keys.map((key) => [[...issue.path, key], `unknown key${didYouMean(key, known)}`])
  })
}

/** An object with these keys only; unknown ones get a suggestion. */
export function strict<T extends z.ZodRawShape>(shape: T) {
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? Object.keys(shape).join(',') : undefined),
  })
}

/** Validates inside a transform: the issues of `schema` become issues of the value that is being transformed. */
export function nested<S extends z.ZodType>(schema: S, value: unknown, context: z.RefinementCtx): z.output<S> {
  const parsed = schema.safeParse(value, { error: explain })
  if (parsed.success) return parsed.data
  for (const [path, message] of issuesOf(parsed.error)) context.addIssue({ code: 'custom', path: [...path], message })
  return z.NEVER
}

/** A value whose schema depends on what it looks like; unlike a union, only that schema's problems are told. */
export function choose<T>(pick: (value: unknown) => z.ZodType<T>) {
  return z.unknown().transform((value, context): T => nested(pick(value), value, context))
}

/** zod's messages in this project's words: what was there; what to write. */
function explain(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') return undefined
  const got = issue.input === undefined ? 'missing' : `got ${quote(issue.input)}`
  switch (issue.code) {
    case 'invalid_type':
      return `${got}; write ${article(issue.expected)}`
    case 'invalid_value': {
      const values = issue.values.map(String)
      const hint = typeof issue.input === 'string' ? didYouMean(issue.input, values) : `; known: ${values.join(', ')}`
      return `${got}${hint}`
    }
    case 'too_small':
      return `${got}; the least is ${issue.minimum}${issue.origin === 'array' ? ' entries' : ''}`
    case 'too_big':
      return `${got}; the most is ${issue.maximum}${issue.origin === 'array' ? ' entries' : ''}`
    default:
      return undefined
  }
}

function article(expected: string): string {
  const names: Record<string, string> = { int: 'a whole number', array: 'a list', record: 'an object' }
  return names[expected] ?? `${/^[aeiou]/.test(expected) ? 'an' : 'a'} ${expected}`
}
