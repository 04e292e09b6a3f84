#!/bin/sh
# SPDX-License-Identifier: MIT
# test_profile_cxx.sh - a program in C++ that throws while it allocates, with every
# allocation in the profile: by both ways of looking at the stack, and with libgcc's unwinder
# linked into the program and shared.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
need g++ g++
need go golang-go
need addr2line binutils
preload=$top_builddir/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
cd "$work" || exit 99
HOME=$work PPROF_TMPDIR=$work
export HOME PPROF_TMPDIR

for flags in "" -static-libgcc; do
  # shellcheck disable=SC2086 # none is no argument
  g++ -std=c++17 -g -O1 -fno-builtin -Wall -pthread $flags -I"$top_srcdir/src/api" \
    "$top_srcdir/tests/prog_profile_cxx.cc" -o prog 2>said || { fail "$(cat said)"; finish; }
  for unwind in gcc fp; do
    MEMLOG_UNWIND=$unwind MEMLOG_PROFILE_RATE=1 LD_PRELOAD=$preload timeout 60 ./prog out.heap ||
      fail "$unwind $flags: $?"
    test "$unwind" = gcc || continue # the program has no frame pointers
    timeout 60 go tool pprof -symbolize=none -raw out.heap >raw 2>err || fail "$(cat err)"
    # go's pprof knows few names of C++: the addresses in the program, by binutils.
    sed -n '/^Locations/,/^Mappings/s/^ *\([0-9]*\): 0x\([0-9a-f]*\) M=1 .*/\1 \2/p' raw >locations
    sed -n 's|^1: 0x\([0-9a-f]*\)/0x[0-9a-f]*/0x\([0-9a-f]*\) .*/prog .*|\1 \2|p' raw >mapping
    read -r start offset <mapping
    while read -r id address; do
      echo "$id $(printf '%x' $((0x$address - 0x$start + 0x$offset)))"
    done <locations >offsets
    cut -d' ' -f2 offsets | addr2line -f -e prog | sed -n 'p;n' | paste -d' ' - offsets | sort -u >names
    # The leak by who called it, and what was allocated below thrower.
    counts=$(awk '
      FILENAME == "names" { name[$2] = $1; next }
      /^Locations/ { exit }
      /^ *[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+: / {
        if (name[$5] == "leaky_factory" && name[$6] == "work") leaked += $3
        for (i = 5; i <= NF; i++) if (name[$i] == "thrower") { thrown += $1; break }
      }
      END { print leaked + 0, (thrown > 10000) }' names raw)
    test "$counts" = "250 1" || fail "$flags: $counts, and not 250 leaked and many thrown"
  done
done
finish
