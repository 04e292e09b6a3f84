#!/bin/sh
# SPDX-License-Identifier: MIT
# test_profile_linked.sh - what go tool pprof shows of a program that memlog is linked into, as a
# library and as an archive, static or not: the program's functions, to the innermost one, and
# none of memlog's below it.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "the sanitizers know no static programs"
need go golang-go
libs=$top_builddir/.libs
test -f "$libs/libmemlog.a" || { echo "built without the archive"; exit 77; }
case $libs in /*) ;; *) libs=$PWD/$libs ;; esac
cd "$work" || exit 99
HOME=$work PPROF_TMPDIR=$work
export HOME PPROF_TMPDIR
echo 'int main(void) { return 0; }' >empty.c
kinds=-no-pie
$CC -static empty.c -o empty 2>/dev/null && kinds="$kinds -static -static-pie"
test ! -f "$libs/libmemlog.so" || kinds="$kinds -shared"

# build KIND
build() {
  kind=$1 linked=$libs/libmemlog.a
  if test "$kind" = -shared; then kind=-pie linked="-L$libs -lmemlog -Wl,-rpath,$libs"; fi
  # shellcheck disable=SC2086 # several words
  $CC -g -O1 -fno-omit-frame-pointer -D_GNU_SOURCE -w $kind -I"$top_srcdir/src/api" \
    "$top_srcdir/tests/prog_profile_linked.c" $linked -lpthread -o prog 2>err
}
# look FILE: its stacks, and who allocated them.
look() {
  timeout 60 go tool pprof -symbolize=local -sample_index=alloc_space -traces "$1" >traces 2>err ||
    fail "$what, $1: $(cat err)"
  grep -q '\<ml_\|\<memlog_[a-z]\|\<sampled\>\|\<alloc_small\>\|\<alloc_block\>' traces &&
    fail "$what, $1: frames of memlog's own: $(head -n 20 traces)"
  # The first line of a stack has its bytes and the innermost function; the others who called it.
  innermost=$(awk '/^ +[0-9.]+[kM]?B? / { print $NF }' traces | sort -u | tr '\n' ' ')
  test "$innermost" = 'finalizer_leak garbage planted_leak thread_leak ' ||
    fail "$what, $1: the innermost are $innermost"
  for caller in work finalizer main; do
    grep -q "^ *$caller\$" traces || fail "$what, $1: $caller calls nobody"
  done
}

for kind in $kinds; do
  build "$kind" || { fail "$kind cannot be linked: $(cat err)"; continue; }
  for unwind in gcc fp; do
    what="$kind $unwind"
    MEMLOG_UNWIND=$unwind MEMLOG_PROFILE_RATE=1 timeout 60 ./prog out.heap out.txt >out 2>err ||
      fail "$what: $?: $(cat err)"
    test "$(cat out)" = 1 || fail "$what: not finalized"
    look out.heap
    # Of a program at a fixed address pprof takes the text form's first mapping for one from 0x400000.
    case $kind in -static-pie | -shared) look out.txt ;; esac
  done
done
finish
