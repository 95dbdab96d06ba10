/** What there is to complete, read from the command line itself, so that no flag can be missing or wrong. */
import type { Command, Option } from 'commander'

export interface FlagSpec {
  /** `--path`, `-h` */
  flags: string[]
  help: string
  /** Null: it takes no value. */
  value: ValueSpec | null
}

export interface ValueSpec {
  /** `FILE`, `minrtt|wlb` */
  name: string
  kind: 'words' | 'file' | 'folder' | 'interface' | 'client' | 'text'
  words: string[]
}

export interface CommandSpec {
  /** Empty for mqvpn itself; `config show` is two. */
  path: string[]
  help: string
  flags: FlagSpec[]
  commands: { name: string; help: string }[]
  /** Its first argument. */
  argument: ValueSpec | null
}

/** Commands of every depth, mqvpn itself first. */
export function specOf(root: Command): CommandSpec[] {
  return below(root, [])
}

function below(command: Command, path: string[]): CommandSpec[] {
  const [argument] = command.registeredArguments
  const spec: CommandSpec = {
    path,
    help: command.description(),
    flags: command.createHelp().visibleOptions(command).map(flagOf),
    commands: command.commands.map((one) => ({ name: one.name(), help: one.description() })),
    argument: argument === undefined ? null : valueOf(argument.name()),
  }
  return [spec, ...command.commands.flatMap((one) => below(one, [...path, one.name()]))]
}

function flagOf(option: Option): FlagSpec {
  const flags = [option.short, option.long].filter((flag) => flag != null)
  const name = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? null
  return { flags, help: option.description, value: name === null ? null : valueOf(name) }
}

const KINDS: [kind: ValueSpec['kind'], names: RegExp][] = [
  ['file', /^(FILE|PATH)$/],
  ['folder', /^DIR$/],
  ['interface', /^IFACE\b/],
  ['client', /^CLIENT$/],
]
/** Values of flags whose argument has a name instead of a list. */
const KNOWN_WORDS: Readonly<Record<string, string[]>> = {
  LEVEL: ['debug', 'info', 'warn', 'error'],
  SHELL: ['bash', 'zsh', 'fish'],
}

function valueOf(name: string): ValueSpec {
  const listed = /^[a-z0-9]+(\|[a-z0-9]+)+$/.test(name) ? name.split('|') : null
  const words = listed ?? KNOWN_WORDS[name] ?? null
  if (words !== null) return { name, kind: 'words', words }
  return { name, kind: KINDS.find(([, names]) => names.test(name))?.[0] ?? 'text', words: [] }
}
