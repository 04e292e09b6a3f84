#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_limit.sh - memlog run below a cgroup's memory limit: the log says it, alerts are
# shares of it, and the last line says who has killed the program.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

MIB=1048576
. "$top_srcdir/tests/cgroup.sh"
make_group || { echo "no cgroup can be made here"; exit 77; }

# The outer group's limit is the smaller one.
limit_group $((96 * MIB)) $((1024 * MIB)) || { echo "no limit can be set here"; exit 77; }

# --- the header, the column, a share ---------------------------------------------------
inside "$memlog" run -q -i 10ms --columns cgroup_limit,cgroup_current --alert 'cgroup_current>40%' --alert 'alloc>50%' \
  --exec 'echo "$MEMLOG_LIMIT" >half' "$act" alloc 40000 say low wait grow alloc 20000 wait end exit 0 2>err &
run=$!
until_true 60 test -e low || fail "it does not begin: $(cat err)"
settled() { test "$(column memory.log last 2)" -gt 40000000; }
until_true 60 settled || fail "40000 blocks do not show: $(cat memory.log)"
test ! -e half || fail "40 MB are taken for half of 96 MiB"
touch grow
until_true 60 grep -q . half || fail "the command does not run: $(grep '^#' memory.log)"
touch end
wait "$run" || fail "status $?: $(cat err)"
test "$(sed -n 3p memory.log)" = "# limit $((96 * MIB))" || fail "the header: $(sed -n 1,3p memory.log)"
test "$(grep -c '^# limit' memory.log)" = 1 || fail "limits: $(grep '^# limit' memory.log)"
test "$(column memory.log last 4)" = $((96 * MIB)) || fail "the column: $(tail -n 2 memory.log)"
test "$(column memory.log last 5)" -gt 40000000 || fail "what it is charged with: $(tail -n 2 memory.log)"
test "$(cat half)" = $((96 * MIB)) || fail "MEMLOG_LIMIT is $(cat half)"
grep -q "^# alert alloc>50% value=[56][0-9]\{7\} limit=$((96 * MIB))\$" memory.log || fail "half: $(grep '^#' memory.log)"
grep -q "^memlog: alert cgroup_current>40%: CgroupCurrent is .* of 96.0 MiB, the cgroup's limit\$" err || fail "says: $(cat err)"

# --- with --children the sum has it, too ---------------------------------------------------
inside "$memlog" run -q -i 10ms -o family.log --children sh -c "'$act' alloc 5 exit 0; exit 0"
test "$(sed -n 3p family.log.total)" = "# limit $((96 * MIB))" || fail "the sum: $(cat family.log.total)"

# --- the end ------------------------------------------------------------------------------
inside "$memlog" run -q -i 10ms -o killed.log "$act" alloc 200000 exit 0 2>err
status=$?
test "$status" = 137 || fail "status $status instead of 137: $(cat err)"
grep -q '^# end reason=SIGKILL oom_kill=1$' killed.log || fail "the end: $(tail -n 2 killed.log)"
test "$(column killed.log last 2)" -gt 0 || fail "no sample: $(cat killed.log)"

# --- in a container the own group is where all would be mounted -------------------------------
root=/sys/fs/cgroup
case $group in $root/memory/*) root=$root/memory ;; esac
rm -f killed.log
if unshare -m mount --bind "$group/inner" "$root" 2>/dev/null; then
  # shellcheck disable=SC2016 # the words are for the inner shell
  inside unshare -m sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$group/inner" "$root" \
    "$memlog" run -q -i 10ms -o killed.log "$act" alloc 200000 exit 0
  grep -qx "# limit $((1024 * MIB))" killed.log || fail "the own limit: $(cat killed.log)"
  grep -q '^# end reason=SIGKILL oom_kill=1$' killed.log || fail "the end in a container: $(tail -n 2 killed.log)"
fi

# --- a limit that changes is looked for every ten seconds; what has ended has none: no news -----
if test "$full" != 0; then
  inside "$memlog" run -q -i 1m -o ended.log --children sleep 10.5
  test "$(grep '^# limit' ended.log | tr '\n' ' ')" = "# limit $((96 * MIB)) " || fail "at the end: $(cat ended.log)"
  test "$(grep '^# limit' ended.log.total | tr '\n' ' ')" = "# limit $((96 * MIB)) " || fail "at the end: $(cat ended.log.total)"
  inside "$memlog" run -q -i 100ms -o changed.log "$act" alloc 5 say low2 wait enough exit 0 &
  run=$!
  until_true 60 test -e low2
  echo $((64 * MIB)) >"$group/inner/$limit"
  until_true 60 grep -qx "# limit $((64 * MIB))" changed.log || fail "a change: $(grep '^#' changed.log)"
  touch enough
  wait "$run"
  test "$(grep '^# limit' changed.log | tr '\n' ' ')" = "# limit $((96 * MIB)) # limit $((64 * MIB)) " ||
    fail "limits: $(grep '^# limit' changed.log)"
fi
finish
