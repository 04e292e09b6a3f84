#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_attach_asks.sh - memlog attach where the process's memory may not be read: memlog
# run answers for it, or the log's thread in it; what is to be done where nobody does.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"
preload=$(cd "$top_builddir" && pwd)/.libs/libmemlog-preload.so

make_refusal
refused() { LD_PRELOAD=$work/refuse.so "$memlog" attach "$@"; }
above() { value=$(column "$1" last "$2") && test "$value" -gt "$3"; }

# --- memlog run answers for its program ---------------------------------------------------
"$memlog" run -q -i 10ms "$act" alloc 20000 say ready wait go alloc 20000 wait end &
run=$!
until_true 60 test -e ready
until_true 60 test -s memory.log
program=$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log)
refused -q -i 10ms -o asked.log --columns Mallocs,rss "$program" 2>err &
attach=$!
until_true 60 above asked.log 2 20000000 || fail "memlog run does not answer: $(cat asked.log err)"
touch go
until_true 60 above asked.log 2 40000000 || fail "it does not grow: $(tail -n 1 asked.log)"
test "$(column asked.log last 4)" -gt 40000 || fail "Mallocs: $(tail -n 1 asked.log)"
test "$(column asked.log last 5)" -gt 40000000 || fail "RSS: $(tail -n 1 asked.log)"
touch end
wait $run || fail "memlog run was disturbed"
wait $attach || fail "status $? of attach"
test "$(sed -n 2p asked.log)" = '# timestamp Alloc Sys Mallocs RSS' || fail "columns: $(sed -n 2p asked.log)"
test "$(tail -n 1 asked.log)" = '# end reason=gone' || fail "the last line: $(tail -n 1 asked.log)"
test ! -s err || fail "it is complained of: $(cat err)"

# Where both end while attach is about to ask, nothing is wrong. By gdb, since it takes luck else.
if command -v gdb >/dev/null; then
  rm -f ready end memory.log
  "$memlog" run -q -i 10ms "$act" say ready wait end &
  run=$!
  until_true 60 test -e ready
  until_true 60 test -s memory.log
  cat >cmds <<END
set environment LD_PRELOAD $work/refuse.so
break ml_contact_read
run
continue
shell touch end; while kill -0 $run 2>/dev/null; do sleep 0.1; done
delete
continue
END
  timeout 100 gdb -nx -q -batch -iex 'set debuginfod enabled off' -x cmds --args "$memlog" attach -q -i 200ms \
    -o both.log "$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log)" >both.out 2>&1 </dev/null &
  debugger=$!
  wait $run
  wait $debugger
  grep -q 'exited normally' both.out && ! grep -q '^memlog: ' both.out ||
    fail "both have ended: $(cat both.out)"
  test "$(tail -n 1 both.log)" = '# end reason=gone' || fail "both have ended: $(cat both.log)"
elif test "$full" != 0; then
  fail "gdb is not there"
fi

# --- and for its children ------------------------------------------------------------------
rm -f ready end go memory.log*
"$memlog" run -q -i 10ms --children sh -c "'$act' alloc 30000 say ready wait end; exit 0" &
run=$!
until_true 60 test -e ready
has_child() { child=$(ls memory.log.[0-9]*); }
until_true 60 has_child || fail "the child has no log: $(ls)"
refused -q -i 10ms -o child.log --duration 300ms "${child##*.}" 2>err || fail "a child: $(cat err)"
above child.log 2 30000000 || fail "memlog run does not answer for a child: $(cat child.log)"
touch end
wait $run

# --- a program with a log of its own answers itself -----------------------------------------
rm -f end
LD_PRELOAD=$preload MEMLOG_FILE=own.log MEMLOG_INTERVAL=24h "$act" alloc 20000 say early wait third alloc 20000 \
  say late wait end &
program=$!
until_true 60 test -e early
sleep 0.2 # its log begins when it is older than 100 ms, and allocates
touch third
until_true 60 test -e late
LD_PRELOAD=$work/refuse.so "$memlog" attach -q -i 50ms -o itself.log $program 2>err &
attach=$!
until_true 60 above itself.log 2 40000000 || fail "it does not answer: $(cat itself.log err)"
few() { test "$(samples itself.log)" -gt 5; }
until_true 60 few || fail "it answers once: $(cat itself.log)"
test "$(samples own.log)" = 1 || fail "its own log is disturbed: $(cat own.log)"
kill -INT $attach
wait $attach

# --- also where somebody fills its mailbox with rubbish for a while --------------------------
cat >flood.c <<'END'
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
int main(int count, char **arguments)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int box = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    int bytes = sprintf(to.sun_path + 1, "memlog/%s", count > 1 ? arguments[1] : "");
    for (;;)
        if (sendto(box, "rubbish", 7, 0, (struct sockaddr *)&to,
                   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + bytes)) < 0)
            fclose(fopen("flooded", "w")), poll(NULL, 0, 1);
}
END
$CC -o flood flood.c || exit 99
sleep 1 # it looks seldom again
./flood $program &
flood=$!
until_true 60 test -e flooded
refused -q -i 50ms -o flooded.log --duration 300ms $program 2>err &
attach=$!
sleep 0.5
kill $flood
wait $attach || fail "a full mailbox: $(cat err)"
above flooded.log 2 40000000 || fail "a full mailbox: $(cat flooded.log err)"
touch end
wait $program
test "$(tail -n 1 own.log)" = '# end reason=exit' || fail "its own log: $(tail -n 1 own.log)"

# --- other users are not answered ---------------------------------------------------------------
if test "$(id -u)" = 0 && command -v setpriv >/dev/null; then
  rm -f end ready memory.log
  chmod 777 "$work"
  "$memlog" run -q -i 10ms "$act" say ready wait end &
  run=$!
  until_true 60 test -e ready
  until_true 60 test -s memory.log
  program=$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log)
  expect 0 "only rss is known" setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$memlog" attach -q -i 10ms -o other.log --duration 50ms "$program"
  test "$(sed -n 2p other.log)" = '# timestamp rss pss swap' || fail "another user is answered: $(cat other.log)"
  touch end
  wait $run
fi

# --- where nobody answers ---------------------------------------------------------------------
rm -f end ready
LD_PRELOAD=$preload "$act" say ready wait end &
program=$!
until_true 60 test -e ready
expect 125 "try sudo, or start it with memlog run" refused --duration 9s $program
touch end
wait $program
rm -f end ready memory.log
MEMLOG_CONTROL=0 "$memlog" run -q -i 10ms "$act" say ready wait end &
run=$!
until_true 60 test -e ready
until_true 60 test -s memory.log
program=$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log)
expect 125 "its memory may not be read" refused --duration 9s "$program"
grep -qF "@memlog/$program" /proc/net/unix && fail "MEMLOG_CONTROL=0 has a mailbox"
touch end
wait $run
finish
