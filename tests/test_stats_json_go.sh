#!/bin/sh
# SPDX-License-Identifier: MIT
# test_stats_json_go.sh - Go is asked: does encoding/json read our JSON into
# runtime.MemStats, would it have written the same bytes, and are our doubles
# those of encoding/json and of %v?
#
# Needs the go command (Debian: package 'golang-go'); skipped without it.
set -eu

: "${top_srcdir:=.}" "${top_builddir:=.}"
command -v go >/dev/null 2>&1 || { echo "go was not found"; exit 77; }

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
trap 'exit 1' HUP INT TERM

# Without modules and network, and leaving nothing in the user's caches.
GO111MODULE=off GOFLAGS='' GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=0
GOPATH=$directory/path GOCACHE=$directory/cache
export GO111MODULE GOFLAGS GOPROXY GOTOOLCHAIN CGO_ENABLED GOPATH GOCACHE
go build -o "$directory/oracle" "$top_srcdir/tests/go/oracle.go"

# By way of files, so that neither program's failure hides behind a pipe.
check() {
    "$top_builddir/tests/print_stats" "$@" >"$directory/lines"
    "$directory/oracle" "$1" <"$directory/lines"
}

check structs
check doubles 200000
