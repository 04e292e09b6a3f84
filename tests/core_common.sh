# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154 # the variables are for the scripts, and theirs
# For scripts that look into core files, to be sourced after script.sh.

not_sanitized "what a core file holds is the sanitizer's"
memlog=$(cd "$top_builddir" && pwd)/memlog
top_builddir=$(cd "$top_builddir" && pwd)
top_srcdir=$(cd "$top_srcdir" && pwd)
LD_LIBRARY_PATH=$top_builddir/.libs
export LD_LIBRARY_PATH
cd "$work" || exit 99
case $(cat /proc/sys/kernel/core_pattern) in
  core | core.%p) ;;
  *) echo "core files go elsewhere: $(cat /proc/sys/kernel/core_pattern)"; exit 77 ;;
esac

# stats_program NAME FLAGS...: prog_gdb_stats.
stats_program() {
  program=$1
  shift
  $CC -O1 -Wall -D_GNU_SOURCE -I"$top_srcdir/src/api" "$top_srcdir/tests/prog_gdb_stats.c" \
    -o "$program" "$@" -pthread
}

# dies PROGRAM ARGUMENTS...: it runs, with $preload, and dies; its number is in pid, the file in
# core, what it said in the file said. Fails when there is no core file.
preload=
dies() {
  rm -f core core.*
  # shellcheck disable=SC3045 # dash has it, too
  (ulimit -c unlimited 2>/dev/null; LD_PRELOAD=$preload exec "$@") >said 2>&1 &
  pid=$!
  { wait $pid; } 2>/dev/null
  for core in core "core.$pid"; do
    test ! -s "$core" || return 0
  done
  return 1
}
