#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_run_log.sh - what memlog run writes into the log: from the first line to the
# last, whatever the program's end was, with the numbers that the program has itself.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

# --- a whole log ------------------------------------------------------------------
"$memlog" run -q -i 10ms "$act" alloc 20000 say ready wait go uordblks used exit 3 &
run=$!
until_true 60 test -e ready || fail "the program does not begin"
big() { test "$(column memory.log last 2)" -gt 20000000; }
until_true 60 big || fail "20000 blocks do not show: $(tail -n 1 memory.log)"
alive=$(column memory.log last 2)
test "$alive" -lt 21500000 || fail "20000 blocks of 1000 bytes are $alive"
touch go
wait "$run"
test "$(sed -n 1p memory.log | cut -d' ' -f1-3)" = '# memlog 1' || fail "the header: $(sed -n 1p memory.log)"
sed -n 1p memory.log | grep -q " interval=10ms command=\".*prog_cli_act alloc 20000 say ready wait go uordblks used exit 3\"$" ||
  fail "the header: $(sed -n 1p memory.log)"
pid=$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log)
test "$pid" != "$run" || fail "the header has memlog's own pid"
test "$(sed -n 2p memory.log)" = '# timestamp Alloc Sys' || fail "the second line"
test "$(tail -n 1 memory.log)" = '# end reason=exit status=3' || fail "the last line: $(tail -n 1 memory.log)"
# At exit it is what mallinfo2 said, and a stream's buffer or two.
last=$(column memory.log last 2)
used=$(cat used)
test "$last" -ge "$used" && test "$last" -lt $((used + 20000)) || fail "in use: $used; the last sample: $last"
awk '!/^#/ { if (NF != 3 || $2 > $3 || $1 < before) exit 1; before = $1 }' memory.log ||
  fail "a line that is none: $(cat memory.log)"

# --- short ones have two samples; a killed one its first -----------------------------
for end in 'exit 0' '_exit 0'; do
  # shellcheck disable=SC2086
  "$memlog" run -q -o short.log "$act" $end
  test "$(samples short.log)" = 2 || fail "$end: $(cat short.log)"
  rm short.log
done
"$memlog" run -q -o killed.log "$act" alloc 100 kill 9 2>/dev/null
test "$(samples killed.log)" -ge 1 || fail "killed: $(cat killed.log)"
test "$(tail -n 1 killed.log)" = '# end reason=SIGKILL' || fail "killed: $(tail -n 1 killed.log)"
"$memlog" run -q -o killed.log "$act" kill 11 2>/dev/null
test "$(tail -n 1 killed.log)" = '# end reason=SIGSEGV' || fail "killed: $(tail -n 1 killed.log)"
test "$(grep -c '^# memlog' killed.log)" = 2 || fail "the second run does not append"
test "$(grep -c '^$' killed.log)" = 1 || fail "no blank line between two runs"

# --- one that goes on for a while after its destructors: what was seen of it then is later ----
"$memlog" run -q -i 10ms -o slow.log "$act" alloc 100 stuff say ending exit 0 | {
  until_true 60 test -e ending
  before=$(samples slow.log)
  more() { test "$(samples slow.log)" -gt $((before + 10)); }
  until_true 60 more && cat >/dev/null
} || fail "no samples while a program ends: $(cat slow.log)"
awk '/^[0-9]/ { if ($1 < before) exit 1; before = $1 }' slow.log || fail "a sample is older than the one before: $(cat slow.log)"
test "$(tail -n 1 slow.log)" = '# end reason=exit status=0' || fail "a slow end: $(tail -n 1 slow.log)"

# --- programs that exec another, in C or in a shell ------------------------------------
"$memlog" run -q -i 10ms -o exec.log "$act" alloc 50000 exec say second alloc 10000 wait done &
run=$!
until_true 60 test -e second
settled() { value=$(column exec.log last 2) && test "$value" -gt 10000000 && test "$value" -lt 12000000; }
until_true 60 settled || fail "after an exec: $(tail -n 2 exec.log)"
touch done
wait "$run"
grep -q '^# end reason=exit status=0$' exec.log || fail "after an exec: $(tail -n 1 exec.log)"
"$memlog" run -q -o exec.log sh -c "exec '$act' alloc 30000 exit 0"
test "$(column exec.log last 2)" -gt 30000000 || fail "exec in a shell: $(tail -n 2 exec.log)"

# --- one that memlog is not in any more: said once, also where there were samples before -----------
for before in 'sleep 0.3' 'sleep 0'; do
  "$memlog" run -q -i 10ms -o without.log sh -c "$before; unset LD_PRELOAD; exec sleep 1.5" 2>err
  test "$(grep -c 'memlog: the program has become one without memlog' err)" = 1 ||
    fail "without memlog after \"$before\": $(cat err)"
  test "$(wc -l <err)" = 1 || fail "without memlog: $(cat err)"
done
test "$(tail -n 1 without.log)" = '# end reason=exit status=0' || fail "without memlog: $(tail -n 1 without.log)"

# --- a child's memory is its own ---------------------------------------------------------
"$memlog" run -q -o child.log sh -c "'$act' alloc 50000 exit 0; exit 0"
test "$(column child.log last 2)" -lt 10000000 || fail "a child's memory is counted: $(cat child.log)"

# --- a daemon goes on beside it -----------------------------------------------------------
"$memlog" run -q -i 10ms -o daemon.log "$act" alloc 10000 fork fork wait daemon.go alloc 10000 wait end
test "$(tail -n 1 daemon.log)" = '# end reason=exit status=0' || fail "the daemon's parent: $(tail -n 1 daemon.log)"
sleep 0.3 # it looks when it allocates, and is older than 100 ms
touch daemon.go
own() { ls daemon.log.* && test "$(column "$(ls daemon.log.*)" last 2)" -gt 20000000; }
until_true 60 own || fail "the daemon has no log: $(ls) $(tail -n 1 daemon.log.*)"
touch end
ended() { tail -n 1 daemon.log.* | grep -q '^# end reason='; }
until_true 60 ended || fail "the daemon's log has no end: $(tail -n 2 daemon.log.*)"

# --- what the environment says, and options say better --------------------------------------
MEMLOG_FILE=env.log MEMLOG_COLUMNS='Mallocs RSS' MEMLOG_COMMAND=0 "$memlog" run -q "$act" alloc 5 exit 0
test "$(sed -n 2p env.log)" = '# timestamp Alloc Sys Mallocs RSS' || fail "MEMLOG_COLUMNS: $(cat env.log)"
grep -q 'command=' env.log && fail "MEMLOG_COMMAND=0: $(cat env.log)"
test "$(column env.log last 5)" -gt 100000 || fail "RSS at exit: $(cat env.log)"
"$memlog" run -q -i 10ms -o system.log --columns rss,pss,process_threads,fds "$act" alloc 30000 say there wait enough &
run=$!
until_true 60 test -e there
shows() { test "$(column system.log last 4)" -gt 30000000 && test "$(column system.log last 5)" -gt 29000000; }
until_true 60 shows || fail "RSS and PSS of 30 MB: $(tail -n 1 system.log)"
test "$(column system.log last 6)" = 1 || fail "threads: $(tail -n 1 system.log)"
test "$(column system.log last 7)" -ge 3 || fail "descriptors: $(tail -n 1 system.log)"
touch enough
wait "$run"
MEMLOG_FILE=env2.log "$memlog" run -q -o '%e.%p.log' "$act" exit 0
ls prog_cli_act.*.log >/dev/null 2>&1 || fail "%e.%p: $(ls)"
test ! -e env2.log || fail "MEMLOG_FILE is heeded beside -o"
LD_PRELOAD=libm.so.6 "$memlog" run -q sh -c 'echo "$LD_PRELOAD"' >preload
grep -q 'libmemlog-preload.so:libm.so.6$' preload || fail "LD_PRELOAD is $(cat preload)"
"$memlog" run -q -o full.log sh -c 'echo "$MEMLOG_FILE"' | grep -q . && fail "MEMLOG_FILE gets into the program"

# --- a program that collects, with its collections --------------------------------------------
if test -x "$top_builddir/samples/churn"; then
  "$memlog" run -q -i 10ms --collections -o gc.log "$top_builddir/samples/churn" >/dev/null 2>&1
  rm -f memory.log
  grep -q '^# gc 1 end=' gc.log || fail "--collections: $(head -n 5 gc.log)"
fi
finish
