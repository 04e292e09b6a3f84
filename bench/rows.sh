# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # the variables are bench.sh's
# rows.sh - the rows of the table: which programs are run, and with whom in
# turn. README.md says what each is for. To be sourced by bench.sh, as
# allocators.sh, which has the rows that compare what malloc does.

# --- peers -------------------------------------------------------------------

have_libgc=0
if test -x "$programs/bench_trees_libgc"; then have_libgc=1; fi

# need_libgc: is it there? Says so once when not.
need_libgc() {
  test "$have_libgc" -eq 1 || {
    note "libgc is not installed (Debian: libgc-dev); its columns are empty"
    return 1
  }
}

# need_go PROGRAM: build it.
need_go() {
  command -v "$GO" >/dev/null 2>&1 || {
    note "Go is not installed (Debian: golang-go); its columns are empty"
    return 1
  }
  GO111MODULE=off "$GO" build -o "$programs/bench_$1_go" \
    "$bench_dir/go/$1.go" "$bench_dir/go/report.go" >"$work/err" 2>&1 || {
    note "Go can't build $1.go: $(tail -n 1 "$work/err"); its columns are empty"
    return 1
  }
}

# find_library FILE PACKAGE: where it is, in $library; "" when it is nowhere.
find_library() {
  library=
  for folder in /usr/lib/*-linux-gnu /usr/lib64 /usr/lib /usr/local/lib; do
    if test -e "$folder/$1"; then
      library=$folder/$1
      return 0
    fi
  done
  note "$1 is not installed (Debian: $2); its column is empty"
  return 1
}

# have_mib MIB WHAT: is that much memory free?
have_mib() {
  awk -v mib="$1" '$1 == "MemAvailable:" { exit !($2 / 1024 >= mib) }' /proc/meminfo || {
    note "$2 wants $1 MiB of memory; left out"
    return 1
  }
}

# --- collected heaps ----------------------------------------------------------

round_of_collected() {
  if test "$with_libgc" -eq 1; then measure libgc '' "$programs/bench_${section}_libgc"; fi
  measure memlog '' "$programs/bench_${section}_memlog"
  if test "$with_go" -eq 1; then measure Go '' "$programs/bench_${section}_go"; fi
  # Less memory for more collections, so that RSS and time can be compared at once.
  measure "memlog-$lean_percent%" '' \
    env MEMLOG_GC_PERCENT="$lean_percent" "$programs/bench_${section}_memlog"
}

row_of_collected() {
  section "$1" "$2"
  lean_percent=$3
  with_libgc=0 with_go=0
  if need_libgc; then with_libgc=1; fi
  if need_go "$1"; then with_go=1; fi
  subjects libgc memlog Go "memlog-$lean_percent%"
  ratios memlog/libgc memlog/Go "memlog-$lean_percent%/libgc"
  rounds "$1" round_of_collected
}

row_trees() {
  row_of_collected trees 'binary-trees, depth 20, one thread' 150
}

row_gcbench() {
  have_mib 4096 gcbench || return
  row_of_collected gcbench 'GCBench, 1 GiB live in 2^25 nodes' 65
}

# --- mark ---------------------------------------------------------------------

round_of_marks() {
  for layout in tree random; do
    measure one-CPU "$layout" taskset -c 0 "$programs/bench_mark" "$layout"
    measure all-CPUs "$layout" "$programs/bench_mark" "$layout"
    measure_two_at_once "$layout"
  done
}

# Two that have nothing to do with each other, a CPU each.
measure_two_at_once() {
  test "$(getconf _NPROCESSORS_ONLN)" -ge 2 || return
  taskset -c 1 "$programs/bench_mark" "$1" >"$work/second" 2>/dev/null &
  second=$!
  measure two-at-once "$1" taskset -c 0 "$programs/bench_mark" "$1"
  if wait "$second"; then
    figures two-at-once "$1" <"$work/second"
  else
    failed=1
  fi
}

row_mark() {
  have_mib 4096 mark || return
  command -v taskset >/dev/null 2>&1 || {
    note "mark wants taskset (Debian: util-linux); left out"
    return
  }
  section mark 'a full collection at 1 GiB live, 2^25 objects'
  subjects one-CPU all-CPUs two-at-once
  ratios all-CPUs/one-CPU two-at-once/one-CPU
  rounds mark round_of_marks
}

# --- typed --------------------------------------------------------------------

round_of_types() {
  for bytes in 56 120 504; do
    for how in plain typed; do
      MEMLOG_GC=stop measure "$how" "$bytes bytes" "$programs/bench_typed" "$how" "$bytes"
    done
  done
}

row_typed() {
  section typed 'marking 128 MiB of objects with two pointers, the rest numbers'
  subjects plain typed
  ratios typed/plain
  rounds typed round_of_types
}

# --- stop ---------------------------------------------------------------------

round_of_stops() {
  measure bare '' "$programs/bench_stop"
  measure memlog '' "$programs/bench_stop_memlog"
}

row_stop() {
  section stop '1,000 sleeping threads stopped and let go again'
  subjects bare memlog
  ratios memlog/bare
  rounds stop round_of_stops
}

# --- latency ------------------------------------------------------------------

# Writes a second into old objects.
write_rates='0 50000 150000 800000'
pause_collections=5

# measure_pauses SUBJECT KIND [SETTING]: for the write rate in $rate, labelled so.
measure_pauses() {
  measure "$1" "$((rate / 1000))k/s" env ${3:+"$3"} "$programs/bench_pause" "$2" "$rate" \
    "$live_mib" "$pause_collections" $((3 * measured_seconds))
}

round_of_pauses() {
  for rate in $write_rates; do
    measure_pauses memlog collected
    measure_pauses memlog-stop collected MEMLOG_GC=stop
    measure_pauses control control
  done
}

row_pause() {
  have_mib $((4 * live_mib)) pause || return
  section pause "$live_mib MiB live, 200 MB/s allocated; so many random writes a second"
  subjects memlog memlog-stop control
  ratios memlog/memlog-stop memlog/control
  rounds pause round_of_pauses
}

# measure_latency SUBJECT PEER [SETTING]
measure_latency() {
  measure "$1" '' env ${3:+"$3"} "$programs/bench_latency_$2" "$live_mib" "$measured_seconds"
}

round_of_latencies() {
  if test "$with_libgc" -eq 1; then
    measure_latency libgc libgc
    measure_latency libgc-incr libgc GC_ENABLE_INCREMENTAL=1
  fi
  measure_latency memlog memlog
  if test "$with_go" -eq 1; then measure_latency Go go; fi
}

row_latency() {
  have_mib $((4 * live_mib)) latency || return
  section latency "$live_mib MiB live, 200,000 operations a second of 1 KiB, from due until done"
  with_libgc=0 with_go=0
  if need_libgc; then with_libgc=1; fi
  if need_go latency; then with_go=1; fi
  subjects libgc libgc-incr memlog Go
  ratios memlog/libgc memlog/libgc-incr memlog/Go
  rounds latency round_of_latencies
}

# --- statistics and log ---------------------------------------------------------

round_of_memstats() {
  for state in idle threads loaded; do
    if test "$with_go" -eq 1; then measure Go "$state" "$programs/bench_memstats_go" "$state"; fi
    measure memlog "$state" "$programs/bench_memstats_memlog" "$state"
  done
}

row_memstats() {
  section memstats 'reading the statistics, a call: idle; 64 threads alive; all cores allocating'
  with_go=0
  if need_go memstats; then with_go=1; fi
  subjects Go memlog
  ratios memlog/Go
  rounds memstats round_of_memstats
}

round_of_samples() { measure memlog '' "$programs/bench_sample" "$work/sample.log"; }

row_sample() {
  section sample 'a line of the log, file and all'
  subjects memlog
  ratios
  rounds sample round_of_samples
}
