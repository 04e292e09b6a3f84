#!/bin/sh
# SPDX-License-Identifier: MIT
# test_faults_limits.sh - little address space, few descriptors, few threads,
# short files, no directory: what can't be had is refused as documented, in
# one line on stderr where that says so, and all else goes on.
. "${top_srcdir:-$(dirname "$0")/..}/tests/faults_common.sh"

scenarios='start heap collect deep release threads log fork'
groups=
leave_groups() { for group in $groups; do rmdir "$group" 2>/dev/null; done; }
trap 'leave_groups; rm -rf "$work"' EXIT

# judge WHAT STATUS: a program whose output is in said and errors.
judge() {
  if ! grep -q '^begun$' said; then
    test "${may_not_begin:-no}" = yes || fail "$1: has not begun: $(cat errors)"
    return 1
  fi
  test "$2" -eq 0 || fail "$1: ends with $2: $(cat said errors)"
  if grep -v '^memlog: ' errors >strange; then fail "$1: says: $(cat strange)"; fi
  # A log is started three times at most, and refused each time.
  test "$(wc -l <errors)" -le 3 || fail "$1: says too much: $(cat errors)"
  return 0
}

# --- address space ------------------------------------------------------------
# From where not even the loader comes to an end, up to plenty.
begun=0 not_begun=0 may_not_begin=yes
kib=2000
while [ $kib -lt 2000000 ]; do
  (ulimit -v $kib && exec timeout 60 "$tests/prog_faults_audited" lasting full) >said 2>errors
  if judge "ulimit -v $kib" $?; then begun=$((begun + 1)); else not_begun=$((not_begun + 1)); fi
  if [ "$full" = 0 ]; then kib=$((kib + kib / 7 + 100)); else kib=$((kib + kib / 100 + 20)); fi
done
echo "ulimit -v: $not_begun programs could not be started, $begun ran"
test $begun -gt 10 || fail "hardly a program was started below a limit"
test $not_begun -gt 0 || fail "every program could be started"
may_not_begin=no

# --- descriptors ----------------------------------------------------------------
for files in 0 3 4 5 8; do
  for scenario in $scenarios; do
    FAULTS_OPEN_FILES=$files timeout 60 "$tests/prog_faults" lasting $scenario >said 2>errors
    judge "$files descriptors, $scenario" $?
  done
done

# --- the size of files, and where they are ----------------------------------------
for scenario in log fork; do
  (ulimit -f 1 && exec timeout 60 "$tests/prog_faults" lasting $scenario) >said 2>errors
  judge "ulimit -f, $scenario" $?
  mkdir gone
  (cd gone && rmdir ../gone && exec "$tests/prog_faults_audited" lasting $scenario) >said 2>errors
  judge "no directory, $scenario" $?
done

# --- processes and threads -----------------------------------------------------------
# A group of processes of our own, in which as many as we say may be.
make_group() {
  for root in /sys/fs/cgroup/pids /sys/fs/cgroup; do
    group=$root/memlog-test-$$
    mkdir "$group" 2>/dev/null || continue
    groups="$groups $group"
    test -w "$group/pids.max" && test -w "$group/cgroup.procs" && return 0
  done
  return 1
}
in_group() {
  echo "$1" >"$group/pids.max" &&
    sh -c 'echo $$ >"$1/cgroup.procs" && exec "$2" lasting "$3"' - "$group" \
      "$tests/prog_faults_audited" "$2" >said 2>errors
}
# Or a user, who has no other process where we may choose one.
as_user() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid 54321 --clear-groups "$@"; else "$@"; fi
}
ways=0
if make_group; then
  ways=$((ways + 1))
  for processes in 1 2 3 4; do
    for scenario in $scenarios; do
      in_group $processes "$scenario"
      judge "a group of $processes, $scenario" $?
    done
  done
fi
cp "$tests/prog_faults_audited" . && chmod 777 . && rm -f -- *.log*
if as_user prlimit --nproc=1 true 2>/dev/null; then
  ways=$((ways + 1))
  for scenario in $scenarios; do
    as_user prlimit --nproc=1 ./prog_faults_audited lasting "$scenario" >said 2>errors
    judge "one process a user, $scenario" $?
  done
fi
echo "processes were limited in $ways ways"
test $ways -gt 0 || test "$full" = 0 || fail "no way to limit processes here"
finish
