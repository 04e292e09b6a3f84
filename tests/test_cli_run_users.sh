#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_run_users.sh - memlog run without the right to look into other users' processes, as in
# most containers: programs that become another user, and programs that nobody may read.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"
test "$(id -u)" = 0 || { echo "for root only"; exit 77; }
need setpriv util-linux
nobody=65534
for_others

above() { value=$(column "$1" last "$2") && test "$value" -gt "$3"; }
contained() { setpriv --bounding-set=-sys_ptrace --inh-caps=-all "$@"; }
contained true 2>/dev/null || { echo "root without a capability can't be had here"; exit 77; }

# --- it goes on, read from outside as before: no thread comes into it ------------------------
contained "$memlog" run -q -i 10ms --columns process_threads "$act" alloc 10000 setuid $nobody alloc 20000 \
  say more wait end exit 5 2>err &
run=$!
until_true 60 test -e more
until_true 60 above memory.log 2 30000000 || fail "as another user: $(tail -n 2 memory.log) $(cat err)"
test "$(column memory.log last 4)" = 1 || fail "threads: $(tail -n 1 memory.log)"
touch end
wait $run
test "$?" = 5 || fail "status $?"
test "$(tail -n 1 memory.log)" = '# end reason=exit status=5' || fail "its end: $(tail -n 1 memory.log)"
test ! -s err || fail "it is complained of: $(cat err)"

# --- one that nobody may read from its first moment says its numbers itself --------------------
cp "$act" unreadable
chmod 111 unreadable
# as_nobody LOG COMMAND...
as_nobody() { setpriv --reuid=$nobody --regid=$nobody --clear-groups "$memlog" run -q -i 10ms "$@"; }
rm -f more end
as_nobody -o inside.log --columns process_threads,rss ./unreadable alloc 10000 say early wait go alloc 20000 say more \
  wait end exit 6 2>err &
run=$!
until_true 60 test -e early
sleep 0.3 # it is asked 100 ms later, and hears of that when it allocates
touch go
until_true 60 test -e more
until_true 60 above inside.log 2 30000000 || fail "from inside: $(tail -n 2 inside.log) $(cat err)"
test "$(awk '/^[0-9]/ && $2 == 0' inside.log | wc -l)" -le 1 || fail "numbers before there were any: $(cat inside.log)"
test "$(column inside.log last 4)" = 2 || fail "threads: $(tail -n 1 inside.log)"
test "$(column inside.log last 5)" -gt 30000000 || fail "RSS: $(tail -n 1 inside.log)"
fresh() { test "$(samples inside.log)" -gt $((lines + 3)); }
lines=$(samples inside.log)
until_true 60 fresh || fail "it ends with $lines samples"
touch end
wait $run
test "$?" = 6 || fail "status $?"
test "$(tail -n 1 inside.log)" = '# end reason=exit status=6' || fail "its end: $(tail -n 1 inside.log)"
awk '!/^#/ { if (NF != 5 || $2 > $3 || $1 < before) exit 1; before = $1 }' inside.log || fail "lines: $(cat inside.log)"
test ! -s err || fail "it is complained of: $(cat err)"

# --- it forks, and execs: each has a thread of its own, or none ------------------------------------
rm -f more end
as_nobody -o exec.log ./unreadable alloc 5000 say more wait go alloc 100 exec say second wait end alloc 10000 wait third \
  exit 0 2>err &
run=$!
until_true 60 test -e second
sleep 0.3
touch end
until_true 60 above exec.log 2 10000000 || fail "after an exec: $(tail -n 2 exec.log) $(cat err)"
touch third
wait $run || fail "status $? after an exec"
test ! -s err || fail "an exec is complained of: $(cat err)"

# One that is forked when the thread was there already has none, and gets its own.
rm -f more end go go2 go3
as_nobody -o forked.log --children sh -c './unreadable alloc 5000 say more wait go alloc 5000 wait go2 fork alloc 100 \
  wait go3 alloc 20000 wait end; while ! test -e end; do sleep 0.01; done' 2>err &
run=$!
any() { for log in forked.log.[0-9]*; do test -e "$log" && above "$log" 2 "$1" && return 0; done; return 1; }
until_true 60 test -e more
sleep 0.3
touch go
until_true 60 any 10000000 || fail "before the fork: $(tail -n 2 forked.log.*) $(cat err)"
touch go2
sleep 0.5
touch go3
until_true 60 any 30000000 || fail "after the fork: $(tail -n 2 forked.log.*) $(cat err)"
touch end
wait $run || fail "status $? after a fork"

# --- a child that has become another user before anybody looked ---------------------------------------
rm -f more end go
contained "$memlog" run -q -i 10ms --children -o family.log sh -c \
  "'$act' setuid $nobody say more wait go alloc 20000 wait end exit 0; exit 7" 2>err &
run=$!
until_true 60 test -e more
sleep 0.4
touch go
child() { for log in family.log.[0-9]*; do test -e "$log" && above "$log" 2 20000000; done; }
until_true 60 child || fail "a child that is another user: $(tail -n 2 family.log.*) $(cat err)"
until_true 60 above family.log.total 2 20000000 || fail "the sum: $(tail -n 1 family.log.total)"
touch end
wait $run
test "$?" = 7 || fail "status $?"
# --- one that execs as another user, who can't get at the board: memlog is looked for in it ----------
can_look() { setpriv --reuid=$nobody --clear-groups sleep 60 & looked=$!
  readlink "/proc/$looked/exe"; is=$?; kill $looked; return $is; }
if can_look >/dev/null 2>&1; then
  rm -f end more
  "$memlog" run -q -i 10ms -o gosu.log setpriv --reuid=$nobody --clear-groups "$act" alloc 20000 say more wait end exit 8 2>err &
  run=$!
  until_true 60 test -e more
  until_true 60 above gosu.log 2 20000000 || fail "an exec as another user: $(tail -n 2 gosu.log) $(cat err)"
  touch end
  wait $run
  test "$?" = 8 || fail "status $?"
  test ! -s err || fail "an exec as another user is complained of: $(cat err)"
fi
# --- what was found while the loader had not made it ready leads nowhere: it is looked for again ------
if command -v gdb >/dev/null; then
  rm -f end more
  "$memlog" run -q -i 10ms -o spoilt.log "$act" alloc 20000 say more wait end exit 9 2>err &
  run=$!
  until_true 60 test -e more
  until_true 60 above spoilt.log 2 20000000 || fail "one that is to be spoilt: $(tail -n 2 spoilt.log) $(cat err)"
  gdb -q -batch -nx -ex 'set debuginfod enabled off' -p $run -ex 'break ml_image_read' -ex continue \
    -ex 'set var image->addresses[3] = 4096' -ex 'print image->addresses[3]' -ex detach >gdb.out 2>&1
  had=$(samples spoilt.log)
  more() { test "$(samples spoilt.log)" -gt $((had + 5)); }
  if grep -q '^\$1 = 4096' gdb.out; then # there is debug information
    until_true 20 more || fail "what leads nowhere is read for ever: $(cat err)"
    test ! -s err || fail "it is complained of: $(cat err)"
  elif test "$full" = 1; then
    fail "gdb could not spoil it: $(tail -n 3 gdb.out)"
  fi
  touch end
  wait $run
  test "$?" = 9 || fail "status $?"
fi
finish
