/** The script of `mqvpn completion zsh`. */
import type { CommandSpec, FlagSpec, ValueSpec } from './spec.js'

export function zshCompletion(specs: readonly CommandSpec[]): string {
  return `#compdef mqvpn
# zsh completion of mqvpn, made by \`mqvpn completion zsh\`. Put it as _mqvpn into a folder of $fpath.

_mqvpn_interfaces() { local -a found; found=(/sys/class/net/*(N:t)); _describe -t interfaces interface found }
_mqvpn_clients() { local -a found; found=(/etc/mqvpn/*.conf(N:t:r)); _describe -t clients client found }

${specs.map(command).join('\n\n')}

if [ "$funcstack[1]" = _mqvpn ]; then
  _mqvpn "$@"
else
  compdef _mqvpn mqvpn
fi
`
}

const nameOf = (path: readonly string[]): string => ['_mqvpn', ...path].join('_').replaceAll('-', '_')

function command({ path, flags, commands, argument }: CommandSpec): string {
  const name = nameOf(path)
  const rest =
    commands.length > 0
      ? [`'1: :->command'`, `'*:: :->rest'`]
      : argument === null
        ? []
        : [quote(`1:${escape(argument.name)}:${action(argument)}`)]
  const lines = [...flags.flatMap(flagLines), ...rest]
  const states =
    commands.length === 0
      ? ''
      : `
  case $state in
    command)
      local -a commands
      commands=(
${commands.map((one) => `        ${quote(`${one.name}:${one.help}`)}`).join('\n')}
      )
      _describe -t commands command commands ;;
    rest)
      case $words[1] in
${commands.map((one) => `        ${one.name}) ${nameOf([...path, one.name])} ;;`).join('\n')}
      esac ;;
  esac`
  return `${name}() {
  local state line
  typeset -A opt_args
  _arguments -C \\
    ${lines.join(' \\\n    ')}${states}
}`
}

/** A flag that may come again is not taken from the list when it stands there. */
function flagLines({ flags, help, value }: FlagSpec): string[] {
  const again = /repeatable/.test(help) ? '*' : ''
  return flags.map((flag) => {
    const argument = value === null ? '' : `:${escape(value.name)}:${action(value)}`
    return quote(`${again}${flag}[${escape(help)}]${argument}`)
  })
}

function action({ kind, words }: ValueSpec): string {
  switch (kind) {
    case 'words':
      return `(${words.join(' ')})`
    case 'file':
      return '_files'
    case 'folder':
      return '_files -/'
    case 'interface':
      return '_mqvpn_interfaces'
    case 'client':
      return '_mqvpn_clients'
    case 'text':
      return ' '
  }
}

/** Brackets end a help text, and colons a part. */
const escape = (text: string): string => text.replace(/[[\]:\\]/g, (c) => `\\${c}`)
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
