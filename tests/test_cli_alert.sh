#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_alert.sh - memlog run --alert: a condition is told once when it comes true, in the
# log, on stderr or to a command, which nobody waits for.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

# alerts LOG CONDITION: how often it is told there.
alerts() { grep -c "^# alert $2 value=" "$1"; }
# value LOG CONDITION NAME: of the first one.
value() { sed -n "s/^# alert $2 .*\<$3=\([0-9]*\).*/\1/p" "$1" | head -n 1; }
in_use() { test "$(column memory.log last 2)" "$1" "$2"; }

# --- a command: what it is told, and what it is not ----------------------------------
cat >told <<'END'
env >told.env
ls -l /proc/self/fd >told.fds
grep -e SigBlk -e SigIgn /proc/self/status >told.mask
cut -d' ' -f5 /proc/$$/stat >told.group
echo $$ >told.pid
echo spoken
END
LD_PRELOAD=libm.so.6 "$memlog" run -q -i 10ms --alert ' alloc > 10MB ' --exec '. ./told' \
  "$act" alloc 100 say small wait grow alloc 20000 wait end <told 2>err >out &
run=$!
until_true 60 test -e small && until_true 60 in_use -gt 100000 || fail "it does not begin"
test ! -e told.env || fail "it is told before it is true"
touch grow
until_true 60 grep -q . told.pid || fail "the command does not run: $(cat err memory.log)"
until_true 60 grep -q spoken out || fail "what the command says is lost"
touch end
wait "$run" || fail "status $?"
test "$(alerts memory.log 'alloc>10MB')" = 1 || fail "told other than once: $(grep '^#' memory.log)"
test ! -s err || fail "with a command, stderr says: $(cat err)"
bytes=$(value memory.log 'alloc>10MB' value)
grep -q "^[0-9.]* $bytes " memory.log || fail "no sample has the value $bytes"
test "$bytes" -gt 10000000 || fail "it was not true of $bytes"
pid=$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log)
limit=$(value memory.log 'alloc>10MB' limit)
for line in 'MEMLOG_ALERT=alloc>10MB' "MEMLOG_VALUE=$bytes" "MEMLOG_LIMIT=$limit" \
  "MEMLOG_PID=$pid" "MEMLOG_LOG=$(pwd)/memory.log" 'LD_PRELOAD=libm.so.6'; do
  grep -qxF "$line" told.env || fail "the command has no $line but: $(grep -e MEMLOG -e LD_ told.env)"
done
grep -q '^MEMLOG_RUN=' told.env && fail "the command has memlog in it"
grep -e 'memory\.log$' -e memfd -e anon_inode told.fds && fail "it has descriptors of memlog's"
grep -q ' 0 -> /dev/null$' told.fds || fail "its input: $(cat told.fds)"
grep -q 'SigBlk:.*0000000000000000$' told.mask || fail "signals are blocked: $(cat told.mask)"
grep -q 'SigIgn:.*[02468aceACE][0-9a-f]\{3\}$' told.mask || fail "SIGPIPE is ignored: $(cat told.mask)"
test "$(tr -d ' ' <told.group)" = "$(cat told.pid)" || fail "it is in the group $(cat told.group)"

# --- no command: a line on stderr; numbers that are no column; percent -----------------
"$memlog" run -q -i 10ms -o plain.log --alert 'process_threads>=1' --alert 'rss>=1MB' --alert 'sys>0%' \
  --alert 'sys>99999999%' "$act" alloc 100 wait plain exit 0 2>err &
run=$!
until_true 60 grep -q 'sys>0%' plain.log
touch plain
wait "$run"
test "$(sed -n 2p plain.log)" = '# timestamp Alloc Sys' || fail "an alert makes a column: $(cat plain.log)"
grep -qx '# alert process_threads>=1 value=1' plain.log || fail "threads: $(cat plain.log)"
grep -q '^memlog: alert process_threads>=1: ProcessThreads is 1$' err || fail "stderr: $(cat err)"
test "$(value plain.log 'rss>=1MB' value)" -gt 1000000 || fail "rss: $(cat plain.log)"
grep -q '^memlog: alert rss>=1MB: RSS is [0-9.]* MiB$' err || fail "stderr: $(cat err)"
limit=$(sed -n 's/^# limit //p' plain.log)
if test -n "$limit"; then whose="the cgroup's limit"; else
  limit=$(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo) * 1024))
  whose="the machine's memory, as there is no limit"
fi
test "$(value plain.log 'sys>0%' limit)" = "$limit" || fail "the limit is not $limit: $(cat plain.log)"
grep -q "^memlog: alert sys>0%: Sys is [0-9.]* [KM]iB, 0 % of [0-9.]* [GM]iB, $whose\$" err || fail "stderr: $(cat err)"
grep -q 99999999 err plain.log && fail "it is told though it is not true: $(cat err)"
if test "$whose" != "the cgroup's limit"; then
  MEMLOG_MEMORY_LIMIT=20MB "$memlog" run -q -i 10ms -o soft.log --alert 'alloc>90%' "$act" alloc 19000 say x wait y 2>err &
  until_true 60 grep -q 'alert alloc>90%: Alloc is .*, 9[0-9] % of 19.1 MiB, MEMLOG_MEMORY_LIMIT$' err ||
    fail "MEMLOG_MEMORY_LIMIT: $(cat err soft.log)"
  touch y
  wait $!
fi

# --- again when it was false; how it ended; one at a time; samples go on -----------------
cat >slow <<'END'
echo $$ >>slow.pids
while test ! -e slow.end; do sleep 0.02; done
exit 3
END
rm -f memory.log
"$memlog" run -q -i 10ms --alert 'alloc>10MB' --exec '. ./slow' --alert 'alloc>10MB' --exec 'kill -USR1 $MEMLOG_PID; kill -KILL $$' \
  "$act" signals alloc 11000 wait a free 5000 wait b alloc 5000 wait c free 5000 wait d alloc 5000 wait e exit 4 >out &
run=$!
until_true 60 grep -q . slow.pids || fail "the slow command does not run"
until_true 60 grep -qx '# alert alloc>10MB command: ended by signal 9' memory.log || fail "a killed command: $(grep '^#' memory.log)"
until_true 60 grep -qx USR1 out || fail "a command's signal does not arrive: $(cat out)"
count=$(samples memory.log)
more() { test "$(samples memory.log)" -gt $((count + 20)); }
until_true 60 more || fail "no samples while a command runs"
touch a
until_true 60 in_use -lt 8000000 || fail "it does not shrink"
touch b
until_true 60 in_use -gt 10000000 || fail "it does not grow again"
twice() { test "$(alerts memory.log 'alloc>10MB')" -ge 4; }
until_true 60 twice || fail "not told again: $(grep '^#' memory.log)"
until_true 60 grep -qx '# alert alloc>10MB command: still runs, and is not begun again' memory.log ||
  fail "one that still runs: $(grep '^#' memory.log)"
test "$(grep -c . slow.pids)" = 1 || fail "two of a command at a time"
touch slow.end
until_true 60 grep -qx '# alert alloc>10MB command: exit status 3' memory.log || fail "its status: $(grep '^#' memory.log)"
touch c
until_true 60 in_use -lt 8000000 || fail "it does not shrink again"
touch d
thrice() { test "$(grep -c . slow.pids)" = 2; }
until_true 60 thrice || fail "a command that has ended is not begun again"
touch e
wait "$run"
status=$?
test "$status" = 4 || fail "status $status instead of 4"
test "$(alerts memory.log 'alloc>10MB')" = 6 || fail "told other than three times each: $(grep '^#' memory.log)"

# --- nobody waits for it, at the end either ------------------------------------------------
"$memlog" run -q -i 10ms -o left.log --alert 'alloc>1' --exec 'echo $$ >left.pid; mv left.pid left; while test ! -e left.end; do sleep 0.02; done; echo >left.done' \
  "$act" alloc 5 wait left.seen exit 6 &
run=$!
until_true 60 test -e left || fail "the command does not run"
touch left.seen
wait "$run"
status=$?
test "$status" = 6 || fail "status $status instead of 6"
kill -0 "$(cat left)" 2>/dev/null || fail "the command has ended with the program"
touch left.end
until_true 60 test -e left.done || fail "the command does not go on"

# --- where the log can't be written ----------------------------------------------------------
"$memlog" run -q -i 10ms -o /dev/full --alert 'alloc>1MB' --exec 'echo >full' "$act" alloc 5000 wait full.end exit 7 &
run=$!
until_true 60 test -e full || fail "a full disk: the command does not run"
touch full.end
wait "$run"
status=$?
test "$status" = 7 || fail "a full disk: status $status instead of 7"

# --- a family's sum -------------------------------------------------------------------------
"$memlog" run -q -i 10ms -o sum.log --children --alert 'alloc>40MB' --exec 'echo "$MEMLOG_LOG" >sum.new; mv sum.new sum' --alert 'process_threads>0' sh -c "
  '$act' alloc 30000 wait sum.end exit 0 | '$act' alloc 30000 wait sum.end exit 0; exit 7" 2>err &
run=$!
until_true 60 test -e sum || fail "the sum's command does not run: $(grep '^#' sum.log*)"
touch sum.end
wait "$run"
test "$(cat sum)" = "$(pwd)/sum.log.total" || fail "the sum's command: $(cat sum)"
test "$(alerts sum.log.total 'alloc>40MB')" = 1 || fail "the sum: $(grep '^#' sum.log*)"
test "$(alerts sum.log 'process_threads>0')" = 1 || fail "the shell: $(grep '^#' sum.log*)"
test "$(grep -l '^# alert' sum.log* | wc -l)" = 2 || fail "in other logs: $(grep '^# alert' sum.log*)"

# --- as the first process of a container, where it has every orphan --------------------------
if unshare --pid --fork --mount-proc true 2>/dev/null; then
  unshare --pid --fork --mount-proc "$memlog" run -q -i 10ms -o one.log --alert 'alloc>1' --exec 'exit 9' \
    sh -c "(sleep 0.01 &) ; '$act' wait one.end exit 0" &
  run=$!
  until_true 60 grep -q '^# alert alloc>1 command: exit status 9$' one.log || fail "as the first process: $(cat one.log)"
  touch one.end
  wait "$run" || fail "as the first process: status $?"
fi

# --- what is wrong is said before anything starts ----------------------------------------------
refuse() {
  words=$1
  shift
  "$memlog" run -o refused.log "$@" "$act" say started 2>err
  status=$?
  test "$status" = 125 || fail "$*: status $status instead of 125"
  grep -qF -e "$words" err || fail "$*: says $(cat err)"
}
refuse '--alert: "sys" is no condition' --alert sys
refuse '--alert: no field is called heap' --alert 'heap>1'
refuse '--alert: Fds is no number of bytes' --alert 'fds>10%'
refuse '--exec: a command goes behind the --alert' --exec true
refuse '--exec: a command goes behind the --alert' --alert 'sys>1' --exec true --exec true
test ! -e started || fail "the program was started all the same"
test ! -e refused.log || fail "there is a log"
finish
