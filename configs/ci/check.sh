#!/usr/bin/env bash
# Checks everything that needs no test: format, vet, lint, generated files.
set -euo pipefail
cd "$(dirname "$0")/../.."

echo "== format"
unformatted=$(go run mvdan.cc/gofumpt@v0.12.0 -l app cmd configs media store web whatsapp)
[ -z "$unformatted" ] || { echo "not formatted (task lint mends it): $unformatted" >&2; exit 1; }

# The bench is a module of its own, so that its yardstick is no dependency of the product.
echo "== vet"
go vet ./...
go -C app/bench vet ./...
go -C app/bench vet -tags mattn ./...

echo "== lint"
go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run --config configs/golangci.yml ./...
(cd app/bench && go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run --config ../../configs/golangci.yml ./...)

echo "== modules"
go mod tidy -diff
go -C app/bench mod tidy -diff

echo "== generated files"
diff <(bash configs/ci/licenses.sh) cmd/whatsapp-api/thirdparty.txt >/dev/null || { echo "cmd/whatsapp-api/thirdparty.txt is out of date: task gen" >&2; exit 1; }
diff <(go run ./cmd/whatsapp-api config --example) configs/example.yaml || { echo "configs/example.yaml is out of date: task gen" >&2; exit 1; }
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
go run ./app/codes/gencodes "$pages"
for page in errors.json en/errors.md es/errors.md; do
  diff "$pages/$page" "web/docs/$page" >/dev/null || { echo "web/docs/$page is out of date: task gen" >&2; exit 1; }
done
