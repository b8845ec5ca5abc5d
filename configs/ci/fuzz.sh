#!/usr/bin/env bash
# Runs every fuzz target for a while each: fuzz.sh [TIME], a minute by default.
set -euo pipefail
cd "$(dirname "$0")/../.."
time=${1:-1m}
for package in $(go list ./...); do
  for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "== $package $target"
    # What a running server covers differs from run to run: to make inputs smaller would take all the time.
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$package"
  done
done
