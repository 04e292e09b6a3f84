#!/bin/sh
# SPDX-License-Identifier: MIT
# bench.sh - what make bench runs: the rows of rows.sh, allocators.sh, profile.sh, pages.sh, plot.sh and
# postmortem.sh, each
# several times with memlog and its peers in turn, and a table of them on the
# terminal, in bench.txt and, with every figure in a line of its own, in bench.csv.
#
# Environment: BENCH, the rows wanted (all); ROUNDS, how often (5); GO, the go
# command; QUIET, seconds to wait for a quiet machine in a whole run (120);
# BENCH_MIB and BENCH_SECONDS, how much lives in the rows pause and latency (1024)
# and how long they and the row pages measure (20); BENCH_WITHOUT, another libmemlog-preload.so for the row
# profile; BENCH_POSTMORTEM_MIB, how large the process of the row postmortem is (8192);
# BENCH_PLOT_SAMPLES, how long the log of the row plot is (5000000).
#
# Ends with 0; 1 when something that was measured failed; 2 when it was called
# wrongly; 3 when the machine was shared, so that some rows have no ratio.
set -u

bench_dir=$(cd "$(dirname "$0")" && pwd) || exit 1
programs=./bench
BENCH=${BENCH:-}
ROUNDS=${ROUNDS:-5}
GO=${GO:-go}
BENCH_WITHOUT=${BENCH_WITHOUT:-}
live_mib=${BENCH_MIB:-1024}
measured_seconds=${BENCH_SECONDS:-20}
all_rows='trees gcbench mark typed stop pause latency pairs instructions'
all_rows="$all_rows workloads programs trackers profile memstats sample pages plot postmortem"
attempts_factor=3

usage() {
  echo "bench: $*" >&2
  echo "usage: make bench [BENCH=\"$all_rows\"] [ROUNDS=5]" >&2
  exit 2
}

# is_number NAME VALUE: above zero, or it is no use.
is_number() {
  case $2 in
    '' | *[!0-9]* | 0*) usage "$1 is not a number: '$2'" ;;
  esac
}
is_number ROUNDS "$ROUNDS"
is_number BENCH_MIB "$live_mib"
is_number BENCH_SECONDS "$measured_seconds"
test -n "$BENCH" || BENCH=$all_rows
for row in $BENCH; do
  case " $all_rows " in
    *" $row "*) ;;
    *) usage "there is no row '$row'" ;;
  esac
done
if test ! -x "$programs/bench_trees_memlog"; then
  usage "the programs are not here: this is for make bench"
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
data=$work/data
: >"$data"
: >"$work/notes"

# shellcheck source=bench/machine.sh
. "$bench_dir/machine.sh"
# shellcheck source=bench/rows.sh
. "$bench_dir/rows.sh"
# shellcheck source=bench/allocators.sh
. "$bench_dir/allocators.sh"
# shellcheck source=bench/profile.sh
. "$bench_dir/profile.sh"
# shellcheck source=bench/pages.sh
. "$bench_dir/pages.sh"
# shellcheck source=bench/plot.sh
. "$bench_dir/plot.sh"
# shellcheck source=bench/postmortem.sh
. "$bench_dir/postmortem.sh"

failed=0
any_shared=0
tab=$(printf '\t')

say() { printf 'bench: %s\n' "$*" >&2; }
# note TEXT: also stands below the table.
note() {
  grep -qxF -e "$*" "$work/notes" || {
    say "$*"
    printf '%s\n' "$*" >>"$work/notes"
  }
}

# section NAME TITLE: what follows belongs to this part of the table.
section() {
  section=$1
  printf 'section\t%s\t%s\n' "$1" "$2" >>"$data"
}
# subjects NAME...: the columns. ratios A/B...: the columns after them; B may
# be "fastest", the least of all others.
subjects() { printf 'subjects\t%s\t%s\n' "$section" "$*" >>"$data"; }
ratios() { printf 'ratios\t%s\t%s\n' "$section" "$*" >>"$data"; }
# geometric_means FIGURE...: behind the others, over all that end so.
geometric_means() {
  for figure; do printf 'geomean\t%s\t%s\n' "$section" "$figure" >>"$data"; done
}

# figures SUBJECT LABEL: what a program prints becomes figures of the round.
figures() {
  awk -F "$tab" -v OFS="$tab" -v section="$section" -v subject="$1" -v label="$2" '
    NF == 2 { print "figure", section, (label == "" ? "" : label " ") $1, subject, $2 }' >>"$work/round"
}

# measure SUBJECT LABEL COMMAND...: run it. A label stands before its figures.
measure() {
  subject=$1
  label=$2
  shift 2
  if "$@" >"$work/out" 2>"$work/err" </dev/null; then
    figures "$subject" "$label" <"$work/out"
  else
    note "failed with status $?: $*: $(tail -n 1 "$work/err")"
    failed=1
  fi
}

# rounds GROUP FUNCTION: call it until ROUNDS rounds were had to ourselves, at
# most three times as often. Rounds that were shared are used only when there
# were not enough others, and then the group is marked.
rounds() {
  group=$1
  function=$2
  attempts=0
  undisturbed=0
  : >"$work/undisturbed"
  : >"$work/all"
  while test "$undisturbed" -lt "$ROUNDS" && test "$attempts" -lt $((attempts_factor * ROUNDS)); do
    attempts=$((attempts + 1))
    wait_for_quiet
    : >"$work/round"
    watch_begin
    "$function"
    if watch_end; then
      undisturbed=$((undisturbed + 1))
      cat "$work/round" >>"$work/undisturbed"
      say "$group: round $undisturbed of $ROUNDS"
    else
      say "$group: somebody else took $others_percent % of a core, so this round does not count"
    fi
    cat "$work/round" >>"$work/all"
  done
  if test "$undisturbed" -ge "$ROUNDS"; then
    verdict=own
    cat "$work/undisturbed" >"$work/chosen"
  else
    verdict=shared
    any_shared=1
    cat "$work/all" >"$work/chosen"
  fi
  sed "s/\$/$tab$verdict/" "$work/chosen" >>"$data"
}

settings() {
  env | grep -E '^(MEMLOG_|GC_|GOGC|GOMAXPROCS|MALLOC_|MIMALLOC_|BENCH_)[A-Z_]*=' |
    sort | tr '\n' ' '
}

machine=$(describe_machine)

# table: what there is so far.
table() {
  echo "memlog and its peers in turn, $ROUNDS rounds wanted: median ((max-min)/median)"
  echo "machine: $machine"
  environment=$(settings)
  test -z "$environment" || echo "settings: $environment"
  awk -F "$tab" -v form=text -f "$bench_dir/table.awk" "$data"
  if test "$any_shared" -ne 0; then
    printf '\n(shared machine): others used more than %s %% of a core in too many rounds,\n' \
      "$most_other_percent"
    echo "so these figures are no comparison, and no ratio is given."
  fi
  test ! -s "$work/notes" || { echo; cat "$work/notes"; }
}

# After every row, so that a run that is ended early leaves something.
for row in $BENCH; do
  "row_$row"
  table >bench.txt || failed=1
  awk -F "$tab" -v form=csv -f "$bench_dir/table.awk" "$data" >bench.csv || failed=1
done
cat bench.txt

test "$failed" -eq 0 || exit 1
test "$any_shared" -eq 0 || exit 3
