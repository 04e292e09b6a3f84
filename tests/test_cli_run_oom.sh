#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_run_oom.sh - the log of a program that the kernel kills for want of memory says so, and
# of one that somebody else kills does not.
#
# TEST_CGROUP=DIR names a folder of memory cgroups in which one may be made: then the kernel
# does it. Without, the kernel's counter is a file of ours that is mounted over its own, where
# mounting is allowed.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

# A program that is killed while it holds memory, with the counter at $1 and then at $2.
cat >kill.sh <<'END'
printf 'oom_kill_disable 0\nunder_oom 0\noom_kill %s\n' "$1" >counter
mount -t tmpfs none /sys/fs/cgroup || exit 90
while IFS=: read -r number controllers group; do
  case $number:,$controllers, in
  0:*) folder=/sys/fs/cgroup$group file=memory.events ;;
  *,memory,*) folder=/sys/fs/cgroup/memory$group file=memory.oom_control ;;
  *) continue ;;
  esac
  mkdir -p "$folder" && : >"$folder/$file" && mount --bind counter "$folder/$file" || exit 90
  break
done </proc/self/cgroup
"$memlog" run -q -i 10ms -o oom.log "$act" alloc 20000 say full wait never &
run=$!
until test -s oom.log && test -e full; do sleep 0.02; done
printf 'oom_kill_disable 0\nunder_oom 1\noom_kill %s\n' "$2" >counter
kill -KILL "$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' oom.log)"
wait "$run"
END
export memlog act
unshared=
for how in '' '--user --map-root-user'; do
  # shellcheck disable=SC2086 # several words on purpose
  test -z "$unshared" && unshare $how --mount mount -t tmpfs none /sys/fs/cgroup 2>/dev/null && unshared="unshare $how --mount"
done
# expect BEFORE AFTER END
expect() {
  rm -f oom.log full
  timeout 60 $unshared sh kill.sh "$1" "$2"
  status=$?
  test "$status" = 137 || fail "$1 then $2: status $status instead of 137"
  test "$(tail -n 1 oom.log)" = "# end $3" || fail "$1 then $2: $(tail -n 1 oom.log)"
  test "$(samples oom.log)" -ge 1 || fail "$1 then $2: $(cat oom.log)"
}
if test -n "$unshared"; then
  expect 0 1 'reason=SIGKILL oom_kill=1'
  expect 7 9 'reason=SIGKILL oom_kill=2'
  expect 7 7 'reason=SIGKILL'
else
  echo "nothing can be mounted here: without the counter"
fi

if test -n "${TEST_CGROUP:-}"; then
  group=$TEST_CGROUP/memlog-test.$$
  mkdir "$group" || fail "no cgroup can be made in $TEST_CGROUP"
  trap 'rmdir "$group"; rm -rf "$work"' EXIT
  limit=$group/memory.max
  test -e "$limit" || limit=$group/memory.limit_in_bytes
  echo 60000000 >"$limit"
  test ! -e "$group/memory.swap.max" || echo 0 >"$group/memory.swap.max"
  # shellcheck disable=SC2016 # for the shell that goes there
  timeout 60 sh -c 'echo $$ >"$1/cgroup.procs" && exec "$memlog" run -q -i 10ms -o limit.log "$act" alloc 200000 wait never' \
    sh "$group"
  status=$?
  test "$status" = 137 || fail "above its limit: status $status instead of 137"
  test "$(tail -n 1 limit.log)" = '# end reason=SIGKILL oom_kill=1' || fail "above its limit: $(tail -n 1 limit.log)"
  most=$(awk '/^[0-9]/ && $2 > most { most = $2 } END { print most + 0 }' limit.log)
  test "$most" -gt 30000000 && test "$most" -lt 61000000 || fail "killed at 60 MB, with $most at most in its log"
else
  echo "no TEST_CGROUP: without the kernel's own killing"
fi
finish
