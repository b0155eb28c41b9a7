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

# One package after the other: each has processes of its own that want both cores. What failed is told again at the end.
out=$(mktemp)
trap 'rm -f "$out"' EXIT
if ! go test -count 1 -p 1 -timeout 25m -v "$@" ./... | tee "$out" | grep -Ev '^(=== |    --- |ok .*no test files|\? )'; then
	printf '\n== what failed\n'
	grep -E '^(--- FAIL|FAIL|panic|    [a-z_]+_test\.go:[0-9]+: )' "$out" | grep -v 'said at last' | cut -c 1-400 | tail -40
	exit 1
fi
