#!/bin/sh
# SPDX-License-Identifier: MIT
# test_profile_limit.sh - what is left of a program that was killed near its memory limit: the
# profiles from where it came to 80 % and to 95 % of it, whole, with the leak first.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
. "$top_srcdir/tests/cgroup.sh"
preload=$top_builddir/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
case $preload in /*) ;; *) preload=$PWD/$preload ;; esac
cd "$work" || exit 99
HOME=$work PPROF_TMPDIR=$work
export HOME PPROF_TMPDIR
$CC -g -O1 -fno-builtin -I"$top_srcdir/src/api" "$top_srcdir/tests/prog_profile.c" -o prog || exit 99
MIB=1048576
MEMLOG_PROFILE_FILE=leak.heap
export MEMLOG_PROFILE_FILE

# was_killed COMMAND...: it is ended by SIGKILL, with nothing said.
was_killed() {
  rm -f leak.*
  "$@" >said 2>&1
  status=$?
  test $status = 137 || fail "$*: $status instead of 137: $(cat said)"
  ! grep -v '^Killed$' said || fail "$*: $(cat said)" # which the shell says
}
# is_left_with FILE LEAST MOST: a whole profile, first planted_leak with so many MiB.
is_left_with() {
  test -f "$1" || { fail "no $1: $(ls)"; return; }
  gzip -t <"$1" || fail "$1 is not whole"
  command -v go >/dev/null || return
  timeout 60 go tool pprof -symbolize=local -unit=MB -top "$1" >out 2>err || fail "$1: $(cat err)"
  awk -v least="$2" -v most="$3" '
    seen { exit !($0 ~ / planted_leak$/ && $1 + 0 >= least && $1 + 0 <= most) }
    / flat% / { seen = 1 }' out || fail "$1: not $2 to $3 MiB: $(sed -n '/flat%/,$p' out | head -n 3)"
}

# --- the limit that is set for memlog: of 100 MiB so many are leaked -----------------------
within() { timeout 60 env MEMLOG_MEMORY_LIMIT=100MiB LD_PRELOAD="$preload" ./prog fill "$1"; }
was_killed within $((98 * MIB))
# The samples of 80 MiB, by 512 KiB each, are off by their hundredths.
is_left_with leak.heap.limit80 50 110
is_left_with leak.heap.limit95 60 130
test ! -e leak.heap || fail "a profile at the end of a killed program"
# Some MiB are memlog's own.
was_killed within $((83 * MIB))
is_left_with leak.heap.limit80 50 110
test ! -e leak.heap.limit95 || fail "95 % at 83"
was_killed within $((65 * MIB))
test ! -e leak.heap.limit80 || fail "80 % at 65"
MEMLOG_PROFILE_RATE=1
export MEMLOG_PROFILE_RATE
was_killed within $((98 * MIB))
is_left_with leak.heap.limit80 70 81
is_left_with leak.heap.limit95 85 96
unset MEMLOG_PROFILE_RATE
(unset MEMLOG_PROFILE_FILE; was_killed within $((98 * MIB)); exit $failures) || fail "where no file is named"
test -z "$(ls leak.* memlog.heap* 2>/dev/null)" || fail "files without a name for them: $(ls)"
ls ./*.part >/dev/null 2>&1 && fail "something unfinished is left: $(ls)"

# --- the kernel's, which it kills at; the outer group's is the smaller one -------------------
if make_group && limit_group $((96 * MIB)) $((1024 * MIB)); then
  in_group() { inside env LD_PRELOAD="$preload" ./prog fill $((1000 * MIB)); }
  was_killed in_group
  is_left_with leak.heap.limit80 45 105
  is_left_with leak.heap.limit95 55 125
else
  echo "no cgroup can be made here"
fi
finish
