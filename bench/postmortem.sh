# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # the variables are bench.sh's
# postmortem.sh - the row that looks into a large process and into its core file: gdb with memlog's
# commands, memlog stat, memlog core. To be sourced by bench.sh.

postmortem_mib=${BENCH_POSTMORTEM_MIB:-8192}
refs_mib=1024
extension=$bench_dir/../src/gdb/memlog-gdb.py

# in_gdb COMMAND ARGUMENTS...: how long the command takes in gdb, and gdb's peak RSS.
in_gdb() {
  command=$1
  shift
  rm -f "$work/took"
  "$programs/bench_spend" gdb -nx -batch -iex 'set debuginfod enabled off' -x "$extension" "$@" \
    -ex 'python import time; began = time.monotonic()' -ex "$command" \
    -ex "python print('wall s\t%f' % (time.monotonic() - began), file=open('$work/took', 'w'))" |
    grep 'peak RSS'
  cat "$work/took"
}
spend() { "$programs/bench_spend" "$@"; }

# fill MIB HOW: a process that is filled, its number in pid, the object's address in object.
fill() {
  rm -f "$work"/core "$work"/core.* "$work/said"
  program=$(cd "$programs" && pwd)/bench_filled
  # shellcheck disable=SC3045 # dash has it, too
  (cd "$work" && ulimit -c unlimited && exec "$program" "$1" "$2" >said) 2>/dev/null &
  pid=$!
  tries=3000
  until grep -qs filled "$work/said"; do
    tries=$((tries - 1))
    test "$tries" -gt 0 || return 1
    sleep 0.1
  done
  object=$(sed -n 1p "$work/said")
}

look_live() {
  fill "$postmortem_mib" wait || { note 'postmortem: no process'; failed=1; return; }
  measure gdb 'live, mstat,' in_gdb mstat -p "$pid"
  measure memlog 'live, mstat,' spend ./memlog stat "$pid"
  kill "$pid"
  { wait "$pid"; } 2>/dev/null
}

look_dead() {
  fill "$1" abort
  { wait "$pid"; } 2>/dev/null
  for core in "$work"/core "$work"/core.*; do
    test ! -s "$core" || break
  done
  if test ! -s "$core"; then
    note "no core file: core files go to $(cat /proc/sys/kernel/core_pattern)"
    return
  fi
  shift
  for what; do
    case $what in
      mstat)
        measure gdb 'core, mstat,' in_gdb mstat -c "$core"
        measure memlog 'core, mstat,' spend ./memlog core "$core" ;;
      refs) measure memlog 'core, find-refs,' spend ./memlog core --find-refs "$object" "$core" ;;
      check) measure memlog 'core, check,' spend ./memlog core --check "$core" ;;
      gdb_refs) measure gdb "core of $refs_mib MiB, find-refs," in_gdb "memlog find-refs $object" -c "$core"
        measure memlog "core of $refs_mib MiB, find-refs," spend ./memlog core --find-refs "$object" "$core" ;;
    esac
  done
  rm -f "$core"
}

round_of_postmortem() {
  look_live
  look_dead "$postmortem_mib" mstat refs check
  look_dead "$refs_mib" gdb_refs
}

row_postmortem() {
  command -v gdb >/dev/null 2>&1 || { note 'gdb is not installed (Debian: gdb): the row postmortem is left out'; return; }
  have_mib $((postmortem_mib * 9 / 4)) postmortem || return
  section postmortem "a process of $postmortem_mib MiB of heap, and its core file"
  subjects gdb memlog
  rounds postmortem round_of_postmortem
}
