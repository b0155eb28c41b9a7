#!/usr/bin/env bash
# Lists all fuzz targets with the number of the seeds that each begins with, those in its code and those under
# testdata/fuzz, and fails if one has none. The seeds are run by every `go test`; this also looks for new inputs.
#
#   scripts/fuzz.sh                    list
#   scripts/fuzz.sh 20s                fuzz each for 20 seconds
#   scripts/fuzz.sh 20s 'p2p|Decode'   those only whose package or name matches
#
# A failing input is written under the package's testdata/fuzz: commit it with the repair.
set -euo pipefail
cd "$(dirname "$0")/.."

budget=${1:-}
only=${2:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fuzz MODULE DIRECTORY TARGET
fuzz() {
	local log=$work/log seeds result='' name=${1#.}${1:+/}$2
	name=${name#/}
	cd "$1"
	go test -count 1 -run "^$3\$" -v "./$2" >"$log" 2>&1 || {
		cat "$log"
		return 1
	}
	seeds=$(grep -c "^    --- PASS: $3/" "$log" || true)
	if [ -n "$budget" ] && [ "$seeds" -gt 0 ]; then
		go test -run '^$' -fuzz "^$3\$" -fuzztime "$budget" "./$2" >"$log" 2>&1 || {
			cat "$log"
			return 1
		}
		result=$(sed -n 's/^fuzz: elapsed: \([^,]*\), execs: \([0-9]*\).*interesting: \([0-9]*\).*/\2 executions in \1, \3 new/p' "$log" | tail -1)
	fi
	printf '%-28s %-22s %4d seeds  %s\n' "$name" "$3" "$seeds" "$result"
	[ "$seeds" -gt 0 ] || {
		echo "$3 has no seeds"
		return 1
	}
}

git ls-files --cached --others --exclude-standard '*_test.go' | xargs grep -Ho '^func Fuzz[A-Za-z0-9_]*' |
	sed 's/^\(.*\)\/[^/]*:func \(.*\)$/\1 \2/' | sort >"$work/targets"
grep -E -- "$only" "$work/targets" >"$work/chosen" || {
	echo "no fuzz target matches $only"
	exit 1
}
while read -r dir target; do
	case $dir in
	interop/*) (fuzz interop "${dir#interop/}" "$target") ;;
	*) (fuzz . "$dir" "$target") ;;
	esac
done <"$work/chosen"
