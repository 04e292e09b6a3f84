#!/bin/sh
# SPDX-License-Identifier: MIT
# test_api_stress.sh - everything at once, in each configuration of make stress
# for a second, or longer with MEMLOG_FULL=1.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
export top_builddir

# Long enough for all configurations, which take a second each at least.
seconds=11
test "$full" = 1 && seconds=90
sh "$top_srcdir/tests/stress/stress.sh" "$seconds" 1 >"$work/out" 2>"$work/err"
status=$?
cat "$work/out" "$work/err"
test "$status" = 0 || fail "stress.sh ends with $status"
test ! -s "$work/err" || fail "something was said on stderr"
tail -n 1 "$work/out" | grep -qE '^stress: [0-9]+ runs, [0-9]+ operations, [0-9]+ collections, [0-9]+ snapshots checked$' ||
  fail "no sum in the last line"

for wrong in x -1 1.5; do
  sh "$top_srcdir/tests/stress/stress.sh" "$wrong" 2>"$work/err" && fail "SECONDS=$wrong is taken"
  grep -q "SECONDS=$wrong is no number" "$work/err" || fail "SECONDS=$wrong: $(cat "$work/err")"
done
finish
