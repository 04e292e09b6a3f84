#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_stat_watch.sh - memlog stat --watch: again and again, until the process ends, becomes a
# program without memlog, or somebody has seen enough.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"
preload=$(cd "$top_builddir" && pwd)/.libs/libmemlog-preload.so

# begin ACTS...: a program that does them, and is ready.
begin() {
  rm -f ready end go second third blocks err
  LD_PRELOAD=$preload "$act" "$@" &
  program=$!
  until_true 60 test -e ready
}
alloc() { sed -n 's/^Alloc: \([0-9]*\) bytes$/\1/p' "$1" | tail -n 1; }
above() { test "$(alloc "$1")" -gt "$2"; }
last_is() { grep '"Alloc":' "$1" | tail -n 1 | grep -q "\"Alloc\":$2,"; }

# --- it follows, to the end ------------------------------------------------------------------
begin alloc 1000 say ready wait go alloc 20000 wait end
rm -f blocks err
"$memlog" stat --watch 10ms -u bytes $program >blocks 2>err &
stat=$!
"$memlog" stat --watch 10ms --json $program >lines 2>err.json &
stat_json=$!
"$memlog" stat --watch 10ms --json --all $program >both 2>err.both &
stat_both=$!
until_true 60 above blocks 1000000 || fail "nothing: $(cat blocks err)"
until_true 60 test -s lines
until_true 60 test -s both
touch go
until_true 60 above blocks 21000000 || fail "it does not follow: $(tail -n 40 blocks) $(cat err)"
until_true 60 last_is lines 21504000 || fail "as JSON: $(tail -n 1 lines | cut -c1-200)"
until_true 60 last_is both 21504000 || fail "both as JSON: $(tail -n 1 both | cut -c1-200)"
touch end
wait $program || fail "the program is disturbed"
wait $stat || fail "status $? at its end"
wait $stat_json || fail "status $? at its end, as JSON"
wait $stat_both || fail "status $? at its end, both as JSON"
for said in err err.json err.both; do
  test "$(cat $said)" = "memlog: process $program: it has ended" || fail "at its end: $(cat $said)"
done
# Blocks of 31 lines, with one blank line between two.
awk 'NR % 32 == 0 ? $0 != "" : NR % 32 == 1 ? !/^Alloc: / : NR % 32 == 31 ? $0 != "DebugGC: false" : $0 == "" { bad = NR }
  END { print bad; exit bad || NR % 32 != 31 || NR < 95 }' blocks >out || fail "blocks: line $(cat out) of $(cat blocks)"
grep -q "$(printf '\033')" blocks && fail "a file is no terminal"
awk '!/^\{"Alloc":.*\]\}$/ { bad = 1 } END { exit bad || NR < 3 }' lines || fail "lines: $(cut -c1-100 lines)"
awk '!/^\{"memstats":\{"Alloc":.*\]\},"memlog":\{.*\}\}$/ { bad = 1 } END { exit bad || NR < 3 }' both || fail "both: $(cut -c1-100 both)"
if command -v python3 >/dev/null; then
  python3 -c '
import json
lines = [json.loads(line) for line in open("lines")]
assert lines[0]["Alloc"] == 1024000 and lines[-1]["Alloc"] == 21504000
assert all(before["TotalAlloc"] <= after["TotalAlloc"] for before, after in zip(lines, lines[1:]))
assert all(set(json.loads(line)) == {"memstats", "memlog"} for line in open("both"))' 2>out ||
    fail "lines: $(cat out)"
fi

# --- so many times, or until Ctrl-C --------------------------------------------------------------
begin alloc 1000 say ready wait end
expect 0 "" "$memlog" stat --watch 10ms --count 3 $program
test "$(grep -c '^Alloc: ' out)" = 3 && test "$(grep -c '^$' out)" = 2 || fail "--count 3: $(cat out)"
expect 0 "" "$memlog" stat -j -w 1ms -n 1 $program
test "$(grep -c . out)" = 1 || fail "--count 1: $(cat out)"
rm -f blocks err
"$memlog" stat -w 10ms $program >blocks 2>err &
stat=$!
until_true 60 grep -q . blocks
kill -INT $stat
wait $stat || fail "status $? after SIGINT"
test ! -s err || fail "after SIGINT: $(cat err)"
# Also where nobody reads what it writes.
mkfifo pipe
exec 9<>pipe
"$memlog" stat -w 1ms -aj $program >pipe 2>err &
stat=$!
stuck() { before=$(cat /proc/$stat/io) && sleep 0.1 && test "$before" = "$(cat /proc/$stat/io)"; }
until_true 60 stuck || fail "a pipe without end"
kill -INT $stat
is_gone() { ! kill -0 $stat; }
until_true 20 is_gone || { fail "it can't be interrupted"; kill -KILL $stat; }
wait $stat || fail "status $? after SIGINT, while it writes"
exec 9<&-

# --- a terminal: in place, no more than there is room for ---------------------------------------------
if command -v script >/dev/null; then
  # on_terminal TERM COMMAND: of 10 rows.
  on_terminal() {
    TERM=$1 script -qec "stty rows 10 cols 20; $2" typescript >out 2>&1 </dev/null || fail "on a terminal: $? $(cat out)"
    tr -d '\r' <out >screen
  }
  on_terminal xterm "'$memlog' stat -w 10ms -n 3 $program"
  escape=$(printf '\033')
  test "$(grep -c "${escape}\[HAlloc: " screen)" = 3 || fail "not in place: $(cat -v screen)"
  test "$(grep -c '^TotalAlloc: ' screen)" = 3 && test "$(grep -c HeapSys screen)" = 0 || fail "not 9 lines each: $(cat -v screen)"
  test "$(grep -c HeapAlloc screen)" = 3 || fail "not 9 lines each: $(cat -v screen)"
  grep -q "^$" screen && fail "blank lines: $(cat -v screen)"
  on_terminal dumb "'$memlog' stat -w 10ms -n 3 $program"
  grep -q "$escape" screen && fail "on a dumb terminal: $(cat -v screen)"
  test "$(grep -c '^$' screen)" = 2 || fail "on a dumb terminal: $(cat -v screen)"
  on_terminal xterm "'$memlog' stat -j -w 10ms -n 3 $program"
  test "$(grep -c '^{"Alloc"' screen)" = 3 || fail "JSON on a terminal: $(cat -v screen | cut -c1-100)"
  on_terminal xterm "'$memlog' stat $program"
  grep -q "$escape" screen && fail "once, on a terminal: $(cat -v screen)"
fi

# --- where the output has gone ----------------------------------------------------------------------
sh -c '"$1" stat -w 1ms "$2" 2>err; echo $? >status' sh "$memlog" $program | head -n 1 >/dev/null
test "$(cat status)" = 125 || fail "status $(cat status) when nobody reads any more"
grep -qx 'memlog: cannot write the statistics: Broken pipe' err || fail "when nobody reads any more: $(cat err)"
touch end
wait $program

# --- it stands in the middle of an update: said once while it lasts -------------------------------------
begin say ready churn end
in_the_middle() {
  kill -STOP $program
  "$memlog" stat -w 1ms -n 5 $program >out 2>err
  kill -CONT $program
  grep -q 'in the middle of an update' err
}
until_true 60 in_the_middle || fail "it never stands in the middle of an update"
test "$(grep -c . err)" = 1 && test "$(grep -c ^Alloc: out)" = 5 || fail "in the middle: $(cat err) $(grep -c ^Alloc: out)"
touch end
wait $program

# --- it becomes another program, with memlog and without --------------------------------------------------
begin alloc 20000 say ready wait go exec alloc 1000 say second wait third alloc 100 wait end
rm -f blocks err
"$memlog" stat -w 10ms -u bytes $program >blocks 2>err &
stat=$!
until_true 60 above blocks 20000000 || fail "before the exec: $(cat blocks err)"
touch go
until_true 60 test -e second
alloc_is() { test "$(alloc blocks)" = "$1"; }
until_true 60 alloc_is 1024000 || fail "after the exec: $(tail -n 31 blocks) $(cat err)"
touch third
until_true 60 alloc_is 1126400 || fail "after the exec it does not follow: $(tail -n 31 blocks) $(cat err)"
touch end
wait $stat || fail "status $? after an exec"
test "$(cat err)" = "memlog: process $program: it has ended" || fail "after an exec: $(cat err)"
wait $program

rm -f ready go end
cat >later <<'END'
touch ready
while ! test -e go; do sleep 0.01; done
unset LD_PRELOAD
exec "$1" alloc 20000 wait end
END
LD_PRELOAD=$preload sh later "$act" &
program=$!
until_true 60 test -e ready
rm -f blocks err
"$memlog" stat -w 10ms -u bytes $program >blocks 2>err &
stat=$!
until_true 60 grep -q . blocks
touch go
wait $stat || fail "status $? after an exec without memlog"
grep -q "^memlog: process $program: it runs another program now: there is no memlog in it" err || fail "after an exec without memlog: $(cat err)"
test "$(grep -c . err)" = 1 || fail "after an exec without memlog: $(cat err)"
touch end
wait $program || fail "the program is disturbed"
finish
