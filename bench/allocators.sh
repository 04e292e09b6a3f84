# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # the variables are bench.sh's
# allocators.sh - the rows that compare allocators, and what watches them. To be
# sourced by bench.sh.

# --- who is compared -----------------------------------------------------------

allocators='glibc jemalloc mimalloc tcmalloc memlog'

find_allocators() {
  jemalloc='' mimalloc='' tcmalloc=''
  if find_library libjemalloc.so.2 libjemalloc2; then jemalloc=$library; fi
  if find_library libmimalloc.so.2 libmimalloc2.0; then mimalloc=$library; fi
  if find_library libtcmalloc_minimal.so.4 libtcmalloc-minimal4; then tcmalloc=$library; fi
}

# the_plain_door: how any program is run on memlog's heap, ten samples a second.
the_plain_door() {
  echo "./memlog run --quiet --interval 100ms --output $work/plain.log"
}

# under_allocator NAME: in $under what stands before a command; fails when there is no such
# allocator here. Programs that are linked with another one (redis-server) get the C library's by
# its being preloaded.
under_allocator() {
  case $1 in
    glibc) under='env LD_PRELOAD=libc.so.6' ;;
    memlog) under=$(the_plain_door) ;;
    jemalloc) test -n "$jemalloc" && under="env LD_PRELOAD=$jemalloc" ;;
    mimalloc) test -n "$mimalloc" && under="env LD_PRELOAD=$mimalloc" ;;
    tcmalloc) test -n "$tcmalloc" && under="env LD_PRELOAD=$tcmalloc" ;;
  esac
}

# compare_allocators NAME TITLE: the columns of a row of all of them.
compare_allocators() {
  section "$1" "$2"
  find_allocators
  # shellcheck disable=SC2086 # several names
  subjects $allocators
  ratios memlog/glibc memlog/fastest
}

# --- pairs --------------------------------------------------------------------

# with_allocator NAME COMMAND...: COMMAND gets the program and the library to
# preload (or "") as $program and $preload; nothing happens when there is no
# such allocator here.
with_allocator() {
  program=$programs/bench_pairs
  case $1 in
    glibc) preload='' ;;
    memlog) preload='' program=$programs/bench_pairs_memlog ;;
    jemalloc) preload=$jemalloc && test -n "$preload" || return 0 ;;
    mimalloc) preload=$mimalloc && test -n "$preload" || return 0 ;;
    tcmalloc) preload=$tcmalloc && test -n "$preload" || return 0 ;;
  esac
  allocator=$1
  shift
  "$@"
}

measure_pairs() {
  measure "$allocator" "$order $size, $threads thr." \
    env LD_PRELOAD="$preload" "$program" "$order" "$size" "$threads"
}

round_of_pairs() {
  for size in 16 64 512 4096 mixed; do
    for name in $allocators; do
      with_allocator "$name" measure_pairs
    done
  done
}

row_pairs() {
  compare_allocators pairs 'allocate and free, ns of a core'
  for threads in 1 2 8; do
    for order in pair lifo fifo random; do
      rounds "pairs, $order, threads: $threads" round_of_pairs
    done
  done
}

# --- instructions --------------------------------------------------------------

# count_instructions ROUNDS: of a run so long, all threads. memlog is preloaded, too.
count_instructions() {
  LD_PRELOAD=$preload valgrind --tool=callgrind --callgrind-out-file=/dev/null \
    "$programs/bench_pairs" "$order" "$size" 1 "$1" 2>&1 >/dev/null |
    sed -n 's/^==[0-9]*== Collected *: *\([0-9]*\).*/\1/p'
}

# The difference of two runs: what comes before and after the rounds goes away.
instructions_of_allocator() {
  if test "$allocator" = memlog; then preload=$PWD/.libs/libmemlog-preload.so; fi
  few=$(count_instructions 20)
  many=$(count_instructions 120)
  if test -n "$few" && test -n "$many"; then
    awk -v few="$few" -v many="$many" 'BEGIN { printf "\t%.1f\n", (many - few) / 100000 }' |
      sed "s/^/instructions/" | figures "$allocator" "$order $size"
  else
    note "valgrind can't run the pairs of $allocator"
    failed=1
  fi
}

# Not a matter of time: one round, shared or not.
row_instructions() {
  command -v valgrind >/dev/null 2>&1 || {
    note "instructions are counted by valgrind (Debian: valgrind); left out"
    return
  }
  compare_allocators instructions 'executed by a pair, loop and calls included'
  : >"$work/round"
  for order in pair random; do
    for size in 16 64 512 4096 20000 50000; do
      for name in $allocators; do
        with_allocator "$name" instructions_of_allocator
      done
    done
  done
  sed "s/\$/${tab}own/" "$work/round" >>"$data"
  say "instructions: counted"
}

# --- workloads -------------------------------------------------------------------

# NAME:THREADS, 0 threads meaning one for each CPU.
workloads='arithmetic:1 logic:1 bodies:1 document:1 batches:1 batches:0 random:1 random:0
  pages:1 pages:0 big:1 server:0 queue:0 scratch:1 scratch:0 exchange:0 short:0'

round_of_workload() {
  for name in $allocators; do
    under_allocator "$name" || continue
    # shellcheck disable=SC2086 # a command
    measure "$name" "$workload x$threads" $under "$programs/bench_workload" "$workload" "$threads"
  done
}

row_workloads() {
  compare_allocators workloads 'programs that mostly allocate and free, so many threads'
  geometric_means 'wall s' 'CPU s' 'peak RSS MiB'
  for entry in $workloads; do
    workload=${entry%:*} threads=${entry#*:}
    test "$threads" -ne 0 || threads=$(getconf _NPROCESSORS_ONLN)
    rounds "workloads, $workload x$threads" round_of_workload
  done
}

# --- programs ---------------------------------------------------------------------

round_of_program() {
  for name in $allocators; do
    under_allocator "$name" || continue
    # shellcheck disable=SC2086 # a command
    measure "$name" "$program" sh "$bench_dir/programs.sh" "$program" "$work" "$programs" $under
  done
}

# make_input PROGRAM: fails, with a note, when there is no such program here.
make_input() {
  sh "$bench_dir/programs.sh" "$1" "$work" "$programs" >"$work/err" 2>&1 || {
    note "$(tail -n 1 "$work/err"); left out"
    return 1
  }
}

row_programs() {
  compare_allocators programs 'real programs'
  geometric_means 'wall s' 'CPU s' 'peak RSS MiB'
  for program in sqlite python jq perl gcc redis; do
    if make_input "$program"; then rounds "programs, $program" round_of_program; fi
  done
}

# --- trackers ----------------------------------------------------------------------

# under_tracker NAME: as under_allocator. What they write goes to $work.
under_tracker() {
  case $1 in
    untracked) under='env LD_PRELOAD=' ;;
    memlog) under=$(the_plain_door) ;;
    memusage)
      find_library libmemusage.so libc6 && under="env LD_PRELOAD=$library" ;;
    jemalloc-prof)
      find_library libjemalloc.so.2 libjemalloc2 &&
        under="env LD_PRELOAD=$library MALLOC_CONF=prof:true,prof_prefix:$work/jemalloc" ;;
    heaptrack)
      need_command heaptrack heaptrack && under="heaptrack --raw -o $work/heaptrack" ;;
    massif)
      need_command valgrind valgrind && under="valgrind -q --tool=massif --massif-out-file=$work/massif" ;;
  esac
}

need_command() {
  command -v "$1" >/dev/null 2>&1 || {
    note "$1 is not installed (Debian: $2); its column is empty"
    return 1
  }
}

trackers='untracked memlog memusage jemalloc-prof heaptrack massif'

# Those that slow a program down so much take a while: the shorter programs only.
round_of_tracked_workload() {
  for name in $trackers; do
    under_tracker "$name" || continue
    # shellcheck disable=SC2086 # a command
    measure "$name" "$workload" "$programs/bench_spend" $under "$programs/bench_workload" "$workload" 1
  done
}

round_of_tracked_program() {
  for name in $trackers; do
    under_tracker "$name" || continue
    # shellcheck disable=SC2086 # a command
    measure "$name" "$program" sh "$bench_dir/programs.sh" "$program" "$work" "$programs" $under
  done
}

row_trackers() {
  section trackers 'what it costs to be watched'
  # shellcheck disable=SC2086 # several names
  subjects $trackers
  ratios memlog/untracked memusage/untracked jemalloc-prof/untracked heaptrack/untracked massif/untracked
  geometric_means 'wall s' 'CPU s' 'peak RSS MiB'
  for workload in arithmetic logic server; do
    rounds "trackers, $workload" round_of_tracked_workload
  done
  for program in sqlite jq; do
    if make_input "$program"; then rounds "trackers, $program" round_of_tracked_program; fi
  done
}
