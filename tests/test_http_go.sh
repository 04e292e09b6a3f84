#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_go.sh - what Go's own tools make of the pages: its JSON decoder and go tool pprof, with
# names, lines, differences, and where it has no file to find names in.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/http_common.sh"
need go golang-go
HOME=$work PPROF_TMPDIR=$work/pprof GOCACHE=$work/cache GO111MODULE=off GOFLAGS=
export HOME PPROF_TMPDIR GOCACHE GO111MODULE GOFLAGS

# pprof ARGUMENTS...: into the file said.
pprof() { timeout 120 go tool pprof "$@" >said 2>said.err || fail "pprof $*: $(cat said.err)"; }
# first NAME WHAT: in the first row of the table.
first() {
  row=$(awk 'seen { print; exit } / flat% / { seen = 1 }' said)
  case $row in *"$1") ;; *) fail "$2: the first row is '$row', not $1" ;; esac
}

serve 127.0.0.1:0 MEMLOG_PROFILE_RATE=1
tell keep 500 2000
tell churn 3000
tell gc

# --- expvar --------------------------------------------------------------------------------
go build -o pages "$top_srcdir/tests/go/pages.go" || exit 99
./pages "$url" >said 2>&1 || fail "Go's decoder: $(cat said)"
grep -q "^$program true true true [0-9]" said || fail "Go reads: $(cat said)"

# --- the profile ------------------------------------------------------------------------------
pprof -top "$url/debug/pprof/heap"
grep -q '^Type: inuse_space' said || fail "heap's type: $(cat said)"
first leak_here heap
pprof -top "$url/debug/pprof/allocs"
grep -q '^Type: alloc_space' said || fail "allocs' type: $(cat said)"
first churn_here allocs
pprof -lines -top -cum "$url/debug/pprof/heap"
grep -q 'obey .*prog_http\.c:[0-9]' said || fail "no line of a caller: $(cat said)"
for form in heap 'heap?debug=1' allocs 'allocs?debug=1'; do
  pprof -sample_index=inuse_objects -raw "$url/debug/pprof/$form"
  grep -q 'leak_here' said || fail "$form has no names: $(head -40 said)"
  objects=$(awk '/^Locations/ { exit } $1 ~ /^[0-9]+$/ { sum += $3 } END { print sum }' said)
  test "$objects" -ge 500 || fail "$form: $objects objects"
done
tell gc
pprof -top -sample_index=inuse_space -unit=b "$url/debug/pprof/heap"
tell numbers
grep -q "of ${told##* }B total" said || fail "at rate 1 the profile is not Alloc, ${told##* }: $(cat said)"

# --- differences --------------------------------------------------------------------------------
curl -s -o before "$url/debug/pprof/heap"
tell keep 250 2000
pprof -base=before -sample_index=inuse_objects -top "$url/debug/pprof/heap"
first leak_here -base
grep -q '^ *250 .* leak_here$' said || fail "-base: $(cat said)"
curl -s -D head -o delta "$url/debug/pprof/heap?seconds=2" &
waiter=$!
sleep 0.7
tell keep 125 2000
wait $waiter
has_header Content-Disposition 'attachment; filename="heap-delta"'
pprof -sample_index=inuse_objects -top delta
grep -q '^ *125 .* leak_here$' said || fail "seconds=2: $(cat said)"
grep -qE '^Duration: 2(\.0[0-9]*)?s' said || fail "the difference's duration: $(cat said)"
grep -q churn_here said && fail "in the difference is what did not change"

# --- collapsed: as much as pprof says ---------------------------------------------------------
get '/debug/pprof/heap?format=collapsed&type=inuse_objects'
got 200 collapsed
test "$(sed -n 's/.*;obey;leak_here \([0-9]*\)$/\1/p' body)" = 875 || fail "collapsed: $(cat body)"
finish_program

# --- without the program's file: by asking it for names ------------------------------------------
cp "$top_builddir/tests/.libs/prog_http" gone 2>/dev/null || cp "$program" gone
program=$work/gone
serve 127.0.0.1:0 MEMLOG_PROFILE_RATE=1
tell keep 500 2000
rm gone
pprof -symbolize=remote -top "$url/debug/pprof/heap"
first leak_here 'names by /debug/pprof/symbol'
get '/debug/pprof/heap?debug=1'
grep -q '	leak_here+0x' body || fail "the text of a program whose file is gone has no names: $(head -20 body)"
finish_program
finish
