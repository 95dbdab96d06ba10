/** What a scenario wrote for a `command` subject, turned into argv with the placeholders filled in. */
import { messageOf, UsageError } from '../lab/errors.js'
import { SERVER4, SERVER6 } from '../lab/addressing.js'
import type { Lab } from '../lab/lab.js'
import { fillPlaceholders } from '../scenario/placeholders.js'

export type CommandLine = string | readonly string[]
export type Values = Readonly<Record<string, string>>

/** Nothing of the lab listens on it; the load programs have others. */
const PORT = 4433

/** What every placeholder stands for at this moment: a client's address may change. */
export function placeholderValues(lab: Lab, workDir: string): Record<string, string> {
  const values: Record<string, string> = {
    'server.address': SERVER4,
    'server.address6': SERVER6,
    workdir: workDir,
    port: `${PORT}`,
    lab: lab.id,
  }
  for (const [name, path] of lab.paths) {
    values[`server.address.${name}`] = path.addresses.server4
    values[`server.address6.${name}`] = path.addresses.server6
    values[`server.dev.${name}`] = name
    values[`client.address.${name}`] = path.client4
    values[`client.address6.${name}`] = path.client6
    values[`client.dev.${name}`] = name
  }
  return values
}

export function fill(text: string, values: Values, subject: string): string {
  try {
    return fillPlaceholders(text, values)
  } catch (error) {
    const known = Object.keys(values).map((name) => `{${name}}`)
    throw new UsageError(
      `subject ${subject}: ${messageOf(error)} in ${JSON.stringify(text)}; known: ${known.join(' ')}`,
    )
  }
}

/** A list is run as it is; a line is for the shell. */
export function argvOf(command: CommandLine, values: Values, subject: string): [string, ...string[]] {
  if (typeof command !== 'string') {
    const [program = '', ...args] = command.map((word) => fill(word, values, subject))
    return [program, ...args]
  }
  const line = fill(command, values, subject)
  // Without `exec` some shells stay in between, and signals and CPU times would be theirs.
  return ['sh', '-c', isSimple(line) ? `exec ${line}` : line]
}

/** The program that a command starts with, when that can be told without running it. */
export function programOf(command: CommandLine): string | null {
  const word = typeof command !== 'string' ? command[0] : isSimple(command) ? command.trim().split(/\s+/)[0] : undefined
  return word !== undefined && !word.includes('{') ? word : null
}

const SHELL_WORDS = new Set(
  '. : [ case cd eval exec exit export false for if set source test trap true ulimit umask unset until wait while'.split(
    ' ',
  ),
)

/** One program with its arguments: no operators, no substitutions, no assignments in front, not built into the shell. */
function isSimple(line: string): boolean {
  const [first = ''] = line.trim().split(/\s+/)
  return /^[\w./{}+-]+$/.test(first) && !SHELL_WORDS.has(first) && !/[;&|<>()`\n\\]|\$\(/.test(line)
}
