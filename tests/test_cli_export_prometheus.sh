#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_export_prometheus.sh - Prometheus' own tool makes blocks of what memlog export writes, and what
# is in them is what the log says: every number, in the units of the names, at its time.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
need promtool prometheus
cd "$work" || exit 99
memlog=$top_builddir/memlog

# blocks LOG: into stored, lines "NAME run milliseconds value", sorted.
blocks() {
  "$memlog" export -f openmetrics -o metrics "$1" 2>err || fail "$1: memlog export ends with $?: $(cat err)"
  rm -rf data
  promtool tsdb create-blocks-from openmetrics metrics data >made 2>&1 || fail "$1: promtool: $(cat made)"
  mkdir -p data/wal data/chunks_head # as a server has them
  promtool tsdb dump data >dump 2>made || fail "$1: promtool dump: $(cat made)"
  sed -n 's/^{__name__="\([a-z_]*\)".*run="\([0-9]*\)".*} \([^ ]*\) \([0-9]*\)$/\1 \2 \4 \3/p' dump |
    awk '{ print $1, $2, $3, $4 ~ /^[0-9.e+-]+$/ ? sprintf("%.17g", $4) : $4 }' | LC_ALL=C sort >stored
  test "$(wc -l <stored)" = "$(wc -l <dump)" || fail "$1: other lines: $(cat dump)"
}

# --- each unit, and what is not known or no limit -----------------------------------------------------
cat >units.log <<'END'
# memlog 1 pid=11 start=2026-11-21T08:00:00Z interval=250ms command="./one"
# timestamp Alloc Sys HeapAlloc NumGC PauseTotalNs LastGC GCPercent CgroupLimit MemoryLimit RSS GCCPUFraction Fds
1795248000.250 5242880 10485760 5242880 0 0 0 100 0 9223372036854775807 4096 1.5e-05 7
1795248000.500 5242881 10485761 5242881 3 1500000001 1795248000123456789 -1 1048576 536870912 - 0 -
END
blocks units.log
LC_ALL=C sort >wanted <<'END'
memlog_heap_alloc_bytes 1 1795248000250 5242880
memlog_heap_alloc_bytes 1 1795248000500 5242881
memlog_sys_bytes 1 1795248000250 10485760
memlog_sys_bytes 1 1795248000500 10485761
memlog_gc_cycles_total 1 1795248000250 0
memlog_gc_cycles_total 1 1795248000500 3
memlog_gc_stopped_seconds_total 1 1795248000250 0
memlog_gc_stopped_seconds_total 1 1795248000500 1.500000001
memlog_last_gc_timestamp_seconds 1 1795248000250 0
memlog_last_gc_timestamp_seconds 1 1795248000500 1795248000.1234567
memlog_gc_growth_ratio 1 1795248000250 1
memlog_gc_growth_ratio 1 1795248000500 +Inf
memlog_cgroup_limit_bytes 1 1795248000250 +Inf
memlog_cgroup_limit_bytes 1 1795248000500 1048576
memlog_memory_limit_bytes 1 1795248000250 +Inf
memlog_memory_limit_bytes 1 1795248000500 536870912
process_resident_memory_bytes 1 1795248000250 4096
memlog_gc_cpu_ratio 1 1795248000250 1.5e-05
memlog_gc_cpu_ratio 1 1795248000500 0
process_open_fds 1 1795248000250 7
END
awk '{ print $1, $2, $3, $4 ~ /^[0-9.e+-]+$/ ? sprintf("%.17g", $4) : $4 }' wanted >wanted.g
cmp -s stored wanted.g || fail "units: $(diff stored wanted.g)"
grep -q 'memlog_heap_alloc_bytes{pid="11",run="1"} 5242880 1795248000.250$' metrics || fail "labels: $(cat metrics)"
grep -q '^# TYPE memlog_gc_cycles counter$' metrics || fail "a counter's family: $(grep TYPE metrics)"
grep -q '^# UNIT memlog_gc_stopped_seconds seconds$' metrics || fail "a unit: $(grep UNIT metrics)"
test "$(tail -1 metrics)" = '# EOF' || fail "no # EOF at the end"
test "$(grep -c TYPE metrics)" = "$(grep TYPE metrics | sort -u | grep -c .)" || fail "a family twice"

# --- the names are those of the live numbers -------------------------------------------------------------
MEMLOG_MEMORY_LIMIT=1GiB "$top_builddir/tests/print_metrics" . || fail "print_metrics ends with $?"
columns=$(sed -n 's/^    [A-Z]*([a-z_]*, "\([A-Za-z]*\)", .*/\1/p' "$top_srcdir/src/stats/fields.c" |
  grep -vxE 'Alloc|Sys|PauseNs|PauseEnd|BySize|PauseHistogram|StopHistogram|PSS|Swap|RSS|HeapAlloc')
test "$(echo "$columns" | grep -c .)" -ge 60 || fail "the table has few columns: $columns"
awk -v columns="$(echo "$columns" | tr '\n' ' ')" 'BEGIN {
  n = split(columns, names, " ")
  line = "# timestamp Alloc Sys"
  for (i = 1; i <= n; i++) line = line " " names[i]
  print line
  line = 1795248000 " 1 2"
  for (i = 1; i <= n; i++) line = line " " i + 2
  print line
}' >every.log
blocks every.log
test "$(wc -l <stored)" = "$(echo "$columns" | wc -l | awk '{ print $1 + 2 }')" ||
  fail "$(wc -l <stored) numbers of $(echo "$columns" | wc -l) columns and two: $(cat stored)"
grep -E '^# (HELP|TYPE|UNIT) memlog_' metrics >types
while read -r line; do
  case $line in
    # those that only a log has, and those of the process, which print_metrics leaves out
    *stack_inuse* | *gc_stopped* | *gc_cpu_ratio* | *gc_enabled* | *gc_debug* | *gc_pauses*) ;;
    *gc_last_concurrent* | *page_faults* | *cgroup_current*) ;;
    *) grep -qxF "$line" first.open || fail "the pages have no such line: $line" ;;
  esac
done <types

# --- runs, a clock that was set back, another process's log, a run that is cut ------------------------------
{
  awk 'BEGIN {
    srand(11)
    time = 1795248000
    for (run = 1; run <= 12; run++) {
      print (run > 1 ? "\n" : "") "# memlog 1 pid=" 100 + run " start=2026-11-21T08:00:00Z interval=1s command=\"./x\""
      print "# timestamp " (run % 4 == 0 ? "rss pss" : run % 2 == 0 ? "Alloc Sys Mallocs" : "Alloc Sys")
      for (i = 0; i < 300; i++) {
        time += 1 + int(rand() * 30)
        if (i == 200) time -= 5000
        alloc = int(rand() * 1e12)
        if (run % 4 == 0) printf "%d %.0f %.0f\n", time, alloc * 2, alloc
        else printf "%d %.0f %.0f%s\n", time, alloc, alloc * 2, run % 2 == 0 ? " " 100000 * run + i : ""
      }
    }
  }'
  printf '1795300000 55'
} >runs.log
awk 'function tell(name, value) { print name, run, $1 "000", sprintf("%.17g", value) }
  /^# memlog/ { run++; last = 0; next }
  /^# timestamp/ { resident = $3 == "rss"; next }
  /^[0-9]/ && (NF == 3 || NF == 4) {
    if ($1 <= last) next
    last = $1
    tell(resident ? "process_resident_memory_bytes" : "memlog_heap_alloc_bytes", $2)
    tell(resident ? "memlog_process_proportional_memory_bytes" : "memlog_sys_bytes", $3)
    if (NF == 4) tell("memlog_mallocs_total", $4)
  }' runs.log | LC_ALL=C sort >wanted
blocks runs.log
test "$(grep -c . wanted)" -gt 4000 || fail "the log has few numbers"
cmp -s stored wanted || fail "runs: $(diff stored wanted | head -5)"
grep -q 'runs.log: [0-9]* samples left out: not later than the one before' err || fail "what is left out: $(cat err)"
left_out=$(sed -n 's/.*runs.log: \([0-9]*\) samples left out.*/\1/p' err)
lines=$(awk '/^[0-9]/ && NF > 2' runs.log | wc -l)
kept=$(grep -c -e '^memlog_heap_alloc_bytes' -e '^process_resident' wanted)
test "$left_out" = $((lines - kept)) || fail "$left_out left out, $lines lines, $kept kept"
# A pipe is copied, since it has to be read for each column.
# shellcheck disable=SC2002
cat runs.log | TMPDIR=. "$memlog" export -f openmetrics - >piped 2>err || fail "a pipe: $(cat err)"
cmp -s piped metrics || fail "from a pipe it is something else"
test "$(echo memlog-*)" = 'memlog-*' || fail "a copy is left: $(echo memlog-*)"
# shellcheck disable=SC2002
cat runs.log | TMPDIR=./nowhere "$memlog" export -f openmetrics - >piped 2>err && fail "without room for a copy"
grep -q TMPDIR err || fail "no room for a copy: $(cat err)"
# shellcheck disable=SC2002
cat runs.log | TMPDIR=./nowhere "$memlog" export -f csv - >piped 2>err || fail "CSV needs no copy: $(cat err)"

# --- samples a millisecond apart each keep their own -----------------------------------------------------------
awk 'BEGIN {
  print "# timestamp Alloc Sys"
  for (i = 0; i < 3000; i++) printf "%d.%03d %d %d\n", 1795248000 + i / 1000, i % 1000, i, i
}' >fast.log
blocks fast.log
test "$(grep -c '^memlog_heap_alloc_bytes' stored)" = 3000 || fail "a millisecond apart: $(wc -l <stored)"
awk '$1 == "memlog_heap_alloc_bytes" && $3 - 1795248000000 != $4' stored >wrong
test ! -s wrong || fail "at another time: $(head -3 wrong)"
finish
