#!/usr/bin/env bash
# The page of a test network in Debian's Chromium, without a screen: links are cut with the mouse, branches grow, one wins.
# e2e/browser is a module of its own; what it needs is fetched once into the module cache.
#
#   scripts/test-browser.sh [GO TEST FLAGS...]
#   CAIRN_SHOTS=$PWD/docs/img scripts/test-browser.sh      writes the pictures, those of the documentation among them
set -euo pipefail
cd "$(dirname "$0")/../e2e/browser"

go vet ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.7.0 ./...
CAIRN_E2E=1 go test -count 1 -timeout 20m -v "$@" ./... | grep -Ev '^(=== |    --- )'
