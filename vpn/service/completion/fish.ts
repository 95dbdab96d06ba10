/** The script of `mqvpn completion fish`. */
import type { CommandSpec, FlagSpec, ValueSpec } from './spec.js'

export function fishCompletion(specs: readonly CommandSpec[]): string {
  return `# fish completion of mqvpn, made by \`mqvpn completion fish\`. Put it into ~/.config/fish/completions/mqvpn.fish
function __mqvpn_interfaces; command ls /sys/class/net 2>/dev/null; end
function __mqvpn_clients; for file in /etc/mqvpn/*.conf; basename $file .conf; end; end

complete -c mqvpn -f
${specs.flatMap((one) => linesOf(one, specs)).join('\n')}
`
}

function linesOf({ path, flags, commands, argument }: CommandSpec, specs: readonly CommandSpec[]): string[] {
  const when = condition(path, commands, specs)
  return [
    ...commands.map(({ name, help }) => `complete -c mqvpn ${when} -a ${quote(name)} -d ${quote(help)}`),
    ...(argument === null ? [] : [`complete -c mqvpn ${when}${values(argument).replace(/^ -[xr]/, '')}`]),
    ...flags.map((flag) => `complete -c mqvpn ${when}${names(flag)} -d ${quote(flag.help)}${flagValues(flag)}`),
  ]
}

/** The words of its path stand there, and of mqvpn itself and of a group, none of those below. */
function condition(path: readonly string[], commands: CommandSpec['commands'], specs: readonly CommandSpec[]): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`)
  const below =
    commands.length > 0 ? [`not __fish_seen_subcommand_from ${commands.map(({ name }) => name).join(' ')}`] : []
  // "show" below "config" must not be taken for a command of the first level, and the other way round.
  const others = specs
    .flatMap((one) => (one.path.length === 1 && path.length === 1 ? one.path : []))
    .filter((word) => word !== path[0])
  const none = others.length > 0 ? [`not __fish_seen_subcommand_from ${others.join(' ')}`] : []
  return `-n ${quote([...seen, ...below, ...none].join('; and '))}`
}

function names({ flags }: FlagSpec): string {
  return flags.map((flag) => (flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`)).join('')
}

function flagValues({ value }: FlagSpec): string {
  return value === null ? '' : values(value)
}

function values({ kind, words }: ValueSpec): string {
  switch (kind) {
    case 'words':
      return ` -x -a ${quote(words.join(' '))}`
    case 'file':
      return ' -r -F'
    case 'folder':
      return ` -x -a '(__fish_complete_directories)'`
    case 'interface':
      return ` -x -a '(__mqvpn_interfaces)'`
    case 'client':
      return ` -x -a '(__mqvpn_clients)'`
    case 'text':
      return ' -x'
  }
}

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
