#!/bin/sh
# SPDX-License-Identifier: MIT
# test_api_samples.sh - every sample program runs to its end, says what it has
# done, and leaves a log with at least two samples in the order of time, in
# which Alloc is never above Sys. All at the same time: it is faster.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
cd "$work" || exit 99

samples=$(sed -n '/^sample_programs/,/[^\\]$/s/^ *samples\/\([a-z_]*\).*/\1/p' \
  "$top_srcdir/samples/samples.am")
test "$(echo "$samples" | grep -c .)" -ge 7 || fail "few samples: $samples"

for sample in $samples; do
  case $sample in
    before_after) arguments=--log ;;
    *) arguments='--seconds 2' ;;
  esac
  # shellcheck disable=SC2086 # several words on purpose
  (
    MEMLOG_FILE=$work/$sample.log "$top_builddir/samples/$sample" $arguments \
      >"$sample.out" 2>"$sample.err"
    echo $? >"$sample.status"
  ) &
done
wait

for sample in $samples; do
  test "$(cat "$sample.status")" = 0 ||
    fail "$sample ends with $(cat "$sample.status"): $(cat "$sample.err")"
  test -s "$sample.out" || fail "$sample says nothing"
  test ! -s "$sample.err" || fail "$sample complains: $(cat "$sample.err")"
  test -f "$sample.log" || { fail "$sample has left no log"; continue; }
  awk '/^#/ || /^$/ { next }
    NF < 3 || $0 !~ /^[0-9. ]+$/ { print "line " NR ": " $0; bad = 1 }
    $2 > $3 + 0 { print "Alloc above Sys: " $0; bad = 1 }
    $1 < last { print "time goes back: " $0; bad = 1 }
    { last = $1; n++ }
    END { if (n < 2) print n + 0 " samples"; exit bad || n < 2 }' "$sample.log" ||
    fail "the log of $sample"
  grep -qx '# end reason=exit' "$sample.log" || fail "the log of $sample has no end"
done

"$top_builddir/samples/workload" --help >help 2>&1 || fail "workload --help ends with $?"
grep -q -e '--seconds' help || fail "workload --help does not tell --seconds: $(cat help)"
"$top_builddir/samples/workload" --second 2 >out 2>err
test $? -eq 2 || fail "workload --second 2 does not end with 2"
test "$(grep -c . err)" = 1 || fail "workload --second 2 says: $(cat err)"
finish
