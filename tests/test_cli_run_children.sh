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
  grep -q "^# memlog 1 pid=${found##*.} .*command=\"" "$found" ||
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

# One that forks and then execs is one process, in one log, and counts once.
rm -f memory.log* said end
printf '#!/bin/sh\nexec "%s" alloc 20000 say said wait end\n' "$act" >larger
chmod +x larger
"$memlog" run -q -i 10ms --children "$act" spawn ./larger 2>err &
run=$!
until_true 60 test -e said
grown() { later=$(ls memory.log.[0-9]*) && test "$(column "$later" last 2)" -gt 20000000; }
until_true 60 grown || fail "after its exec: $(ls) $(tail -n 2 memory.log.[0-9]*)"
lines=$(samples memory.log.total)
fresh() { test "$(samples memory.log.total)" -gt "$((lines + 2))"; }
until_true 60 fresh || fail "the total ends with the exec"
test "$(column memory.log.total last 2)" -lt 22000000 || fail "it counts twice: $(tail -n 2 memory.log.total)"
touch end
wait "$run"
test "$(ls memory.log.[0-9]* | wc -l)" = 1 || fail "more than one log: $(ls)"
test "$(grep -c '^# memlog' memory.log.[0-9]*)" = 1 || fail "it is taken for two: $(cat memory.log.[0-9]*)"
test ! -s err || fail "an exec is complained of: $(cat err)"

# Each log has its own bound, and nothing between FILE.1 and FILE is missing.
rm -f memory.log* end
"$memlog" run -q -i 1ms --max-bytes 4KiB --children sh -c "'$act' alloc 5 wait end exit 0; exit 0" &
run=$!
# full_once: each of the three was put aside.
full_once() { test "$(ls memory.log*.1 | wc -l)" = 3; }
until_true 60 full_once || fail "logs that were put aside: $(ls -l memory.log*)"
touch end
wait "$run"
for log in memory.log memory.log.total "$(ls memory.log.[0-9]*.1 | sed 's/\.1$//')"; do
  for file in "$log" "$log.1"; do
    test "$(wc -c <"$file")" -le 4096 || fail "$file has $(wc -c <"$file") bytes"
    test "$(sed -n 1p "$file" | cut -d' ' -f1-3)" = '# memlog 1' || fail "$file begins with $(sed -n 1p "$file")"
    test "$(grep -c '^# memlog' "$file")" = 1 || fail "$file has more headers than one"
  done
  test "$(sed -n 1p "$log")" = "$(sed -n 1p "$log.1")" || fail "$log goes on under another header"
  tail -n 1 "$log" | grep -q '^# end reason=exit' || fail "the end of $log: $(tail -n 1 "$log")"
  grep -q '^# end' "$log.1" && fail "an end in $log.1"
  grep -hq '^# lost' "$log" "$log.1" && fail "samples are lost in $log"
done

# Those that end before anybody looks are known by what they were, and when.
rm -f memory.log* end
begun=$(date +%s)
"$memlog" run -q -i 3s --children sh -c "'$act' alloc 10 exit 0; '$act' alloc 20 exit 0; sleep 1.5"
for blocks in 10 20; do
  grep -h "^# memlog 1 .*prog_cli_act alloc $blocks exit 0\"$" memory.log.[0-9]* >header ||
    fail "no log of who had $blocks blocks: $(head -qn 1 memory.log.[0-9]*)"
done
start=$(date -d "$(sed -n 's/.* start=\([^ ]*\) .*/\1/p' header)" +%s)
test "$start" -ge "$begun" && test "$start" -le "$(column "$(grep -l 'alloc 20' memory.log.[0-9]*)" 1 1)" ||
  fail "it began at $start: $(cat "$(grep -l 'alloc 20' memory.log.[0-9]*)")"

# More short ones than there are places on the board, which a handler ends in the middle of what
# they do.
rm -f memory.log* end
"$memlog" run -q -i 10ms --children "$act" interrupt 1500 2>err &
run=$!
alive() { kill -0 "$run"; }
gone() { ! alive; }
until_true 60 gone || { fail "a handler's _exit never ends"; kill -KILL "$run"; }
wait "$run" || fail "1500 children: status $?"
test "$(ls memory.log.[0-9]* | wc -l)" -ge 1500 || fail "$(ls memory.log.[0-9]* | wc -l) logs of 1500 processes"
without=$(grep -L '^# end reason=exit$' memory.log.[0-9]*)
test -z "$without" || fail "no end in: $without"
without=$(grep -L '^[0-9]' memory.log.[0-9]*)
test -z "$without" || fail "no sample in: $without"
test ! -s err || fail "1500 children: $(head -n 3 err)"
finish
