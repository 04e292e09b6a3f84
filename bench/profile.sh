# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # the variables are bench.sh's
# profile.sh - the row that says what the heap profile costs. To be sourced by bench.sh, behind
# allocators.sh.

profile_workloads='arithmetic logic document random server'
profile_programs='sqlite python jq perl'

# Hash tables are the same in each run.
same='env PYTHONHASHSEED=0 PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0'

# profile_door NAME: in $under what stands before a command; fails when there is no such library.
profile_door() {
  preload=$PWD/.libs/libmemlog-preload.so
  case $1 in
    off) under="$same LD_PRELOAD=$preload MEMLOG_PROFILE_RATE=0" ;;
    default) under="$same LD_PRELOAD=$preload" ;;
    without) test -n "$BENCH_WITHOUT" && under="$same LD_PRELOAD=$BENCH_WITHOUT MEMLOG_PROFILE_RATE=0" ;;
  esac
}

# executed_in FILE: the sum of what valgrind says there of all processes.
executed_in() {
  awk '/I +refs:/ { gsub(",", "", $NF); sum += $NF; any = 1 } END { if (any) printf "%.0f", sum }' "$1"
}

# The counter is cachegrind's, without caches: of what counts all threads the fastest.
counter='valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null --trace-children=yes'

# count_pairs ROUNDS, count_command COMMAND...: what is executed, with the door $under, in millions or
# per pair.
count_pairs() {
  # shellcheck disable=SC2086 # commands
  $under $counter --log-file="$work/counts.%p" "$programs/bench_pairs" pair 64 1 "$1" >/dev/null 2>&1
  cat "$work"/counts.* >"$work/counts"
  rm -f "$work"/counts.*
  executed_in "$work/counts"
}
count_command() {
  # shellcheck disable=SC2086 # a command
  if "$@" >"$work/out" 2>"$work/err" </dev/null; then
    cat "$work"/counts.* >"$work/counts"
    executed_in "$work/counts" | awk -v tab="$tab" '{ printf "instructions M%s%.1f\n", tab, $1 / 1e6 }' |
      figures "$name" "$label"
  else
    note "failed with status $?: $*: $(tail -n 1 "$work/err")"
    failed=1
  fi
  rm -f "$work"/counts.*
}

count_all() {
  for name in $doors; do
    profile_door "$name"
    few=$(count_pairs 20) many=$(count_pairs 120)
    awk -v few="$few" -v many="$many" -v tab="$tab" \
      'BEGIN { printf "instructions%s%.1f\n", tab, (many - few) / 100000 }' | figures "$name" 'pair 64'
  done
  say "profile: pairs are counted"
  for label in $profile_workloads; do
    for name in $doors; do
      profile_door "$name"
      # shellcheck disable=SC2086 # commands
      count_command $under $counter --log-file="$work/counts.%p" "$programs/bench_workload" "$label" 1
    done
    say "profile: $label is counted"
  done
  for label in $profile_programs; do
    make_input "$label" || continue
    for name in $doors; do
      profile_door "$name"
      # shellcheck disable=SC2086 # commands
      count_command sh "$bench_dir/programs.sh" "$label" "$work" "$programs" \
        $under $counter --log-file="$work/counts.%p"
    done
    say "profile: $label is counted"
  done
}

round_of_profile() {
  for name in $doors; do
    profile_door "$name"
    if test "$kind" = workload; then
      # shellcheck disable=SC2086 # a command
      measure "$name" "$label" "$programs/bench_spend" $under "$programs/bench_workload" "$label" 1
    else
      # shellcheck disable=SC2086 # a command
      measure "$name" "$label" sh "$bench_dir/programs.sh" "$label" "$work" "$programs" $under
    fi
  done
}

row_profile() {
  command -v valgrind >/dev/null 2>&1 || {
    note "instructions are counted by valgrind (Debian: valgrind); left out"
    return
  }
  section profile 'what the heap profile costs: at its default rate, switched off, left out'
  if test -n "$BENCH_WITHOUT"; then
    doors='without off default'
    ratios default/off off/without default/without
  else
    doors='off default'
    ratios default/off
  fi
  # shellcheck disable=SC2086 # several names
  subjects $doors
  geometric_means 'instructions M' 'CPU s'
  : >"$work/round"
  count_all
  sed "s/\$/${tab}own/" "$work/round" >>"$data"
  for label in $profile_workloads; do
    kind=workload
    rounds "profile, $label" round_of_profile
  done
  for label in $profile_programs; do
    kind=program
    if make_input "$label"; then rounds "profile, $label" round_of_profile; fi
  done
}
