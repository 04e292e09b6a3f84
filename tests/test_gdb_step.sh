#!/bin/sh
# SPDX-License-Identifier: MIT
# test_gdb_step.sh - mstat at every instruction of a malloc and a free: what it was before, or what it
# is after, or it names the thread that is in the middle; also after a crash just there.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"
MEMLOG_PROFILE_RATE=0 # the stack of one that is sampled takes 15000 instructions
export MEMLOG_PROFILE_RATE

# debugged PROGRAM WORDS... -- GDB'S ARGUMENTS...: gdb starts the program itself.
debugged() {
  program=$1
  shift
  words=
  while test "$1" != --; do
    words="$words $1"
    shift
  done
  shift
  # Without a shell between them, which would have the library, too.
  # shellcheck disable=SC2086 # words
  with_memlog -ex 'set startup-with-shell off' -ex "set environment LD_PRELOAD $with" \
    -ex "source $top_srcdir/tests/gdb_step.py" -ex 'break reached' "$@" --args "./$program" 3 $words
  ! grep '^FAIL' out || fail "$program"
}

# stepped PROGRAM BYTES: twice an object of so many, once a large one. The first one may be of a class
# that has been used by nobody.
stepped() {
  debugged "$1" say idle turn "$2" turn "$2" turn 300000 -- -ex run -ex 'python step(False)' \
    -ex continue -ex 'python step(True)' -ex continue -ex 'python step(False)'
  test "$(grep -c '^stepped' out)" = 3 || fail "$1: $(tail -n 5 out) $(cat err)"
  grep '^stepped' out
}

is_gone() { test ! -d "/proc/$1" || grep -q '^State:.*Z' "/proc/$1/status"; }

crashed() {
  rm -f core core.* middle
  # shellcheck disable=SC3045 # dash has it, too
  ulimit -c unlimited 2>/dev/null
  debugged "$1" say idle turn "$2" turn "$2" -- -ex run -ex continue -ex "python crash('middle')"
  pid=$(sed -n 's/^thread 1 (LWP \([0-9]*\)) was in the middle of an update.*/\1/p' middle)
  test -n "$pid" || { fail "$1: no crash: $(tail -n 3 out)"; return; }
  until_true 60 is_gone "$pid"
  test "$kernel_cores" = 1 || { echo "core files go elsewhere here"; return; }
  core_of "$pid" || { fail "$1: no core file"; return; }
  with_memlog -ex "file $1" -ex "core-file $core" -ex 'mstat -json'
  grep '^{' middle >wanted
  grep '^{' out | cmp - wanted || fail "$1: the core file's numbers are others: $(cat err)"
  "$top_builddir/memlog" core --json "$core" 2>/dev/null | cmp - wanted ||
    fail "$1: memlog core says others"
  grep -v '^{' middle >wanted
  grep 'in the middle of' err | cmp - wanted || fail "$1: in the core file: $(cat err)"
}

with=
linked linked -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
# Zeroing is one instruction that gdb stops at for every byte.
new=100
test "$full" = 0 || new=5000
stepped linked "$new"
crashed linked 100
with=$preload
plain plain || fail "cannot link"
stepped plain 5000
crashed plain 100
finish
