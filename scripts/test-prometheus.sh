#!/usr/bin/env bash
# Has promtool check what Prometheus reads: its configurations, the rules and their unit tests, every query of
# the Grafana dashboard, and the page that a live node serves. Then a Prometheus scrapes a live testnet with
# deploy/prometheus/prometheus.yml as it is. Takes some ten seconds after the build.
#
#   CAIRN=FILE   a cairn program that is built already
set -euo pipefail
cd "$(dirname "$0")/.."

command -v promtool >/dev/null || {
	echo "promtool is missing: install Debian's package prometheus"
	exit 1
}

work=$(mktemp -d)
pids=()
end() {
	local status=$?
	trap - EXIT
	if [ ${#pids[@]} -gt 0 ]; then
		kill -TERM "${pids[@]}" 2>/dev/null || true
		wait "${pids[@]}" 2>/dev/null || true
	fi
	rm -rf "$work"
	exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

# quietly COMMAND...: shows what a command printed only if it fails.
quietly() {
	"$@" >"$work/out" 2>&1 || {
		echo "failed: $*"
		cat "$work/out"
		exit 1
	}
}

cairn=${CAIRN:-$work/cairn}
if [ -z "${CAIRN:-}" ]; then
	go build -o "$cairn" ./cmd/cairn
fi

# The live network comes first, so that it has blocks when it is looked at. Its data lies where
# prometheus.yml expects it, in a copy of the tree.
mkdir -p "$work/tree/deploy"
cp -r deploy/prometheus "$work/tree/deploy/"
"$cairn" testnet up --ports auto --nodes 2 --data "$work/tree/.cairn/testnet" --config-out "$work/sheet.json" --quiet >"$work/testnet.log" 2>&1 &
pids+=($!)

# Files.
for config in prometheus.yml compose.yml; do
	quietly promtool check config "deploy/prometheus/$config"
done
quietly promtool check rules deploy/prometheus/rules.yml
quietly promtool test rules deploy/prometheus/rules_test.yml
echo "configuration, rules and their tests: ok"
quietly go test -count 1 ./deploy

# The dashboard's queries, as recording rules, since promtool has no other way to parse them.
# shellcheck disable=SC2016 # the dashboard's variables, not this shell's
{
	printf 'groups:\n  - name: dashboard\n    rules:\n'
	sed -n 's/^ *"expr": "\(.*\)",\{0,1\}$/\1/p' deploy/grafana/cairn.json |
		sed -e 's/\\"/"/g' -e 's/\\\\/\\/g' -e 's/\$network/cairn/g' -e 's/\$node/.*/g' |
		awk '{ printf "      - record: dashboard:query:%d\n        expr: |\n          %s\n", NR, $0 }'
} >"$work/dashboard.yml"
queries=$(grep -c 'record:' "$work/dashboard.yml") || true
[ "$queries" -ge 40 ] || {
	echo "only $queries queries found in the dashboard"
	exit 1
}
quietly promtool check rules "$work/dashboard.yml"
echo "the dashboard's $queries queries: ok"

# within WHAT COMMAND...: repeats the command for up to three minutes.
within() {
	local what=$1 stop=$((SECONDS + 180))
	shift
	until "$@" >"$work/within.log" 2>&1; do
		if ((SECONDS >= stop)); then
			echo "failed: $what"
			cat "$work/within.log" "$work"/testnet.log
			tail -5 "$work"/prometheus.log 2>/dev/null || true
			exit 1
		fi
		sleep 0.2
	done
}

within "the testnet does not start" test -s "$work/sheet.json"
port=$(sed -n 's/.*"http": "http:\/\/127\.0\.0\.1:\([0-9]*\)".*/\1/p' "$work/sheet.json" | head -1)

# page PATH: gets a page from node 0 with what bash has, as curl may not be there.
page() {
	exec 7<>"/dev/tcp/127.0.0.1/$port"
	printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&7
	sed '1,/^\r*$/d' <&7
	exec 7>&-
}
page /metrics >"$work/metrics"
grep -q '^cairn_height ' "$work/metrics" || {
	echo "the page has no cairn_height"
	exit 1
}
promtool check metrics <"$work/metrics" >"$work/out" 2>&1 || [ $? = 3 ] || { # 3: remarks on style only
	cat "$work/out"
	exit 1
}
if [ -s "$work/out" ]; then
	# Badger's and Go's counters have the names that they have.
	if grep -v -E '^(badger|go|process)_' "$work/out"; then
		echo "promtool does not like the metrics above"
		exit 1
	fi
fi
quietly "$cairn" health --timeout 60s --url "http://127.0.0.1:$port"
echo "the page of a live node, $(grep -c '^[a-z]' "$work/metrics") series: ok"

if ! command -v prometheus >/dev/null; then
	echo "prometheus is missing: install Debian's package"
	exit 1
fi
# Prometheus can't be told to choose a port, so one is tried after another.
listen=
for ((try = 0; try < 5; try++)); do
	candidate=127.0.0.1:$((20000 + RANDOM % 10000))
	prometheus --config.file="$work/tree/deploy/prometheus/prometheus.yml" --storage.tsdb.path="$work/tsdb" \
		--web.listen-address="$candidate" >"$work/prometheus.log" 2>&1 &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		if grep -q 'Server is ready' "$work/prometheus.log"; then
			listen=$candidate
			break 2
		fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -TERM "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
done
[ -n "$listen" ] || {
	tail -5 "$work/prometheus.log"
	exit 1
}
pids+=("$pid")

# ask EXPRESSION: the value, of one sample.
ask() { promtool query instant "http://$listen" "$1" | sed -n 's/^.* => \([^ ]*\) .*/\1/p'; }
scraped() { [ "$(ask 'count(cairn_height{network="cairn"} >= 20)')" = 2 ] && [ "$(ask 'cairn:height:max')" -ge 20 ]; }
within "Prometheus does not see the nodes of targets.json" scraped
echo "a live Prometheus scrapes the testnet: height $(ask 'cairn:height:max'): ok"
