# bash completion of mqvpn, made by `mqvpn completion bash`. Put it into
#   /usr/share/bash-completion/completions/mqvpn
# or, for one user, ~/.local/share/bash-completion/completions/mqvpn
_mqvpn() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= word i
  COMPREPLY=()
  # Which command it is: words that are neither flags nor the values of some.
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case "$command $word" in
      ' server') command='server' ;;
      ' client') command='client' ;;
      ' genkey') command='genkey' ;;
      ' status') command='status' ;;
      ' invite') command='invite' ;;
      ' user') command='user' ;;
      'user list') command='user list' ;;
      'user add') command='user add' ;;
      'user remove') command='user remove' ;;
      ' config') command='config' ;;
      'config check') command='config check' ;;
      'config show') command='config show' ;;
      ' recover') command='recover' ;;
      ' up') command='up' ;;
      ' down') command='down' ;;
      ' doctor') command='doctor' ;;
      ' completion') command='completion' ;;
    esac
  done
  case "$command" in
    '')
      case "$prev" in
        --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --mode) COMPREPLY=($(compgen -W 'client server' -- "$cur")); return ;;
        --tun-name) :; return ;;
        --scheduler) COMPREPLY=($(compgen -W 'minrtt wlb' -- "$cur")); return ;;
        --cc) COMPREPLY=($(compgen -W 'bbr cubic none' -- "$cur")); return ;;
        --mtu) :; return ;;
        --auth-key) :; return ;;
        --auth-key-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --log-level) COMPREPLY=($(compgen -W 'debug info warn error' -- "$cur")); return ;;
        --log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
        --control) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --metrics) :; return ;;
        --key-log) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --qlog) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --server) :; return ;;
        --path) COMPREPLY=($(compgen -W "$(_mqvpn_interfaces)" -- "$cur")); return ;;
        --multipath-draft) COMPREPLY=($(compgen -W '21 10' -- "$cur")); return ;;
        --pin) :; return ;;
        --ca) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --tls-server-name) :; return ;;
        --dns) :; return ;;
        --allowed-ips) :; return ;;
        --exclude) :; return ;;
        --kill-switch) COMPREPLY=($(compgen -W 'off on always' -- "$cur")); return ;;
        --reconnect-interval) :; return ;;
        --listen) :; return ;;
        --subnet) :; return ;;
        --subnet6) :; return ;;
        --cert) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --key) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --acme) :; return ;;
        --acme-email) :; return ;;
        --acme-directory) :; return ;;
        --acme-http) :; return ;;
        --user) :; return ;;
        --user-address) :; return ;;
        --user-allowed-ips) :; return ;;
        --max-clients) :; return ;;
        --invite) :; return ;;
      esac
      COMPREPLY+=($(compgen -W 'server client genkey status invite user config recover up down doctor completion -V --version --config --no-config --mode --genkey --tun-name --scheduler --no-duplicate --cc --mtu --auth-key --auth-key-file --log-level --log-format --control --state-dir --metrics --key-log --qlog --server --path --multipath-draft --pin --ca --tls-server-name --insecure --dns --no-manage-routes --allowed-ips --exclude --kill-switch --no-reconnect --reconnect-interval --listen --subnet --subnet6 --cert --key --acme --acme-email --acme-directory --acme-http --user --user-address --user-allowed-ips --max-clients --no-client-to-client --no-nat --invite -h --help' -- "$cur")) ;;
    'server')
      case "$prev" in
        --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --tun-name) :; return ;;
        --scheduler) COMPREPLY=($(compgen -W 'minrtt wlb' -- "$cur")); return ;;
        --cc) COMPREPLY=($(compgen -W 'bbr cubic none' -- "$cur")); return ;;
        --mtu) :; return ;;
        --auth-key) :; return ;;
        --auth-key-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --log-level) COMPREPLY=($(compgen -W 'debug info warn error' -- "$cur")); return ;;
        --log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
        --control) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --metrics) :; return ;;
        --key-log) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --qlog) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --listen) :; return ;;
        --subnet) :; return ;;
        --subnet6) :; return ;;
        --cert) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --key) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --acme) :; return ;;
        --acme-email) :; return ;;
        --acme-directory) :; return ;;
        --acme-http) :; return ;;
        --user) :; return ;;
        --user-address) :; return ;;
        --user-allowed-ips) :; return ;;
        --max-clients) :; return ;;
        --invite) :; return ;;
      esac
      COMPREPLY+=($(compgen -W '--config --no-config --tun-name --scheduler --no-duplicate --cc --mtu --auth-key --auth-key-file --log-level --log-format --control --state-dir --metrics --key-log --qlog --listen --subnet --subnet6 --cert --key --acme --acme-email --acme-directory --acme-http --user --user-address --user-allowed-ips --max-clients --no-client-to-client --no-nat --invite -h --help' -- "$cur")) ;;
    'client')
      case "$prev" in
        --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --tun-name) :; return ;;
        --scheduler) COMPREPLY=($(compgen -W 'minrtt wlb' -- "$cur")); return ;;
        --cc) COMPREPLY=($(compgen -W 'bbr cubic none' -- "$cur")); return ;;
        --mtu) :; return ;;
        --auth-key) :; return ;;
        --auth-key-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --log-level) COMPREPLY=($(compgen -W 'debug info warn error' -- "$cur")); return ;;
        --log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
        --control) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --metrics) :; return ;;
        --key-log) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --qlog) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --server) :; return ;;
        --path) COMPREPLY=($(compgen -W "$(_mqvpn_interfaces)" -- "$cur")); return ;;
        --multipath-draft) COMPREPLY=($(compgen -W '21 10' -- "$cur")); return ;;
        --pin) :; return ;;
        --ca) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --tls-server-name) :; return ;;
        --dns) :; return ;;
        --allowed-ips) :; return ;;
        --exclude) :; return ;;
        --kill-switch) COMPREPLY=($(compgen -W 'off on always' -- "$cur")); return ;;
        --reconnect-interval) :; return ;;
        client) : ;;
      esac
      COMPREPLY+=($(compgen -W '--config --no-config --tun-name --scheduler --no-duplicate --cc --mtu --auth-key --auth-key-file --log-level --log-format --control --state-dir --metrics --key-log --qlog --server --path --multipath-draft --pin --ca --tls-server-name --insecure --dns --no-manage-routes --allowed-ips --exclude --kill-switch --no-reconnect --reconnect-interval -h --help' -- "$cur")) ;;
    'genkey')
      case "$prev" in

      esac
      COMPREPLY+=($(compgen -W '--hash -h --help' -- "$cur")) ;;
    'status')
      case "$prev" in
        --name) :; return ;;
        --control) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
      esac
      COMPREPLY+=($(compgen -W '--json --watch --name --control -h --help' -- "$cur")) ;;
    'invite')
      case "$prev" in
        --write) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        invite) : ;;
      esac
      COMPREPLY+=($(compgen -W '--write --force -h --help' -- "$cur")) ;;
    'user')
      case "$prev" in

      esac
      COMPREPLY+=($(compgen -W 'list add remove -h --help' -- "$cur")) ;;
    'user list')
      case "$prev" in
        --name) :; return ;;
        --control) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
      esac
      COMPREPLY+=($(compgen -W '--name --control --json -h --help' -- "$cur")) ;;
    'user add')
      case "$prev" in
        --name) :; return ;;
        --control) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --address) :; return ;;
        --allowed-ips) :; return ;;
        add) : ;;
      esac
      COMPREPLY+=($(compgen -W '--name --control --address --allowed-ips -h --help' -- "$cur")) ;;
    'user remove')
      case "$prev" in
        --name) :; return ;;
        --control) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        remove) : ;;
      esac
      COMPREPLY+=($(compgen -W '--name --control -h --help' -- "$cur")) ;;
    'config')
      case "$prev" in

      esac
      COMPREPLY+=($(compgen -W 'check show -h --help' -- "$cur")) ;;
    'config check')
      case "$prev" in
        --mode) COMPREPLY=($(compgen -W 'client server' -- "$cur")); return ;;
        check) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null ;;
      esac
      COMPREPLY+=($(compgen -W '--mode -h --help' -- "$cur")) ;;
    'config show')
      case "$prev" in
        --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --mode) COMPREPLY=($(compgen -W 'client server' -- "$cur")); return ;;
        --tun-name) :; return ;;
        --scheduler) COMPREPLY=($(compgen -W 'minrtt wlb' -- "$cur")); return ;;
        --cc) COMPREPLY=($(compgen -W 'bbr cubic none' -- "$cur")); return ;;
        --mtu) :; return ;;
        --auth-key) :; return ;;
        --auth-key-file) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --log-level) COMPREPLY=($(compgen -W 'debug info warn error' -- "$cur")); return ;;
        --log-format) COMPREPLY=($(compgen -W 'text json' -- "$cur")); return ;;
        --control) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --state-dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --metrics) :; return ;;
        --key-log) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --qlog) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --server) :; return ;;
        --path) COMPREPLY=($(compgen -W "$(_mqvpn_interfaces)" -- "$cur")); return ;;
        --multipath-draft) COMPREPLY=($(compgen -W '21 10' -- "$cur")); return ;;
        --pin) :; return ;;
        --ca) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --tls-server-name) :; return ;;
        --dns) :; return ;;
        --allowed-ips) :; return ;;
        --exclude) :; return ;;
        --kill-switch) COMPREPLY=($(compgen -W 'off on always' -- "$cur")); return ;;
        --reconnect-interval) :; return ;;
        --listen) :; return ;;
        --subnet) :; return ;;
        --subnet6) :; return ;;
        --cert) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --key) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
        --acme) :; return ;;
        --acme-email) :; return ;;
        --acme-directory) :; return ;;
        --acme-http) :; return ;;
        --user) :; return ;;
        --user-address) :; return ;;
        --user-allowed-ips) :; return ;;
        --max-clients) :; return ;;
      esac
      COMPREPLY+=($(compgen -W '--config --no-config --mode --json --with-secrets --tun-name --scheduler --no-duplicate --cc --mtu --auth-key --auth-key-file --log-level --log-format --control --state-dir --metrics --key-log --qlog --server --path --multipath-draft --pin --ca --tls-server-name --insecure --dns --no-manage-routes --allowed-ips --exclude --kill-switch --no-reconnect --reconnect-interval --listen --subnet --subnet6 --cert --key --acme --acme-email --acme-directory --acme-http --user --user-address --user-allowed-ips --max-clients --no-client-to-client --no-nat -h --help' -- "$cur")) ;;
    'recover')
      case "$prev" in
        --name) :; return ;;
      esac
      COMPREPLY+=($(compgen -W '--name --keep-kill-switch -h --help' -- "$cur")) ;;
    'up')
      case "$prev" in
        --wait) :; return ;;
        up) COMPREPLY=($(compgen -W "$(_mqvpn_clients)" -- "$cur")) ;;
      esac
      COMPREPLY+=($(compgen -W '--wait -h --help' -- "$cur")) ;;
    'down')
      case "$prev" in
        down) COMPREPLY=($(compgen -W "$(_mqvpn_clients)" -- "$cur")) ;;
      esac
      COMPREPLY+=($(compgen -W '-h --help' -- "$cur")) ;;
    'doctor')
      case "$prev" in
        --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); compopt -o filenames 2>/dev/null; return ;;
      esac
      COMPREPLY+=($(compgen -W '--config --json -h --help' -- "$cur")) ;;
    'completion')
      case "$prev" in
        completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- "$cur")) ;;
      esac
      COMPREPLY+=($(compgen -W '-h --help' -- "$cur")) ;;
  esac
}

_mqvpn_interfaces() { ls /sys/class/net 2>/dev/null; }
_mqvpn_clients() {
  local file
  for file in /etc/mqvpn/*.conf; do
    file=${file##*/}
    [ "$file" != '*.conf' ] && echo "${file%.conf}"
  done
}

complete -F _mqvpn mqvpn
