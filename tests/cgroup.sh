# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # the variables are script.sh's, or for the scripts
# For scripts that need a memory cgroup of their own, to be sourced after script.sh: $group and
# $group/inner, which are gone at the end.

group=
leave_group() { test -z "$group" || rmdir "$group/inner" "$group" 2>/dev/null; }
trap 'leave_group; rm -rf "$work"' EXIT

# make_group: a group, and one in it, where limits can be set: below this process's or at the
# root. $limit is the name of the file. Fails where that can't be.
make_group() {
  own=$(sed -n -e 's/^[0-9]*:memory://p' -e 's/^0:://p' /proc/self/cgroup | head -n 1)
  for root in /sys/fs/cgroup/memory /sys/fs/cgroup; do
    for parent in "$root$own" "$root"; do
      group=$parent/memlog-test-$$
      mkdir "$group" 2>/dev/null || continue
      test ! -e "$group/cgroup.subtree_control" || echo +memory >"$group/cgroup.subtree_control" 2>/dev/null
      for limit in memory.limit_in_bytes memory.max; do
        mkdir "$group/inner" 2>/dev/null
        test -w "$group/$limit" && test -w "$group/inner/$limit" && test -w "$group/inner/cgroup.procs" && return 0
      done
      leave_group
    done
  done
  group=
  return 1
}
# limit_group OUTER INNER: bytes, and no swap. Fails where that can't be.
limit_group() {
  echo "$1" >"$group/$limit" && echo "$2" >"$group/inner/$limit" || return 1
  if test -e "$group/memory.memsw.limit_in_bytes"; then echo "$1" >"$group/memory.memsw.limit_in_bytes"; fi
  if test -e "$group/memory.swap.max"; then echo 0 >"$group/memory.swap.max"; fi
}
# inside COMMAND...: in the inner group.
inside() { sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group/inner" "$@"; }
