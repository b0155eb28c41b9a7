#!/usr/bin/env bash
# Makes local stand-ins of the Dockerfile's base images, for machines that reach no registry:
#
#   run image     a minimal Debian, from debootstrap
#   build image   the same with the Go of this machine and the modules of go.mod in its module cache
#   Prometheus    the same with the prometheus and promtool of this machine, if it has them, for compose.yaml
#
# Needs root (for debootstrap), a running container engine, and a Debian mirror the first time. What
# exists is not made again. Prints on standard output, and nothing else there:
#
#   BUILD_IMAGE=cairn-base/build:...
#   RUN_IMAGE=cairn-base/run:...
#   CAIRN_PROMETHEUS_IMAGE=cairn-base/prometheus:...
#
# so that an image is built without a network by
#
#   docker build --build-arg BUILD_IMAGE=... --build-arg RUN_IMAGE=... --build-arg GOPROXY=off .
#
#   CAIRN_CONTAINER_CACHE   where the Debian is kept (default /var/cache/cairn-containers)
#   DEBIAN_SUITE            (default: this machine's, else bookworm)
#   DEBIAN_MIRROR           (default: debootstrap's)
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${CAIRN_CONTAINER_CACHE:-/var/cache/cairn-containers}
suite=${DEBIAN_SUITE:-}
if [ -z "$suite" ] && [ -r /etc/os-release ]; then
	# shellcheck source=/dev/null
	suite=$(. /etc/os-release && [ "${ID:-}" = debian ] && printf %s "${VERSION_CODENAME:-}") || true
fi
suite=${suite:-bookworm}

say() { printf '%s\n' "$*" >&2; }

work=$(mktemp -d)
clean() {
	chmod -R u+w "$work" # Go makes its module cache read-only
	rm -rf "$work"
}
trap clean EXIT

have() { docker image inspect "$1" >/dev/null 2>&1; }

# The Debian, without what a container does not need.
debian=$cache/debian-$suite.tar
if [ ! -s "$debian" ]; then
	say "debootstrap of $suite"
	mkdir -p "$cache"
	if ! debootstrap --variant=minbase "$suite" "$work/root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} >"$work/debootstrap.log" 2>&1; then
		tail -5 "$work/debootstrap.log" >&2
		exit 1
	fi
	tar -C "$work/root" --numeric-owner --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' \
		--exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' \
		--exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' -cf "$work/debian.tar" .
	mv "$work/debian.tar" "$debian"
	rm -rf "$work/root"
fi

run=cairn-base/run:$suite
if ! have "$run"; then
	say "importing $run"
	docker import "$debian" "$run" >/dev/null
fi

# The build image follows from Go's version and the modules. Its tag says so.
version=$(go env GOVERSION)
modules=$(cat go.mod go.sum | sha256sum | cut -c1-12)
build=cairn-base/build:$suite-$version-$modules
if ! have "$build"; then
	say "making $build"
	root=$(go env GOROOT)
	# Modules that this machine has already are not fetched again.
	GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" GOMODCACHE=$work/modules GOFLAGS='' GOWORK=off \
		go mod download
	mkdir "$work/context"
	tar --owner=0 --group=0 --numeric-owner --exclude='./test' --exclude='./doc' --exclude='./api' \
		--transform 's,^[.],usr/local/go,S' -C "$root" -cf "$work/context/go.tar" .
	tar --owner=0 --group=0 --numeric-owner --transform 's,^[.],go/pkg/mod/cache/download,S' \
		-C "$work/modules/cache/download" -rf "$work/context/go.tar" .
	cat >"$work/context/Dockerfile" <<-EOF
		FROM $run
		ADD go.tar /
		ENV GOPATH=/go GOTOOLCHAIN=local PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	EOF
	old=$(docker image ls --quiet cairn-base/build)
	tar -C "$work/context" -c . | docker build --quiet --tag "$build" - >&2
	for image in $old; do
		docker image rm --force "$image" >/dev/null 2>&1 || true # one may be in use
	done
fi

printf 'BUILD_IMAGE=%s\nRUN_IMAGE=%s\n' "$build" "$run"

if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
	prometheus=cairn-base/prometheus:$suite
	if ! have "$prometheus"; then
		say "making $prometheus"
		mkdir "$work/prometheus" "$work/prometheus/data"
		cp -L "$(command -v prometheus)" "$(command -v promtool)" "$work/prometheus/"
		cat >"$work/prometheus/Dockerfile" <<-EOF
			FROM $run
			COPY prometheus promtool /bin/
			COPY --chown=65534:65534 data /prometheus
			USER 65534:65534
			VOLUME /prometheus
			EXPOSE 9090
			ENTRYPOINT ["/bin/prometheus"]
		EOF
		tar -C "$work/prometheus" -c . | docker build --quiet --tag "$prometheus" - >&2
	fi
	printf 'CAIRN_PROMETHEUS_IMAGE=%s\n' "$prometheus"
fi
