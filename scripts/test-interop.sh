#!/usr/bin/env bash
# Tests against what others made: a real btcd as a peer and as a judge of scripts, btcd's full block tests, and real
# blocks of Bitcoin. interop is a module of its own; what it needs is fetched once into the module cache.
#
#   scripts/test-interop.sh [GO TEST FLAGS...]
set -euo pipefail
cd "$(dirname "$0")/../interop"

go vet ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...
go test -count 1 -timeout 8m -v "$@" ./... | grep -Ev '^(=== |    --- |ok .*no test files|\? )'
