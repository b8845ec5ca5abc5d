#!/usr/bin/env bash
# Checks everything that needs no test: format, vet, lint, generated files.
set -euo pipefail
cd "$(dirname "$0")/../.."

echo "== format"
unformatted=$(go run mvdan.cc/gofumpt@v0.12.0 -l app cmd configs store web whatsapp)
[ -z "$unformatted" ] || { echo "not formatted (task lint mends it): $unformatted" >&2; exit 1; }

echo "== vet"
go vet ./...

echo "== lint"
go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run --config configs/golangci.yml ./...

echo "== modules"
go mod tidy -diff

echo "== generated files"
diff <(go run ./cmd/whatsapp-api config --example) configs/example.yaml || { echo "configs/example.yaml is out of date: task gen" >&2; exit 1; }
