#!/usr/bin/env bash
# Runs the bench with these arguments. Where a C compiler is found, bare whatsmeow gets SQLite in C.
set -euo pipefail
cd "$(dirname "$0")/../../app/bench"
if [ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC)" >/dev/null; then
  exec go run -tags mattn -ldflags "-X github.com/mattn/go-sqlite3.driverName=mattn" . "$@"
fi
echo "no C compiler found: bare whatsmeow runs on the same SQLite as the server" >&2
exec go run . "$@"
