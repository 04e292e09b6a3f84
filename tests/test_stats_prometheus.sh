#!/bin/sh
# SPDX-License-Identifier: MIT
# test_stats_prometheus.sh - metrics of a program that allocates and collects: what promtool thinks of
# them, whether they are the numbers of MemStats, and that counters never fall.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
need promtool prometheus

# A limit and a collector that is on: then nothing is infinite.
MEMLOG_MEMORY_LIMIT=1GiB "$top_builddir/tests/print_metrics" "$work" || fail "the program ended with $?"
cd "$work" || exit 99

# --- the classic text has nothing that promtool would have otherwise ---------------------------
for file in first.text first.go.text second.text second.go.text; do
  promtool check metrics <$file >said 2>&1 || fail "promtool ends with $? for $file: $(cat said)"
  test ! -s said || fail "promtool about $file: $(cat said)"
done
# It can tell: the same with a counter that is not called one.
sed 's/memlog_mallocs_total/memlog_mallocs/' first.text | promtool check metrics >said 2>&1 &&
  fail "promtool takes anything"

# --- OpenMetrics: its end, families without _total, the same numbers -----------------------------
numbers_of() { grep -v '^#' "$1"; }
for form in '' go.; do
  test "$(tail -n 1 "first.${form}open")" = '# EOF' || fail "first.${form}open ends in $(tail -n 1 "first.${form}open")"
  grep -q '^# TYPE .*_total counter' "first.${form}open" && fail "a family with _total"
  grep -q '_created' "first.${form}open" && fail "times of creation"
  numbers_of "first.${form}text" >classic
  numbers_of "first.${form}open" | sed 's/"0\.0"/"0"/; s/"1\.0"/"1"/' >open
  cmp -s classic open || fail "two forms of the same: $(diff classic open)"
done
# Each number belongs to a family that was announced, and to the last one.
awk '
  BEGIN {
    ends["counter"] = "^_total$"; ends["info"] = "^_info$"; ends["gauge"] = ends["unknown"] = "^$"
    ends["histogram"] = "^_(bucket|sum|count)$"; ends["summary"] = "^(|_sum|_count)$"
  }
  /^# TYPE/ { family = $3; kind = $4; if (family in seen) print "twice:", family; seen[family] = 1; next }
  /^#/ { next }
  {
    name = $1; sub(/\{.*/, "", name)
    if (index(name, family) != 1 || substr(name, length(family) + 1) !~ ends[kind]) print name, "in", kind, family
  }' first.go.open >strange || fail "awk ended with $?"
test ! -s strange || fail "numbers and families: $(cat strange)"

# --- the numbers are those of MemStats, to the byte -------------------------------------------------
metric() { sed -n "s/^$2 //p" "$1.text"; }
json() { tr '{,' '\n\n' <"$1.json" | sed -n "s/^\"$2\"://p" | head -n 1; }
same() {
  for time in first second; do
    value=$(metric $time "$1")
    { test -n "$value" && test "$value" = "$(json $time "$2")"; } ||
      fail "$time $1 is '$value', $2 is '$(json $time "$2")'"
  done
}
same memlog_heap_alloc_bytes Alloc
same memlog_allocated_bytes_total TotalAlloc
same memlog_sys_bytes Sys
same memlog_mallocs_total Mallocs
same memlog_frees_total Frees
same memlog_heap_objects HeapObjects
same memlog_heap_inuse_bytes HeapInuse
same memlog_heap_idle_bytes HeapIdle
same memlog_heap_released_bytes HeapReleased
same memlog_next_gc_bytes NextGC
same memlog_gc_cycles_total NumGC
same memlog_gc_forced_cycles_total NumForcedGC
test "$(metric first memlog_gc_cycles_total)" -ge 1 || fail "no collection was counted"
test "$(metric first memlog_memory_limit_bytes)" = 1073741824 || fail "the limit is $(metric first memlog_memory_limit_bytes)"
ns=$(json second PauseTotalNs)
test "$(metric second memlog_gc_pause_seconds_sum)" = "$(echo "$ns" | awk '{
  s = sprintf("%d.%09d", int($1 / 1000000000), $1 % 1000000000); sub(/\.?0+$/, "", s); print s }')" ||
  fail "pauses of $ns ns are $(metric second memlog_gc_pause_seconds_sum) s"
# Objects and allocations of the classes and the large ones add up to all.
for sum in objects:memlog_heap_objects mallocs_total:memlog_mallocs_total; do
  large=$(metric second memlog_large_mallocs_total)
  test "${sum%%:*}" = mallocs_total || large=$((large - $(metric second memlog_large_frees_total)))
  test "$(awk -v large="$large" "/^memlog_size_class_${sum%%:*}/ { all += \$2 } END { print all + large }" second.text)" = \
    "$(metric second "${sum#*:}")" || fail "the classes' ${sum%%:*} are not ${sum#*:}"
done

# --- of the process ---------------------------------------------------------------------------------
for name in resident_memory_bytes virtual_memory_bytes start_time_seconds open_fds max_fds threads; do
  test -n "$(metric second process_$name)" || fail "no process_$name"
done
test "$(metric first process_start_time_seconds)" = "$(metric second process_start_time_seconds)" ||
  fail "the process was started twice"

# --- counters, and what histograms and summaries count, never fall -------------------------------------
awk '
  /^# TYPE/ { kind = $4; next }
  /^#/ { next }
  kind == "counter" || (kind ~ /histogram|summary/ && $1 ~ /_(bucket|sum|count)/) {
    if (FILENAME ~ /^first/) first[$1] = $2
    else { compared++; if ($2 + 0 < first[$1] + 0) print $1, "fell from", first[$1], "to", $2 }
  }
  END { if (compared < 100) print "only", compared, "were compared" }' first.go.text second.go.text >fallen || fail "awk ended with $?"
test ! -s fallen || fail "$(cat fallen)"
test "$(metric second memlog_mallocs_total)" -gt "$(metric first memlog_mallocs_total)" || fail "nothing was counted"
finish
