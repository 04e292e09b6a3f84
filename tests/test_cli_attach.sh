#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_attach.sh - memlog attach: memlog's numbers where it is in the process, by
# whatever way it came there, the system's where it is not; also when that changes.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"
preload=$(cd "$top_builddir" && pwd)/.libs/libmemlog-preload.so

begun=$(date +%s)
above() { value=$(column "$1" last "$2") && test "$value" -gt "$3"; }
# has_header LOG PID COLUMNS: it begins so.
has_header() {
  sed -n 1p "$1" | grep -q "^# memlog 1 pid=$2 start=.* interval=10ms.* command=\"" ||
    fail "$1 begins: $(sed -n 1p "$1")"
  since=$(date -d "$(sed -n '1s/.* start=\([^ ]*\) .*/\1/p' "$1")" +%s)
  test "$since" -ge "$begun" && test "$since" -le "$(date +%s)" || fail "$1 began at $since"
  test "$(sed -n 2p "$1")" = "# timestamp $3" || fail "$1: columns: $(sed -n 2p "$1")"
}

# --- a preload that only counted so far ---------------------------------------------
LD_PRELOAD=$preload "$act" alloc 20000 say ready wait go alloc 20000 wait end &
program=$!
until_true 60 test -e ready
"$memlog" attach -i 10ms $program 2>err &
attach=$!
log=memory.$program.log
until_true 60 above "$log" 2 20000000 || fail "20000 blocks do not show: $(cat "$log" err)"
test "$(column "$log" last 2)" -lt 21500000 || fail "too much: $(tail -n 1 "$log")"
touch go
until_true 60 above "$log" 2 40900000 || fail "it does not grow: $(tail -n 1 "$log")"
touch end
wait $program
wait $attach || fail "status $? at the program's end"
has_header "$log" $program 'Alloc Sys'
test "$(tail -n 1 "$log")" = '# end reason=gone' || fail "the last line: $(tail -n 1 "$log")"
test "$(grep -c '^memlog: ' err)" = 3 || fail "the summary: $(cat err)"
grep -q "^memlog: [0-9]* samples in memory.$program.log" err && grep -q 'peak Alloc 39' err || fail "the summary: $(cat err)"
awk '!/^#/ { if (NF != 3 || $2 > $3 || $1 < before) exit 1; before = $1 }' "$log" || fail "lines: $(cat "$log")"

# --- a program that memlog run runs, whose log is another; until Ctrl-C ---------------------
rm -f ready end
"$memlog" run -q -i 10ms "$act" alloc 30000 say ready wait end &
run=$!
until_true 60 test -e ready
until_true 60 test -s memory.log
program=$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log)
expect 125 "another log is written there: name one with -o" "$memlog" attach --duration 9s -o memory.log "$program"
"$memlog" attach -q -i 10ms -o '%e.log' "$program" 2>quiet &
attach=$!
until_true 60 above prog_cli_act.log 2 30000000 || fail "under memlog run: $(tail -n 1 prog_cli_act.log)"
expect 125 "another log is written there" "$memlog" attach --duration 9s -o prog_cli_act.log "$program"
kill -INT $attach
wait $attach || fail "status $? after SIGINT"
test "$(tail -n 1 prog_cli_act.log)" = '# end reason=detached' || fail "after SIGINT: $(tail -n 1 prog_cli_act.log)"
test ! -s quiet || fail "-q says: $(cat quiet)"
"$memlog" attach -i 10ms -o more.log --columns Mallocs,rss,fds "$program" 2>err &
attach=$!
until_true 60 above more.log 5 30000000 || fail "further columns: $(cat more.log)"
kill -TERM $attach
wait $attach || fail "status $? after SIGTERM"
has_header more.log "$program" 'Alloc Sys Mallocs RSS Fds'
test "$(column more.log last 4)" -gt 30000 || fail "Mallocs: $(tail -n 2 more.log)"
touch end
wait $run || fail "memlog run was disturbed"
test "$(tail -n 1 memory.log)" = '# end reason=exit status=0' || fail "memlog run was disturbed: $(tail -n 1 memory.log)"
test "$(grep -c '^# memlog' memory.log)" = 1 || fail "a second run is in memory.log"

# --- memlog linked into the program, no symbol left --------------------------------------------
if test -f "$top_builddir/.libs/libmemlog.a"; then
  cat >linked.c <<'END'
#include <memlog.h>
#include <unistd.h>
static void *kept[10000];
int main(void)
{
    for (int i = 0; i < 10000; i++)
        kept[i] = memlog_malloc_uncollectable(1000);
    while (access("end", F_OK) != 0)
        usleep(2000);
    return kept[9999] == NULL;
}
END
  for way in "$top_builddir/.libs/libmemlog.a -pthread" "-L$top_builddir/.libs -lmemlog"; do
    rm -f end linked linked.log
    # shellcheck disable=SC2086 # several words
    $CC -I"$top_srcdir/src/api" -s -o linked linked.c $way || { fail "cannot link $way"; continue; }
    LD_LIBRARY_PATH=$top_builddir/.libs ./linked &
    program=$!
    "$memlog" attach -q -i 10ms -o linked.log $program &
    attach=$!
    until_true 60 above linked.log 2 9999999 || fail "linked with $way: $(cat linked.log)"
    touch end
    wait $program
    wait $attach
    has_header linked.log $program 'Alloc Sys'
  done
fi

# --- without memlog ---------------------------------------------------------------------------
rm -f ready end go
"$act" alloc 20000 say ready wait go alloc 20000 wait end &
program=$!
until_true 60 test -e ready
"$memlog" attach -i 10ms -o other.log --columns process_threads,rss $program 2>err &
attach=$!
until_true 60 above other.log 2 20000000 || fail "rss: $(cat other.log err)"
touch go
until_true 60 above other.log 3 39000000 || fail "pss: $(tail -n 1 other.log)"
has_header other.log $program 'rss pss swap process_threads'
awk '!/^#/ { if (NF != 5 || $2 + 2000000 < $3 || $5 != 1) exit 1 }' other.log || fail "lines: $(cat other.log)"
expect 125 "heap_inuse is of memlog's heap, and there is no memlog" "$memlog" attach --duration 9s --columns heap_inuse $program
touch end
wait $program
wait $attach
grep -q 'peak PSS .*, RSS ' err && test "$(grep -c '^memlog: ' err)" = 2 || fail "the summary: $(cat err)"
test "$(tail -n 1 other.log)" = '# end reason=gone' || fail "the last line: $(tail -n 1 other.log)"

# --- it becomes a program with memlog, and one without ---------------------------------------------
rm -f ready end go
cat >later <<'END'
while ! test -e third; do sleep 0.01; done
unset LD_PRELOAD
exec "$1" alloc 20000 say last wait end
END
sh -c 'touch ready; while ! test -e go; do sleep 0.01; done; LD_PRELOAD=$2 exec sh later "$1"' sh "$act" "$preload" &
program=$!
until_true 60 test -e ready
"$memlog" attach -q -i 10ms -o exec.log --columns Mallocs,fds --duration 9s $program 2>err
test "$?" = 125 && grep -q "Mallocs is of memlog's heap" err || fail "columns of the heap: $(cat err)"
MEMLOG_COLUMNS=Mallocs,fds "$memlog" attach -q -i 10ms -o exec.log $program 2>err &
attach=$!
until_true 60 above exec.log 2 100000
touch go
heap() { grep -q '^# timestamp Alloc Sys Mallocs Fds$' exec.log && above exec.log 4 20; }
until_true 60 heap || fail "after the exec: $(tail -n 3 exec.log)"
touch third
until_true 60 test -e last
again() { test "$(grep -c '^# memlog 1 ' exec.log)" = 3 && above exec.log 2 20000000; }
until_true 60 again || fail "after the second exec: $(tail -n 3 exec.log)"
touch end
wait $program
wait $attach
test "$(grep -c '^# end reason=exec$' exec.log)" = 2 || fail "not two execs: $(grep '^#' exec.log)"
awk '/^# timestamp/ { columns = NF - 1; heap = $3 == "Alloc" }
     /^[0-9]/ { if (NF != columns || (heap ? $2 > $3 || $2 > 1000000 : $2 + 2000000 < $3)) exit 1 }' exec.log ||
  fail "garbage at an exec: $(cat exec.log)"
test ! -s err || fail "an exec is complained of: $(cat err)"

# --- for a while only ---------------------------------------------------------------------------------
sleep 60 &
program=$!
"$memlog" attach -q -i 10ms -o while.log --duration 50ms $program || fail "status $? after --duration"
kill $program
test "$(tail -n 1 while.log)" = '# end reason=detached' || fail "after --duration: $(cat while.log)"
test "$(samples while.log)" -ge 2 || fail "two points at least: $(cat while.log)"
finish
