/** The script of `mqvpn completion bash`. */
import type { CommandSpec, ValueSpec } from './spec.js'

export function bashCompletion(specs: readonly CommandSpec[]): string {
  return `# bash completion of mqvpn, made by \`mqvpn completion bash\`. Put it into
#   /usr/share/bash-completion/completions/mqvpn
# or, for one user, ~/.local/share/bash-completion/completions/mqvpn
_mqvpn() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} command= word i
  COMPREPLY=()
  # Which command it is: words that are neither flags nor the values of some.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$command $word" in
${specs
  .filter(({ path }) => path.length > 0)
  .map(
    ({ path }) =>
      `      ${quote(`${path.slice(0, -1).join(' ')} ${path.at(-1)!}`)}) command=${quote(path.join(' '))} ;;`,
  )
  .join('\n')}
    esac
  done
  case "$command" in
${specs.map(branch).join('\n')}
  esac
}

_mqvpn_interfaces() { ls /sys/class/net 2>/dev/null; }
_mqvpn_clients() {
  local file
  for file in /etc/mqvpn/*.conf; do
    file=\${file##*/}
    [ "$file" != '*.conf' ] && echo "\${file%.conf}"
  done
}

complete -F _mqvpn mqvpn
`
}

function branch({ path, flags, commands, argument }: CommandSpec): string {
  const valued = flags.filter(({ value }) => value !== null)
  const words = [...commands.map(({ name }) => name), ...flags.flatMap((flag) => flag.flags)].join(' ')
  const cases = [
    ...valued.map((flag) => `        ${flag.flags.join('|')}) ${reply(flag.value!)}; return ;;`),
    ...(argument === null ? [] : [`        ${path.at(-1)!}) ${reply(argument)} ;;`]),
  ]
  return `    ${quote(path.join(' '))})
      case "$prev" in
${cases.join('\n')}
      esac
      COMPREPLY+=($(compgen -W ${quote(words)} -- "$cur")) ;;`
}

function reply({ kind, words }: ValueSpec): string {
  switch (kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W ${quote(words.join(' '))} -- "$cur"))`
    case 'file':
      return `mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null`
    case 'folder':
      return `mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null`
    case 'interface':
      return 'COMPREPLY=($(compgen -W "$(_mqvpn_interfaces)" -- "$cur"))'
    case 'client':
      return 'COMPREPLY=($(compgen -W "$(_mqvpn_clients)" -- "$cur"))'
    case 'text':
      return ':'
  }
}

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`
