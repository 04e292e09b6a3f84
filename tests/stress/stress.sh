#!/bin/sh
# SPDX-License-Identifier: MIT
# stress.sh SECONDS [SEED] - what `make stress` runs: the stress program in one
# configuration after the other, for about so many seconds in all (0: until it
# is interrupted). The first failure ends it; how to repeat it is said. The last
# line is the sum over all runs.
set -u
seconds=${1:-60}
seed=${2:-}
case $seconds in
  '' | *[!0-9]*) echo "stress: SECONDS=$seconds is no number" >&2; exit 2 ;;
esac
case $seed in
  *[!0-9]*) echo "stress: SEED=$seed is no number" >&2; exit 2 ;;
esac
test -n "$seed" || seed=$(date +%s)

program=$(cd "${top_builddir:-.}" && pwd)/tests/stress/stress
test -x "$program" || { echo "stress: no $program" >&2; exit 2; }

work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
: >"$work/lines"

# Each line: KiB of address space (0: no limit), environment, arguments.
configurations='0 MEMLOG_GC_STRESS=0
0 MEMLOG_GC_STRESS=1
0 MEMLOG_GC_PERCENT=50 --live 24
0 MEMLOG_PAST_END=always
0 MEMLOG_GC_STRESS=20 --threads 4
0 MEMLOG_GC_PERCENT=300 --threads 64
0 MEMLOG_GC_STRESS=500 MEMLOG_PAST_END=always
0 MEMLOG_GC_PERCENT=off --threads 2
0 MEMLOG_MEMORY_LIMIT=30MiB --threads 8
150000 MEMLOG_GC_PERCENT=100 --limited
0 MEMLOG_GC_STRESS=3000 --threads 24
0 MEMLOG_GC_VERIFY=1 MEMLOG_GC_PERCENT=50 --live 64 --threads 6
0 MEMLOG_GC_VERIFY=1 MEMLOG_GC_STRESS=300 --threads 4
0 MEMLOG_GC_VERIFY=1 MEMLOG_GC_PERCENT=300 --live 64 --threads 48
0 MEMLOG_GC=stop MEMLOG_GC_PERCENT=50 --live 24
0 MEMLOG_GC_STRESS=10000 --live 64'
# Sanitizers want all addresses for themselves.
test -z "${SANITIZE:-}" ||
  configurations=$(echo "$configurations" | grep -v -e --limited)
count=$(echo "$configurations" | grep -c .)

# At least a second each, at most twenty, so that all have their turn.
slice=$((seconds / count))
test "$seconds" -ne 0 || slice=20
test "$slice" -ge 1 || slice=1
test "$slice" -le 20 || slice=20

sum_up() {
  awk '{ for (i = 2; i <= NF; i++) {
           if ($i == "operations,") operations += $(i - 1)
           if ($i == "collections") collections += $(i - 1)
           if ($i == "snapshots,") snapshots += $(i - 1) } }
    END { printf "stress: %d runs, %.0f operations, %.0f collections, %.0f snapshots checked\n",
          NR, operations, collections, snapshots }' "$work/lines"
}
trap 'sum_up; exit 130' INT TERM HUP

# run LIMIT WORD...: one configuration.
run() {
  limit=$1
  shift
  variables=
  while test $# -gt 0; do
    case $1 in
      *=*) variables="$variables $1" ;;
      *) break ;;
    esac
    shift
  done
  # What hangs so that the program itself does not notice is ended.
  set -- timeout -s ABRT $((slice + 200)) "$program" --seconds "$slice" --seed "$seed" "$@"
  command="env$variables $*"
  test "$limit" = 0 || command="ulimit -v $limit; $command"
  sh -c "$command" >"$work/out" 2>"$work/err"
  status=$?
  # The library's complaints are failures, where there is memory.
  case $command in
    *--limited*) ;;
    *) test "$status" -ne 0 || test ! -s "$work/err" || status=said ;;
  esac
  sed "s|^stress:|$variables:|; s|^ ||" "$work/out"
  cat "$work/err" >&2
  if test "$status" != 0; then
    echo "stress: FAILED ($status). To repeat it: $command" >&2
    sum_up
    exit 1
  fi
  cat "$work/out" >>"$work/lines"
}

end=$(($(date +%s) + seconds))
while :; do
  while read -r limit words; do
    # shellcheck disable=SC2086 # several words on purpose
    run "$limit" $words </dev/null
    seed=$((seed + 1))
    test "$seconds" -eq 0 || test "$(date +%s)" -lt "$end" || break 2
  done <<END
$configurations
END
done
sum_up
