#!/usr/bin/env bash
# Builds the image and runs two nodes of compose.yaml with Prometheus, for real:
#
#   the image builds without a network, on stand-ins of its base images; it does not run as root
#   both nodes become healthy, mine, and agree on one chain; Prometheus sees them and has no alert
#   SIGTERM stops them cleanly; in new containers on the old volumes they have their chain still
#
# Uses the container engine that runs. If none does and this is root, it installs Debian's docker.io and runs
# a dockerd of its own, in network and mount namespaces of its own: the machine's firewall, addresses and
# mounts stay as they are. What it made is removed at the end, but for the base images and, of its own engine,
# the layers that make the next run short.
#
#   CAIRN_REQUIRE_CONTAINERS=1   a machine where no engine can run fails the test; else it is skipped
#   CAIRN_CONTAINER_CACHE        where Debian and the own engine's layers are kept (default /var/cache/cairn-containers)
#   BUILD_IMAGE, RUN_IMAGE       real base images, instead of stand-ins
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${CAIRN_CONTAINER_CACHE:-/var/cache/cairn-containers}
project=cairn-test-$$
work=$(mktemp -d)
engine= # the pid of our own dockerd
began=$SECONDS

export CAIRN_CONTAINER_CACHE=$cache COMPOSE_PROJECT_NAME=$project
export CAIRN_IMAGE=cairn-test CAIRN_SUBNET=${CAIRN_SUBNET:-172.30.214}
# Ports that the engine chooses.
export CAIRN_RPC_0=0 CAIRN_RPC_1=0 CAIRN_PROMETHEUS_PORT=0

say() { printf '%3d s  %s\n' $((SECONDS - began)) "$*"; }

fail() {
	say "FAILED: $*"
	if [ -n "${compose[*]:-}" ]; then
		"${compose[@]}" logs --tail 15 2>&1 | tail -60
	fi
	exit 1
}

# skip REASON: this machine can't run the test. That alone is no error, unless the test is required.
skip() {
	if [ "${CAIRN_REQUIRE_CONTAINERS:-}" = 1 ]; then
		say "FAILED: container test is required, but $*"
		exit 1
	fi
	echo "skipped: container test ($*)"
	exit 0
}

end() {
	local status=$?
	trap - EXIT
	if [ -n "${compose[*]:-}" ]; then
		"${compose[@]}" down --volumes --timeout 5 >"$work/down.log" 2>&1 || cat "$work/down.log"
	fi
	if [ -n "$engine" ]; then
		docker image prune --force >/dev/null 2>&1 || true # what this run's build has replaced
		kill -TERM "$engine" 2>/dev/null || true
		wait "$engine" 2>/dev/null || true
	elif [ -n "${compose[*]:-}" ]; then
		docker image rm --force "$CAIRN_IMAGE" "$CAIRN_IMAGE-build" >/dev/null 2>&1 || true
	fi
	rm -rf "$work"
	exit "$status"
}
trap end EXIT
trap 'exit 130' INT TERM

answers() { timeout 10 docker info >"$work/info" 2>&1; }

# need COMMAND PACKAGE...: as in test.sh.
need() {
	local command=$1
	shift
	command -v "$command" >/dev/null && return
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return
	say "installing $*"
	{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$work/apt.log" 2>&1 ||
		tail -5 "$work/apt.log"
}

# Two daemons on one folder would spoil it, and a run that was killed leaves its own behind.
pidfile=$cache/dockerd.pid
end_orphan() {
	local pid i
	pid=$(cat "$pidfile" 2>/dev/null) || return 0
	grep -qzxF -- "$cache/docker" "/proc/$pid/cmdline" 2>/dev/null || return 0
	say "ending the dockerd of a run that was killed"
	kill -TERM "$pid"
	for ((i = 0; i < 40; i++)); do
		kill -0 "$pid" 2>/dev/null || return 0
		sleep 0.5
	done
	return 1
}

# start OPTION...: starts a dockerd of our own and waits until it answers.
start() {
	local log=$work/dockerd.log
	rm -rf "$work/exec" "$pidfile"
	unshare --net --mount sh -c 'ip link set lo up && exec "$@"' sh \
		dockerd --host "$DOCKER_HOST" --data-root "$cache/docker" --exec-root "$work/exec" --pidfile "$pidfile" "$@" \
		>"$log" 2>&1 8>&- &
	engine=$!
	local i
	for ((i = 0; i < 60; i++)); do
		answers && return
		kill -0 "$engine" 2>/dev/null || break
		sleep 0.5
	done
	kill -TERM "$engine" 2>/dev/null || true
	wait "$engine" 2>/dev/null || true
	engine=
	reason=$(grep -v 'level=info' "$log" | tail -1 | cut -c1-200)
	return 1
}

# Which engine?
if ! answers; then
	[ "$(id -u)" = 0 ] || skip "no container engine runs, and only root can start one"
	need dockerd docker.io
	need docker docker.io
	need ip iproute2
	command -v dockerd >/dev/null || skip "there is no dockerd, and docker.io could not be installed"
	if ! answers; then # some machines start it when it is installed
		mkdir -p "$cache"
		exec 8>"$cache/lock"
		flock -w 300 8 || skip "another run has used $cache for five minutes"
		end_orphan || skip "the dockerd of a run that was killed does not end"
		export DOCKER_HOST=unix://$work/docker.sock
		reason=
		start || start --iptables=false || start --iptables=false --storage-driver vfs || skip "dockerd does not start: $reason"
	fi
fi
if [ -n "$engine" ]; then # nobody else uses it: what is there is of a run that was killed
	docker ps --all --quiet | xargs --no-run-if-empty docker rm --force --volumes >/dev/null
	docker network prune --force >/dev/null
	docker volume ls --quiet | xargs --no-run-if-empty docker volume rm >/dev/null
fi
say "engine: $(docker version --format '{{.Server.Version}}'), $(docker info --format '{{.Driver}}')"

if docker compose version >/dev/null 2>&1; then
	compose=(docker compose)
else
	need docker-compose docker-compose
	command -v docker-compose >/dev/null || skip "there is no docker compose"
	compose=(docker-compose)
fi

# Without its plugin for BuildKit, newer clients build only if they are told not to use it.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

services=(node0 node1)
build=()
if [ -z "${BUILD_IMAGE:-}" ] || [ -z "${RUN_IMAGE:-}" ]; then
	need debootstrap debootstrap
	need prometheus prometheus
	scripts/base-images.sh >"$work/images" 2>"$work/images.log" || {
		tail -5 "$work/images.log"
		skip "no base images could be made"
	}
	while IFS='=' read -r name value; do
		export "$name=$value"
	done <"$work/images"
	build=(--network none --build-arg GOPROXY=off)
fi
if [ -n "${CAIRN_PROMETHEUS_IMAGE:-}" ]; then
	services+=(prometheus)
fi
build+=(--build-arg "BUILD_IMAGE=$BUILD_IMAGE" --build-arg "RUN_IMAGE=$RUN_IMAGE")
say "base images: $BUILD_IMAGE, $RUN_IMAGE"

# The image. The build stage gets a name too: what it compiled is then there at the next run.
for target in build ''; do
	tag=$CAIRN_IMAGE${target:+-$target}
	docker build "${build[@]}" ${target:+--target "$target"} --tag "$tag" . >"$work/build.log" 2>&1 || {
		tail -30 "$work/build.log"
		fail "the image does not build"
	}
done
say "image: $(docker image inspect --format '{{.Size}}' "$CAIRN_IMAGE") bytes, $(docker run --rm --network none "$CAIRN_IMAGE" --version)"

user=$(docker image inspect --format '{{.Config.User}}' "$CAIRN_IMAGE")
[[ $user =~ ^[1-9][0-9]*:[1-9][0-9]*$ ]] || fail "the image's user is ${user:-root}, not a number other than 0"

# id SERVICE: its container, running or not. Asking the engine is faster than asking compose.
id() { docker ps --all --quiet --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1"; }
cairn() { # cairn SERVICE ARGUMENT...
	local container
	container=$(id "$1")
	shift
	timeout 60 docker exec "$container" /usr/local/bin/cairn "$@"
}

# within SECONDS WHAT COMMAND...: repeats the command until it succeeds.
within() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >"$work/within.log" 2>&1; do
		if ((SECONDS >= end)); then
			cat "$work/within.log"
			fail "$what"
		fi
		sleep 0.5
	done
}

healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$(id "$1")")" = healthy ]; }
height() { cairn "$1" rpc getblockcount; }

# together HEIGHT: both nodes are at it at least, and are on one chain up to where the shorter of them ends.
together() {
	local a b
	a=$(height node0) && b=$(height node1) || return 1
	((a >= $1 && b >= $1)) || return 1
	local lower=$((a < b ? a : b))
	[ "$(cairn node0 rpc getblockhash "$lower")" = "$(cairn node1 rpc getblockhash "$lower")" ]
}

"${compose[@]}" config --quiet || fail "compose.yaml is not valid"
"${compose[@]}" up --detach --no-build "${services[@]}" >"$work/up.log" 2>&1 || {
	cat "$work/up.log"
	fail "the network does not start"
}

# Blocks 1 to 20 of a new chain are easy. Beyond them each takes real work and time.
within 300 "the nodes do not mine, or do not agree" together 21
say "both nodes are at height $(height node0) and on one chain"
for node in node0 node1; do
	within 180 "$node is not healthy" healthy "$node"
	[ "$(cairn "$node" rpc getconnectioncount)" -ge 1 ] || fail "$node has no peer"
	owner=$(docker top "$(id "$node")" -eo pid,uid | awk 'NR == 2 { print $2 }') || fail "docker top failed"
	[ "$owner" = "${user%%:*}" ] || fail "$node runs as user $owner"
done
say "both are healthy, have a peer, and run as user $user"

port=$("${compose[@]}" port node0 21332)
[[ $port == 127.0.0.1:* ]] || fail "RPC is published at $port, not on loopback only"
# From the engine's host, as `cairn rpc` would be used outside of the containers.
outside=$(docker run --rm --network host "$CAIRN_IMAGE" rpc --node "http://cairn:cairn@$port" getblockcount) || fail "published RPC does not answer"
say "published RPC answers: height $outside"

# promql EXPRESSION: the value, of one sample.
promql() { docker exec "$(id prometheus)" /bin/promtool query instant http://127.0.0.1:9090 "$1" | sed -n 's/^.* => \([^ ]*\) .*/\1/p'; }
scraped() { [ "$(promql 'count(cairn_height{node=~"node[01]"} >= 21)')" = 2 ]; }
if [[ " ${services[*]} " == *" prometheus "* ]]; then
	within 180 "Prometheus does not see both nodes" scraped
	[ -z "$(promql 'ALERTS{alertstate="firing", node=~"node[01]"}')" ] || fail "an alert fires"
	say "Prometheus sees both nodes: height $(promql 'max(cairn_height)'), and no alert fires for them"
fi

# Stop: a node that has not ended after 30 seconds is killed, and then its exit code is 137.
last=$(height node0)
hash=$(cairn node0 rpc getblockhash "$last")
"${compose[@]}" stop --timeout 30 node0 node1 >"$work/stop.log" 2>&1
for node in node0 node1; do
	container=$(id "$node")
	code=$(docker inspect --format '{{.State.ExitCode}}' "$container")
	[ "$code" = 0 ] || fail "$node ended with code $code after SIGTERM"
	docker logs "$container" 2>&1 | tail -3 | grep -q '^stopped' || fail "$node does not say that it stopped"
done
say "SIGTERM stopped both cleanly"

# New containers on the old volumes, and the other node not there to sync from.
"${compose[@]}" rm --force --stop node0 node1 >"$work/rm.log" 2>&1
"${compose[@]}" up --detach --no-build node0 >"$work/up.log" 2>&1
within 120 "node0 does not start again" height node0
[ "$(cairn node0 rpc getblockhash "$last")" = "$hash" ] || fail "node0 has lost block $last"
say "a new container has the chain of the old volume: height $(height node0), it was $last"
say "container test passed"
