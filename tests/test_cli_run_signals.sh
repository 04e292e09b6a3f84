#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_run_signals.sh - signals to memlog run are the program's; it stops and goes
# on with it; as the first process of a container it takes orphans' ends.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

says() { grep -qx "$1" said; }
state() { sed 's/.*) //; s/ .*//' "/proc/$1/stat"; }
is_in_state() { test "$(state "$1")" = "$2"; }

# begin LOG: memlog and a program in the background; its pids are run and program.
begin() {
  rm -f ready end
  "$@" "$memlog" run -q "$act" signals say ready wait end exit 5 >said &
  run=$!
  until_true 60 test -e ready || fail "the program does not begin"
  program=$(sed -n 's/^# memlog.* pid=\([0-9]*\) .*/\1/p' memory.log | tail -n 1)
}
finish_with() {
  touch end
  wait "$run"
  status=$?
  test "$status" = 5 || fail "$1: status $status instead of 5"
}

# --- passed on ----------------------------------------------------------------------
begin setsid
for name in USR1 USR2 HUP TERM; do
  kill -"$name" "$run"
  until_true 60 says "$name" || fail "SIG$name does not arrive"
done

# --- stopped and continued, without a terminal: memlog goes on ----------------------------
kill -STOP "$program"
until_true 60 is_in_state "$program" T || fail "the program does not stop"
sleep 0.1
is_in_state "$run" S || fail "without a terminal memlog is in state $(state "$run")"
kill -CONT "$program"
until_true 60 is_in_state "$program" S || fail "the program does not go on"
finish_with "without a terminal"

# --- ended ----------------------------------------------------------------------------------
rm ready
"$memlog" run -q -o term.log "$act" say ready wait never &
run=$!
until_true 60 test -e ready
kill -TERM "$run"
wait "$run"
status=$?
test "$status" = 143 || fail "SIGTERM: status $status instead of 143"
test "$(tail -n 1 term.log)" = '# end reason=SIGTERM' || fail "SIGTERM: $(tail -n 1 term.log)"

# --- an alarm that was set before memlog began is the program's ----------------------------------
if command -v perl >/dev/null; then
  timeout 20 perl -e 'alarm 1; exec @ARGV' "$memlog" run -q -o alarm.log "$act" wait never
  status=$?
  test "$status" = 142 || fail "SIGALRM: status $status instead of 142"
fi

# --- nobody reads what memlog says ------------------------------------------------------------------
{ "$memlog" run -o pipe.log "$act" wait unread exit 4; echo $? >status; } 2>&1 | true &
sleep 0.2
touch unread
wait $!
until_true 60 test -s status
test "$(cat status)" = 4 || fail "without a reader: status $(cat status) instead of 4"

# --- memlog killed: the program goes on ---------------------------------------------------------
rm ready
"$memlog" run -q -o lost.log "$act" say ready wait go alloc 1000 say went &
run=$!
until_true 60 test -e ready
kill -KILL "$run"
wait "$run" 2>/dev/null
touch go
until_true 60 test -e went || fail "the program ends with memlog"

# --- ignored SIGCHLD, as some shells and daemons leave it -----------------------------------------
if command -v python3 >/dev/null; then
  python3 -c '
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.argv[1], sys.argv[1:])' "$memlog" run -q -o chld.log "$act" exit 4
  status=$?
  test "$status" = 4 || fail "with SIGCHLD ignored: status $status instead of 4"
fi

# --- the first process of a container --------------------------------------------------------------
if unshare --pid --fork --mount-proc true 2>/dev/null; then
  unshare --pid --fork --mount-proc "$memlog" run -q -o one.log sh -c '
    (sleep 0.01 &) ; sleep 0.3; grep -l "^State:.Z" /proc/[0-9]*/status; exit 6' >zombies 2>/dev/null
  status=$?
  test "$status" = 6 || fail "as process 1: status $status instead of 6"
  test ! -s zombies || fail "as process 1 it leaves zombies: $(cat zombies)"
  grep -q '^# end reason=exit status=6$' one.log || fail "as process 1: $(tail -n 1 one.log)"
fi
finish
