#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_attach_oom.sh - memlog attach: the limit that is in force for the process, and that
# the kernel has killed it for want of memory, though nobody tells how it ended.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

LIMIT=50331648
group=
trap 'rm -rf "$work"; test -z "$group" || rmdir "$group"' EXIT
# in GROUP FILE: a group whose memory is limited by that file.
make_group() {
  group=$1/memlog-test-$$
  mkdir "$group" 2>/dev/null && echo $LIMIT 2>/dev/null >"$group/$2" && return 0
  rmdir "$group" 2>/dev/null
  group=
  return 1
}
make_group /sys/fs/cgroup/memory memory.limit_in_bytes || make_group /sys/fs/cgroup memory.max ||
  { echo "no group with a limit of memory can be made here"; exit 77; }
test ! -f "$group/memory.swap.max" || echo 0 >"$group/memory.swap.max"
test ! -f "$group/memory.swappiness" || echo 0 >"$group/memory.swappiness"

sh -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' sh "$group" \
  "$act" alloc 10000 say ready wait go alloc 1000000 exit 0 2>/dev/null &
program=$!
until_true 60 test -e ready || fail "it does not begin"
"$memlog" attach -q -i 10ms -o oom.log $program &
attach=$!
until_true 60 test -s oom.log
touch go
wait $program
test "$?" = 137 || fail "it was not killed: status $?"
wait $attach || fail "status $? of attach"
test "$(sed -n 3p oom.log)" = "# limit $LIMIT" || fail "the limit: $(head -n 4 oom.log)"
test "$(tail -n 1 oom.log)" = '# end reason=gone oom_kill=1' || fail "the last line: $(tail -n 1 oom.log)"
test "$(column oom.log last 2)" -gt 10000000 || fail "rss: $(tail -n 2 oom.log)"
finish
