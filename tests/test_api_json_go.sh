#!/bin/sh
# SPDX-License-Identifier: MIT
# test_api_json_go.sh - what a program that links memlog reads and prints, Go
# reads into runtime.MemStats without an unknown field or a changed number,
# and would have written the same: from the bytes of the struct and from the JSON.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
need go golang-go

# Without modules and network, and leaving nothing in the user's caches.
GO111MODULE=off GOFLAGS='' GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=0
GOPATH=$work/path GOCACHE=$work/cache
export GO111MODULE GOFLAGS GOPROXY GOTOOLCHAIN CGO_ENABLED GOPATH GOCACHE

go build -o "$work/oracle" "$top_srcdir/tests/go/oracle.go" || fail "the oracle can't be built"
"$top_builddir/tests/prog_api_json" >"$work/lines" || fail "prog_api_json ends with $?"
"$work/oracle" structs <"$work/lines" || fail "Go reads or writes something else"
finish
