#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_collapse.sh - memlog collapse: a line a stack, with names out of the files that a profile
# names, C++'s and inlined ones; as much as go tool pprof says; and what is no such file.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
memlog=$top_builddir/memlog
test -f "$top_builddir/.libs/memlog-tools.so" || { echo "built without pages"; exit 77; }
test -f "$top_builddir/.libs/libmemlog-preload.so" || { echo "built without shared libraries"; exit 77; }
need g++ g++
cd "$work" || exit 99

g++ -g -O1 -fno-builtin -fPIE -pie "$top_srcdir/tests/prog_http_collapse.cc" -o prog || exit 99
MEMLOG_PROFILE_RATE=1 MEMLOG_PROFILE_FILE=prog.heap LD_PRELOAD="$top_builddir/.libs/libmemlog-preload.so" ./prog ||
  fail "the program: $?"

# collapse STATUS ARGUMENTS...: into said and said.err
collapse() {
  expected=$1
  shift
  timeout 60 "$memlog" collapse "$@" >said 2>said.err
  test $? -eq "$expected" || fail "collapse $* ends with another status than $expected: $(cat said.err)"
}
# value STACK: of the line that ends so.
value() { sed -n "s/.*;$1 \([0-9]*\)\$/\1/p" said; }

# --- names -----------------------------------------------------------------------------------
collapse 0 -t inuse_objects prog.heap
test ! -s said.err || fail "complaints: $(cat said.err)"
test "$(value 'main;keeps;inlined')" = 100 || fail "an inlined function: $(cat said)"
test "$(value 'main;_ZN4shop4cart3addEm')" = 100 || fail "a method, without operator new: $(cat said)"
grep -q 'drops' said && fail "in use is what was freed: $(cat said)"
grep -qE 'malloc|_Znw|_Zna|ml_|memlog' said && fail "frames of the heap: $(cat said)"
collapse 0 --type=alloc_objects prog.heap
test "$(value 'main;drops')" = 100 || fail "what was freed: $(cat said)"

# --- all in one: by default in bytes, from standard input, compressed or not ------------------------
collapse 0 prog.heap
cp said bytes
collapse 0 - <prog.heap
cmp -s said bytes || fail "standard input: $(cat said)"
gzip -dc prog.heap >prog.raw
collapse 0 prog.raw
cmp -s said bytes || fail "not compressed: $(cat said)"
gzip -9c prog.raw >prog.gz
collapse 0 prog.gz
cmp -s said bytes || fail "compressed: $(cat said)"

# --- as much as pprof says ----------------------------------------------------------------------------
if command -v go >/dev/null 2>&1; then
  HOME=$work PPROF_TMPDIR=$work
  export HOME PPROF_TMPDIR
  for type in inuse_space inuse_objects alloc_space alloc_objects; do
    case $type in *_space) column=2 ;; *) column=1 ;; esac
    case $type in inuse_*) column=$((column + 2)) ;; esac
    timeout 60 go tool pprof -raw prog.heap >raw 2>raw.err || fail "pprof: $(cat raw.err)"
    right=$(awk -v column=$column '/^Locations/ { exit } $1 ~ /^[0-9]+$/ { sum += $column } END { print sum }' raw)
    collapse 0 -t $type prog.heap
    test "$(awk '{ sum += $NF } END { print sum }' said)" = "$right" || fail "$type is $right: $(cat said)"
  done
  # With names in the profile itself, as Go's have them.
  timeout 60 go tool pprof -proto -output=named.pb.gz prog.heap >/dev/null 2>raw.err || fail "pprof: $(cat raw.err)"
  mv prog prog.away
  collapse 0 -t inuse_objects named.pb.gz
  grep -q ';main;keeps\(;inlined\)\{0,1\} 100$' said || fail "names of the profile's own: $(cat said)"
  mv prog.away prog
fi

# --- the file is another by now, or gone ---------------------------------------------------------------
mv prog prog.away
collapse 0 -t inuse_objects prog.heap
grep -q 'not there' said.err || fail "a file that is gone: $(cat said.err)"
test "$(grep -c . said.err)" -eq 1 || fail "said more than once: $(cat said.err)"
grep -q '^\[prog\];.*;\[prog\];\[prog\]\(;\[prog\]\)* [0-9]*$' said || fail "without names: $(cat said)"
g++ -g -O2 "$top_srcdir/tests/prog_http_collapse.cc" -o prog || exit 99
collapse 0 -t inuse_objects prog.heap
grep -q 'not the build' said.err || fail "another build: $(cat said.err)"
grep -q 'keeps' said && fail "names of another build: $(cat said)"
mv prog.away prog

# --- wrong --------------------------------------------------------------------------------------------
collapse 2
grep -q '^usage' said.err || fail "no file: $(cat said.err)"
collapse 2 --stones prog.heap
collapse 2 prog.heap prog.heap
collapse 1 -t stones prog.heap
grep -q 'alloc_objects, alloc_space, inuse_objects, inuse_space' said.err || fail "a type: $(cat said.err)"
collapse 1 nowhere.heap
grep -q 'nowhere.heap: No such file' said.err || fail "no such file: $(cat said.err)"
collapse 1 prog
grep -q 'prog: no profile' said.err || fail "a program: $(cat said.err)"
collapse 1 .
head -c 2000 prog.heap >cut.heap
collapse 1 cut.heap
collapse 1 - </dev/null
collapse 0 --help
grep -q '^usage: memlog collapse' said || fail "--help: $(cat said)"
"$memlog" collapse prog.heap >/dev/full 2>said.err && fail "a full disk"
grep -q 'No space left' said.err || fail "a full disk: $(cat said.err)"

# --- nobody is asked over the net ------------------------------------------------------------------------
if command -v strace >/dev/null 2>&1; then
  DEBUGINFOD_URLS=http://127.0.0.1:9 strace -f -e trace=network -o calls "$memlog" collapse prog.heap >said 2>said.err
  grep -qE 'socket\(AF_INET' calls && fail "somebody is asked for names: $(cat calls)"
fi
finish
