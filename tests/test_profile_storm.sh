#!/bin/sh
# SPDX-License-Identifier: MIT
# test_profile_storm.sh - with every allocation in the profile, a program that allocates where a
# stack is hard to look at: it ends as without memlog, and go tool pprof reads what is left.
# MEMLOG_FULL=1 has it last longer.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
need g++ g++
preload=$top_builddir/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
case $preload in /*) ;; *) preload=$PWD/$preload ;; esac
cd "$work" || exit 99
HOME=$work PPROF_TMPDIR=$work
export HOME PPROF_TMPDIR
times=1
test "$full" = 0 || times=20

g++ -std=c++17 -g -O1 -fno-builtin -fno-omit-frame-pointer -Wall -pthread \
  "$top_srcdir/tests/prog_profile_storm.cc" -o storm -ldl 2>said || { fail "$(cat said)"; finish; }
# Two that look alike, and differ in how much room a frame takes.
for room in 40 3000; do
  cat >library.c <<END
#include <stdlib.h>
__attribute__((constructor)) static void begin(void) { free(malloc(200)); }
__attribute__((destructor)) static void end(void) { free(malloc(210)); }
size_t call_back(size_t (*use)(size_t), unsigned levels)
{
    volatile char room[$room];
    room[0] = 1;
    return (levels == 0 ? 0 : call_back(use, levels - 1)) + use(30 + levels) * (size_t)room[0];
}
END
  $CC -g -O1 -fno-builtin -fPIC -shared library.c -o "library$room.so" || exit 99
done

# storm UNWIND ARGUMENTS...
storm() {
  unwind=$1
  shift
  timeout 300 ./storm "$@" >plain 2>plain.err || { fail "$*: without memlog: $? $(cat plain.err)"; return; }
  rm -f left.heap
  timeout 300 env MEMLOG_UNWIND=$unwind MEMLOG_PROFILE_RATE=1 MEMLOG_PROFILE_FILE=left.heap \
    LD_PRELOAD="$preload" ./storm "$@" >out 2>err || { fail "$unwind, $*: $? $(cat err)"; return; }
  test ! -s err || fail "$unwind, $*: says $(cat err)"
  cmp -s plain out || fail "$unwind, $*: $(cat out), and without: $(cat plain)"
  gzip -t <left.heap || fail "$unwind, $*: no whole profile is left"
  command -v go >/dev/null || return
  timeout 60 go tool pprof -symbolize=local -sample_index=alloc_objects -top left.heap >top 2>err ||
    fail "$unwind, $*: pprof: $(cat err)"
  grep -q ' use_block$' top || fail "$unwind, $*: nothing of use_block: $(head -n 12 top)"
}
for unwind in gcc fp; do
  storm $unwind throw $((60 * times))
  storm $unwind libraries $((20 * times)) ./library40.so ./library3000.so
  storm $unwind signals $((200 * times))
  storm $unwind ends
  storm $unwind threads $((20 * times))
  storm $unwind contexts $((10 * times))
  storm $unwind forks $((12 * times))
  storm $unwind frames $((10 * times))
done
finish
