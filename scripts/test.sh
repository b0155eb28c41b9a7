#!/usr/bin/env bash
# Everything: formatting, vet, linters, unit, property and scenario tests, with the race detector where there are goroutines, the
# command line as users see it, and networks of real processes with a real Prometheus and a container engine.
# On a fresh Debian machine with Go, git and root it installs what else it needs from Debian's packages. Without root
# it says what it leaves out, and fails if that was required.
#
#   scripts/test.sh            all
#   scripts/test.sh quick      without the race detector and the end-to-end runs
set -euo pipefail
cd "$(dirname "$0")/.."

mode=${1:-all}
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.7.0
missing=()
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '\n== %s (%ds)\n' "$*" "$SECONDS"; }

# again COMMAND...: up to four times, if it fails; for what comes over a network.
again() {
	local pause
	for pause in 5 20 60 0; do
		"$@" && return
		sleep "$pause"
	done
	return 1
}

# install PACKAGE...: of Debian. Another program that installs something is waited for.
install() {
	local apt=(apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
	again "${apt[@]}" update && DEBIAN_FRONTEND=noninteractive again "${apt[@]}" install -y --no-install-recommends "$@"
}

# need COMMAND PACKAGE...: makes sure that a command is there, installing Debian's packages if it isn't.
need() {
	local command=$1
	shift
	command -v "$command" >/dev/null && return
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		say "installing $*"
		install "$@" >"$work/apt.log" 2>&1 || tail -5 "$work/apt.log"
	fi
	command -v "$command" >/dev/null || missing+=("$command (Debian: $*)")
}

need gcc gcc libc6-dev
need shellcheck shellcheck
need prometheus prometheus
need promtool prometheus
need chromium chromium fonts-dejavu-core
need node nodejs
need npm npm
# python3-bitcoinlib is a module, not a command: after its installation what counts is whether Python finds it.
if ! /usr/bin/python3 -c 'import bitcoin.rpc' 2>/dev/null; then
	need python3-bitcoinlib python3-bitcoinlib
	if /usr/bin/python3 -c 'import bitcoin.rpc' 2>/dev/null; then
		unset 'missing[-1]'
	fi
fi

# What the modules need is fetched first, so that a network that falters for a moment fails no test.
say "modules"
for module in . e2e/browser interop; do
	(cd "$module" && again go mod download)
done
GOBIN=$work again go install "$staticcheck"

say "format, vet, linters"
unformatted=$(git ls-files -z --cached --others --exclude-standard '*.go' | xargs -0 gofmt -l)
if [ -n "$unformatted" ]; then
	printf 'gofmt would change:\n%s\n' "$unformatted"
	exit 1
fi
go vet ./...
"$work/staticcheck" ./...
if command -v shellcheck >/dev/null; then
	shellcheck scripts/*.sh .ci/run
fi

# Each collection of public vectors with the number of its cases that passed, and what was left out and why.
vectors() {
	local packages
	mapfile -t packages < <(git grep --untracked -l '"github.com/cairn-chain/cairn/internal/vectors"' -- '*_test.go' | xargs -n 1 dirname | sort -u | sed 's/^/.\//')
	go test -count 1 -v -run 'Vectors|BIP|Bech32|WitnessAddresses|PublicTransactions|KeyIO' "${packages[@]}" >"$work/vectors" || {
		grep -v '^ *\(=== \|--- PASS\)' "$work/vectors"
		return 1
	}
	sed -n 's/.*vectors: \(.*\) \([0-9]*\/[0-9]*\)\(, .*\)\{0,1\}$/\1\t\2\3/p' "$work/vectors" | sort | awk -F '\t' '{ printf "  %-30s %s\n", $1, $2 }'
	sed -n 's/.*vectors: \(.* leaves out .*\)/  \1/p' "$work/vectors"
}

say "public vectors: passed/all"
vectors

if [ "$mode" = quick ]; then
	say "tests"
	go test ./...
	exit
fi

say "fuzz targets and their seeds"
scripts/fuzz.sh

# The race detector makes tests five to twenty times slower, and sees nothing where neither a package nor its tests start a goroutine,
# lock anything or serve HTTP. (That most packages may not is a test of internal/arch.)
raced=() plain=()
while read -r dir; do
	if grep -qE '(^|[[:space:]])go (func|[A-Za-z_.]+\()|\.Go\(|\.Parallel\(|RunParallel\(|"sync|errgroup"|"net/http' "$dir"/*.go; then
		raced+=("$dir")
	else
		plain+=("$dir")
	fi
done < <(go list -f '{{.Dir}}' ./...)
if [ ${#raced[@]} -lt 15 ] || [ ${#plain[@]} -lt 10 ]; then
	echo "the packages were not found"
	exit 1
fi

say "tests of what starts no goroutine: ${#plain[@]} packages"
go test -timeout 20m "${plain[@]}"

say "tests with the race detector: ${#raced[@]} packages"
go test -race -timeout 20m "${raced[@]}"

say "end to end: networks of real processes"
CAIRN_E2E=1 go test -count 1 -timeout 20m -v ./e2e | grep -Ev '^(=== |    --- )'

if command -v promtool >/dev/null; then
	say "Prometheus: configuration, rules, dashboards, a live network"
	scripts/test-prometheus.sh
fi

if command -v chromium >/dev/null; then
	say "the page in a browser"
	scripts/test-browser.sh
fi

say "interoperation: a real btcd, real blocks, clients that others wrote"
scripts/test-interop.sh

say "container image and compose network"
scripts/test-container.sh

if [ ${#missing[@]} -gt 0 ]; then
	say "left out, although required, because these commands are missing and could not be installed:"
	printf '  %s\n' "${missing[@]}"
	exit 1
fi
say "all tests passed"
