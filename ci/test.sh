#!/bin/sh
# `npm test`: everything from a clean clone to tested. See lib.sh for the first four steps.
set -u
steps=11
. "$(dirname "$0")/lib.sh"

need_root 'The test suite (it builds network namespaces)' test
prepare --test
step 'Lint' 'npm run lint shows the same; npx eslint --fix . repairs some of it' npm run --silent lint
step 'Format' 'npm run format repairs it' npm run --silent format:check
step 'Types' 'npm run typecheck shows the same' npm run --silent typecheck
show 'Unit tests' 'npm run test:unit -- --grep "NAME" runs one' npm run --silent test:unit -- --forbid-only
step 'Native tests (AddressSanitizer, UndefinedBehaviorSanitizer)' 'npm run test:native shows the same' \
  npm run --silent test:native
show 'Lab tests (network namespaces)' 'npm run test:lab -- --grep "NAME" runs one' \
  npm run --silent test:lab -- --forbid-only
# --allow-untrusted: a machine that was busy for a moment is no fault of the code; what the scenario expects still counts.
show 'Smoke run' 'npm run smoke repeats it' npm run --silent smoke -- --allow-untrusted
echo "All tests passed in $(seconds) s."
