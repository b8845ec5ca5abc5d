#!/usr/bin/env bash
# Prints the licences of all that the binary holds, with their texts. It fails for a part whose licence
# is not known, so that none gets in unseen.
set -euo pipefail
cd "$(dirname "$0")/../.."

tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
go build -C configs/tools -o "$tool/go-licenses" github.com/google/go-licenses/v2

# go-licenses does not know the text of this one: MIT-0, and SQLite itself is in the public domain.
byHand=github.com/ncruces/go-sqlite3-wasm/v6

list() { GOOS=linux GOARCH=amd64 CGO_ENABLED=0 "$tool/go-licenses" report ./cmd/whatsapp-api --ignore "$byHand" "$@" 2>"$tool/log" || { cat "$tool/log" >&2; return 1; }; }
unknown=$(list | awk -F, '$3 == "Unknown"')
[ -z "$unknown" ] || { echo "the licence of these is not known: $unknown" >&2; exit 1; }

cat <<'EOF'
whatsapp-api's own sources are under the MIT licence. The binary holds the parts below; one of them,
go.mau.fi/libsignal, is under the GNU General Public License 3.0, and so the binary as a whole is too:
whoever gives it on gives the sources on, or says where they are.
EOF
list --template configs/ci/licenses.tpl | sed -e 's/[[:space:]]*$//' | cat -s
printf '\n== Go, its runtime and standard library, %s (BSD-3-Clause)\n\n' "$(sed -n 's/^go //p' go.mod)"
cat "$(go env GOROOT)/LICENSE"
dir=$(go list -m -f '{{.Dir}}' "$byHand")
printf '\n== %s %s (MIT-0; SQLite itself is in the public domain)\n\n' "$byHand" "$(go list -m -f '{{.Version}}' "$byHand")"
cat "$dir/LICENSE"
printf '\n== Scalar API reference %s, served at /docs (MIT)\n\n' "$(ls web/docs | sed -n 's/^scalar-\(.*\)\.js\.gz$/\1/p')"
echo 'Copyright (c) 2023-present Scalar'
sed '1,/^Copyright/d' LICENSE
