#!/usr/bin/env bash
# Tests against what others made: a real btcd as a peer and as a judge of scripts, btcd's full block tests, and real
# blocks of Bitcoin; and clients of Bitcoin's RPC that drive a node. interop is a module of its own; what it needs is fetched once into
# the module cache, and packages of npm for one of the clients. A client that cannot be had is skipped, with the reason; with CI=true,
# or CAIRN_CLIENTS=1, that is a failure.
#
#   scripts/test-interop.sh [GO TEST FLAGS...]
set -euo pipefail
cd "$(dirname "$0")/../interop"
if [ "${CI:-}" = true ]; then
	export CAIRN_CLIENTS=1
fi

go vet ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...
go test -count 1 -timeout 20m -v "$@" ./... | grep -Ev '^(=== |    --- |ok .*no test files|\? )'
