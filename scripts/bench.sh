#!/usr/bin/env bash
# Measures everything that docs/benchmarks.md shows and prints that page. What goes on is told on standard error.
#
#   scripts/bench.sh > docs/benchmarks.md      all, about seven minutes on two cores; best on a machine that has nothing else to do
#   scripts/bench.sh quick                     small sizes, under a minute: to see that it works
#   scripts/bench.sh [quick] FLAG...           with flags of bench/main.go, such as -only 'start|memory', -json, -profiles DIR
#
# Nothing is left running and nothing is left behind, also when it is interrupted.
set -euo pipefail

flags=(-date "$(date -u +%F)")
if [ "${1:-}" = quick ]; then
	shift
	flags+=(-quick)
fi
here=$PWD
cd "$(dirname "$0")/.."
if commit=$(git rev-parse --short HEAD 2>/dev/null); then
	[ -z "$(git status --porcelain --untracked-files=no -- '*.go' go.mod go.sum)" ] || commit+=", with changes"
	flags+=(-commit "$commit")
fi

dir=$(mktemp -d)
pid=
# finish ends what was started here, by its number, and waits until it has ended what it started.
finish() {
	if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
		kill -TERM "$pid"
		wait "$pid" || true
	fi
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "bench: building" >&2
go build -o "$dir" ./cmd/cairn ./bench
go build -C interop -o "$dir/btcd" github.com/btcsuite/btcd

cd "$here" # paths in flags are the caller's
"$dir/bench" -binary "$dir/cairn" -btcd "$dir/btcd" "${flags[@]}" "$@" &
pid=$!
wait "$pid"
