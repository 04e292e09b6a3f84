#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_stat_asks.sh - memlog stat where the process's memory may not be read: memlog run
# answers for it, or the log's thread in it; what is said where nobody does.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"
preload=$(cd "$top_builddir" && pwd)/.libs/libmemlog-preload.so

make_refusal
refused() { LD_PRELOAD=$work/refuse.so "$memlog" stat "$@"; }
alloc() { sed -n 's/^Alloc: \([0-9]*\) bytes$/\1/p' "$1" | tail -n 1; }
above() { test "$(alloc "$1")" -ge "$2"; }
alloc_is() { test "$(alloc "$1")" = "$2"; }
logged_pid() { sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log; }

# --- memlog run answers for its program -------------------------------------------------------
"$memlog" run -q -i 10ms "$act" alloc 20000 say ready wait go alloc 20000 wait end &
run=$!
until_true 60 test -e ready
until_true 60 test -s memory.log
program=$(logged_pid)
expect 0 "" refused -u bytes "$program"
alloc_is out 20480000 || fail "asked: $(cat out)"
refused --json "$program" >asked
"$memlog" stat --json "$program" | cmp -s - asked || fail "what is asked is not what is read: $(cut -c1-200 asked)"
expect 0 "" refused --all "$program"
grep -q '^RSS: [2-9]' out || fail "RSS: $(grep RSS out)"
rm -f blocks err
refused --watch 10ms -u bytes "$program" >blocks 2>err &
stat=$!
until_true 60 alloc_is blocks 20480000
touch go
until_true 60 alloc_is blocks 40960000 || fail "it does not follow: $(tail -n 31 blocks) $(cat err)"
touch end
wait $run || fail "memlog run was disturbed"
wait $stat || fail "status $? at its end"
test "$(cat err)" = "memlog: process $program: it has ended" || fail "at its end: $(cat err)"

# --- a program with a log of its own answers itself; not while it stands -------------------------
rm -f end ready go
LD_PRELOAD=$preload MEMLOG_FILE=own.log MEMLOG_INTERVAL=24h "$act" alloc 20000 say ready wait go alloc 20000 wait end &
program=$!
until_true 60 test -e ready
sleep 0.2 # its log begins when it is older than 100 ms, and allocates
touch go
asked() { refused -u bytes -a $program >out 2>err && above out 40960000; }
until_true 2 asked || fail "it does not answer: $(cat out err)"
grep -q '^LogSamples: 1$' out || fail "its log's line is not counted: $(grep Log out)"
rm -f blocks err
LD_PRELOAD=$work/refuse.so "$memlog" stat -w 50ms -u bytes $program >blocks 2>err &
stat=$!
many() { test "$(grep -c ^Alloc: "$1")" -gt "$2"; }
until_true 60 many blocks 3 || fail "it answers once: $(cat err)"
kill -STOP $program
until_true 60 grep -q . err || fail "nothing is said of one that stands"
sleep 2 # it is asked once more, and nothing more is said
shown=$(grep -c ^Alloc: blocks)
kill -CONT $program
until_true 60 many blocks "$shown" || fail "it does not go on"
test "$(cat err)" = "memlog: process $program: it does not answer: was it stopped?" || fail "while it stands: $(cat err)"
kill -INT $stat
wait $stat
touch end
wait $program

# --- one that nobody may look into, of a user who is not root -------------------------------------
if test "$(id -u)" = 0 && command -v setpriv >/dev/null; then
  nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
  for_others
  cd others || exit 99
  chmod 777 .
  rm -f end ready go
  nobody "$memlog" run -q -i 10ms "$act" hide 1 alloc 10000 say ready wait go alloc 10000 wait end &
  run=$!
  until_true 60 test -e ready
  sleep 0.3 # it is asked 100 ms later, and hears of that when it allocates
  touch go
  until_true 60 test -s memory.log
  program=$(logged_pid)
  nobody cat "/proc/$program/maps" >/dev/null 2>&1 && fail "it may be looked into"
  hidden() { nobody "$memlog" stat -u bytes "$program" >out 2>err && above out 20480000; }
  until_true 2 hidden || fail "nobody answers for one that is not dumpable: $(cat out err)"
  test ! -s err || fail "one that is not dumpable: $(cat err)"
  # The superuser need not ask.
  "$memlog" stat -j "$program" >read 2>err && grep -q '"Alloc":2048....,' read || fail "root: $(cat err)"
  # Another user is not answered.
  expect 125 "process $program: it is another user's: try sudo" \
    setpriv --reuid=65533 --regid=65533 --clear-groups "$memlog" stat "$program"
  touch end
  wait $run || fail "memlog run was disturbed"
  rm -f end ready go
  setpriv --reuid=65534 --regid=65534 --clear-groups env LD_PRELOAD="$PWD/libmemlog-preload.so" "$act" hide 1 say ready wait end &
  program=$!
  until_true 60 test -e ready
  expect 125 "process $program: its memory may not be read (kernel.yama.ptrace_scope?), and nobody answers for it: try sudo" \
    nobody "$memlog" stat "$program"
  test "$(grep -c . err)" = 1 || fail "not one line: $(cat err)"
  touch end
  wait $program
  cd ..
fi

# --- where nobody answers any more ----------------------------------------------------------------
rm -f end ready memory.log
"$memlog" run -q -i 10ms sh -c "'$act' say ready wait end" &
run=$!
until_true 60 test -e ready
until_true 60 test -s memory.log
program=$(logged_pid)
rm -f blocks err
refused -w 10ms "$program" >blocks 2>err &
stat=$!
until_true 60 grep -q . blocks
kill -KILL $run
wait $stat
status=$?
test $status = 125 && grep -q 'and nobody answers for it' err || fail "memlog run has gone: status $status, $(cat err)"
touch end
is_gone() { ! kill -0 "$program"; }
until_true 60 is_gone || fail "the program is still there"
finish
