#!/bin/sh
# `npm run bench [-- OPTIONS]`: everything from a clean clone to a report. See lib.sh for the steps.
set -u
steps=5
. "$(dirname "$0")/lib.sh"

case " $* " in
  *' --help '* | *' -h '* | *' --version '* | *' --dry-run '*) ;;
  *) need_root 'Building network namespaces' "run bench${*:+ -- $*}" ;;
esac
prepare
echo "[5/5] mqvpn-bench scenarios/asym.ts${*:+ $*}"
exec node dist/harness/cli/main.js scenarios/asym.ts "$@"
