# Shared by bench.sh and test.sh: the way from a clean clone to something that runs. Plain sh, because it comes before
# npm. Sets the current directory to the root of the repository; expects $steps (how many there will be).

cd "$(dirname "$0")/.." || exit 1
logs=build/log
number=0
note=
started=$(date +%s)

# How a person repeats this as root, also when Node is known to their own user only.
as_root() { # ARGUMENTS OF npm
  case $(command -v npm) in
    /usr/bin/* | /usr/local/bin/*) echo "sudo npm $*" ;;
    *) echo "sudo env \"PATH=\$PATH\" npm $*" ;;
  esac
}

need_root() { # WHY COMMAND
  [ "$(id -u)" -eq 0 ] && return
  echo "$1 needs root: $(as_root "$2")" >&2
  exit 3
}

seconds() { echo $(($(date +%s) - started)); }

# step TITLE ADVICE COMMAND… : runs it with its output in a file, shown only when it fails.
step() {
  title=$1
  advice=$2
  shift 2
  number=$((number + 1))
  mkdir -p "$logs"
  log=$logs/$(printf '%02d' "$number")-$(echo "$title" | tr -cs 'A-Za-z0-9\n' '-').log
  before=$(date +%s)
  printf '[%s/%s] %s%s … ' "$number" "$steps" "$title" "$note"
  note=
  "$@" >"$log" 2>&1 </dev/null
  status=$?
  if [ "$status" -eq 0 ]; then
    echo "ok ($(($(date +%s) - before)) s)"
    return
  fi
  echo 'FAILED'
  echo
  tail -n 60 "$log" | sed 's/^/    /'
  echo
  failed "$log"
}

# show TITLE ADVICE COMMAND… : the same, with its output on the screen.
show() {
  title=$1
  advice=$2
  shift 2
  number=$((number + 1))
  before=$(date +%s)
  printf '[%s/%s] %s\n' "$number" "$steps" "$title"
  "$@" </dev/null
  status=$?
  if [ "$status" -eq 0 ]; then
    echo "[$number/$steps] $title: ok ($(($(date +%s) - before)) s)"
    return
  fi
  echo
  failed
}

failed() { # [LOG]
  echo "Step $number of $steps failed: $title (exit code $status)." >&2
  [ -z "${1:-}" ] || echo "All of its output: $1" >&2
  echo "What to do: $advice" >&2
  # 3: this machine lacks something. Other codes are those of a tool, and mean nothing here.
  [ "$status" -eq 3 ] && exit 3
  exit 1
}

install_npm_packages() {
  node ci/npm-is-current.mjs && return
  attempt=1
  # --ignore-scripts: nothing of ours or of others runs here; the native parts and dist/ have steps of their own.
  until npm ci --ignore-scripts --include=dev --no-audit --no-fund; do
    [ "$attempt" -lt 3 ] || return 1
    sleep $((attempt * 5))
    attempt=$((attempt + 1))
  done
}

build_typescript() {
  # A folder is newer when a file in it came or went.
  newer=$(find harness reports vpn common package.json package-lock.json tsconfig*.json -newer dist/.built 2>/dev/null | head -n 1)
  [ -e dist/.built ] && [ -z "$newer" ] && return
  mkdir -p dist
  : >dist/.building
  npm run --silent build && mv dist/.building dist/.built
}

# The four steps between a clean clone and something that runs.
prepare() { # OPTIONS OF setup.sh
  [ -d "$logs" ] || note=' (the first time: a minute or two)'
  step 'System packages' "read the lines above; by hand: $(sh ci/setup.sh "$@" --print)" sh ci/setup.sh "$@"
  [ -d node_modules ] || note=' (the first time: half a minute)'
  step 'npm packages' 'check that npm can reach its registry (npm ping), then run this again' install_npm_packages
  [ -d build/release ] || note=' (the first time: a minute)'
  step 'Native parts (C++)' 'if a header or a library is missing, install it; else remove build/ and run this again' \
    node ci/build-native.mjs
  step 'TypeScript' 'the compiler names file and line above' build_typescript
}
