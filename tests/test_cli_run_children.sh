#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_run_children.sh - memlog run --children: each process has a log of its own, those
# that exec and those that only fork, and all together have one.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

# A pipeline of two, and the shell over them.
"$memlog" run -q -i 10ms --children sh -c "
  '$act' alloc 20000 say first wait go exit 0 | '$act' alloc 40000 say second wait go exit 0
  exit 7"  &
run=$!
until_true 60 test -e first && until_true 60 test -e second || fail "the pipeline does not begin"
sums() { test "$(column memory.log.total last 2)" -gt 60000000; }
until_true 60 sums || fail "the sum: $(tail -n 1 memory.log.total)"
total=$(column memory.log.total last 2)
test "$total" -lt 66000000 || fail "60000 blocks of 1000 bytes add up to $total"
test "$(column memory.log.total last 4)" -gt 60000000 || fail "PSS: $(tail -n 1 memory.log.total)"
touch go
wait "$run"
status=$?
test "$status" = 7 || fail "status $status instead of 7"
test "$(sed -n 2p memory.log.total)" = '# timestamp Alloc Sys PSS' || fail "the total's header"
test "$(tail -n 1 memory.log.total)" = '# end reason=exit' || fail "the total: $(tail -n 1 memory.log.total)"
test "$(column memory.log last 2)" -lt 1000000 || fail "the shell has its children's memory: $(cat memory.log)"

# most LOG: the greatest Alloc.
most() { awk '!/^#/ && $2 > most { most = $2 } END { print most + 0 }' "$1"; }
logs=0
for size in 20000000 40000000; do
  found=
  for log in memory.log.[0-9]*; do
    alloc=$(most "$log")
    test "$alloc" -gt "$size" && test "$alloc" -lt $((size + size / 10)) && found=$log
  done
  test -n "$found" || { fail "no log of $size bytes: $(ls)"; continue; }
  logs=$((logs + 1))
  grep -q "^# memlog 1 pid=${found##*.} .*command=\".*prog_cli_act alloc" "$found" ||
    fail "$found is of another: $(head -n 1 "$found")"
  tail -n 1 "$found" | grep -q '^# end reason=exit$' || fail "$found: $(tail -n 1 "$found")"
  # Its last numbers are those it has left at exit: all of it was still there.
  test "$(column "$found" last 2)" -gt "$size" || fail "$found: $(tail -n 2 "$found")"
done
test "$logs" = 2 || fail "$logs logs"

# One that forks, and goes on when the program and memlog have ended.
rm -f memory.log* go
"$memlog" run -q -i 10ms --children "$act" alloc 5000 fork alloc 5000 say forked wait go alloc 20000 wait end
until_true 60 test -e forked
sleep 0.3 # it looks when it allocates, and may have to be older than 100 ms
touch go
later() { child=$(ls memory.log.[0-9]*) && test "$(most "$child")" -gt 30000000; }
until_true 60 later || fail "left alone it does not go on: $(ls) $(tail -n 2 memory.log.[0-9]*)"
touch end
ended() { tail -n 1 "$child" | grep -q '^# end reason='; }
until_true 60 ended || fail "the end of the one left alone: $(tail -n 2 "$child")"
finish
