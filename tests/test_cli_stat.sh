#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_stat.sh - memlog stat: what it prints are the numbers that the process counts itself,
# by whatever way memlog came into it, as text in each unit and as JSON.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"
library=$(cd "$top_builddir" && pwd)/.libs
preload=$library/libmemlog-preload.so

# --- numbers: those of a program that says them itself, and holds still --------------------
# JSON of all numbers, and the bytes of memlog_extra as the process has read them; RSS and the log's
# lines may have changed since.
cat >extra.py <<'END'
import json
both = json.load(open("all"))
assert list(both) == ["memstats", "memlog"], list(both)
assert both["memstats"] == json.load(open("said")), "MemStats"
told = []
for name, value in both["memlog"].items():
    told += value["Counts"] + [value["SumNs"]] if isinstance(value, dict) else [value]
text = open("said.extra").read()
said = [int.from_bytes(bytes.fromhex(text[at:at + 16]), "little") for at in range(16, len(text), 16)]
names = [name for name, value in both["memlog"].items() if not isinstance(value, dict)]
assert len(told) == len(said) > 100, (len(told), len(said))
moving = [names.index(name) for name in ("RSS", "LogSamples")]
different = [i for i in range(len(said)) if told[i] % 2**64 != said[i] and i not in moving]
assert not different, [(names + ["histograms"] * 99)[i] for i in different]
assert both["memlog"]["RSS"] > 500000, "RSS"
assert (told[moving[1]] != 0) == (said[moving[1]] != 0), "LogSamples"
END
same() { "$memlog" stat --json $program >told 2>err && cmp -s told said; }
same_extra() { "$memlog" stat --all -j $program >all 2>err && python3 extra.py >out 2>&1; }
# compare WAY COMMAND...: its numbers from within and from outside.
compare() {
  way=$1
  shift
  rm -f end said said.extra
  "$@" &
  program=$!
  until_true 60 test -s said.extra || fail "$way: it says nothing"
  until_true 60 same || fail "$way: $(cat err) $(cut -c1-300 told said)"
  test "$(grep -c . told)" = 1 || fail "$way: more than a line"
  if command -v python3 >/dev/null; then
    until_true 30 same_extra || fail "$way: with --all: $(cat out err)"
  fi
  "$memlog" stat $program >text 2>err || fail "$way: $(cat err)"
  test "$(sed -n 's/^Mallocs: //p' text)" -ge 3000 || fail "$way: $(cat text)"
  touch end
  wait $program || fail "$way: the program is disturbed: $?"
}
# build NAME FLAGS...
build() {
  name=$1
  shift
  $CC -D_GNU_SOURCE -I"$top_srcdir/src/api" -o "$name" "$top_srcdir/tests/prog_cli_still.c" "$@" 2>err
}
build shared -L"$library" -lmemlog -s || fail "it cannot be linked: $(cat err)"
LD_LIBRARY_PATH=$library
export LD_LIBRARY_PATH
compare "linked" ./shared said end
compare "linked, with a log" env MEMLOG_FILE=own.log MEMLOG_INTERVAL=50ms ./shared said end
# Then memlog is in it twice, and the preload library's is what is used.
compare "preloaded" env LD_PRELOAD="$preload" ./shared said end
if test -f "$library/libmemlog.a"; then
  build archive "$library/libmemlog.a" -pthread -s || fail "the archive cannot be linked: $(cat err)"
  compare "with the archive" ./archive said end
  if build static -static "$library/libmemlog.a" -pthread; then
    compare "static" ./static said end
  fi
fi
rm -f end said said.extra
"$memlog" run -q -i 10ms ./shared said end &
run=$!
until_true 60 test -s said.extra
program=$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' memory.log)
until_true 60 same || fail "under memlog run: $(cat err) $(cut -c1-300 told said)"
touch end
wait $run || fail "memlog run is disturbed"
unset LD_LIBRARY_PATH

# --- text: units, and what is in it -----------------------------------------------------------
rm -f end ready
LD_PRELOAD=$preload "$act" alloc 20000 say ready wait end &
program=$!
until_true 60 test -e ready
# line UNIT VALUE: of 20000 blocks, which take 1024 bytes each.
line() {
  "$memlog" stat --unit "$1" $program >out 2>err || fail "--unit $1: $(cat err)"
  test "$(sed -n 1p out)" = "Alloc: $2" || fail "--unit $1: $(sed -n 1p out)"
}
line bytes '20480000 bytes'
line KiB '20000 KiB'
line mib '19.53 MiB'
line GiB '0.02 GiB'
line MB '20.48 MB'
expect 0 "" "$memlog" stat $program
cp out short
test "$(sed -n 1p short)" = 'Alloc: 19.53 MiB' || fail "without a unit: $(sed -n 1p short)"
test "$(tail -n 1 short)" = 'DebugGC: false' || fail "it ends with $(tail -n 1 short)"
grep -q -e BySize -e LargeMallocs -e RSS short && fail "more than MemStats: $(cat short)"
expect 0 "" "$memlog" stat -a $program
cp out long
grep -q '^  1024 bytes: 20000 objects, 19.53 MiB (mallocs 20000, frees 0)$' long || fail "size classes: $(cat long)"
grep -q '^RSS: [2-9][0-9.]* MiB$' long || fail "RSS: $(grep RSS long)"
test "$(tail -n 1 long)" = 'StopHistogram: none' || fail "--all ends with $(tail -n 1 long)"
grep -vxF -f long short >more && fail "--all does not have: $(cat more)"

# --- the process is only looked at --------------------------------------------------------------
for try in 1 2 3; do
  "$memlog" stat -aj $program >again.$try || fail "status $?"
  test "$(cat /proc/$program/task/*/comm)" = prog_cli_act || fail "threads: $(cat /proc/$program/task/*/comm)"
  grep -q '^TracerPid:.0$' /proc/$program/status || fail "it is traced"
done
sed 's/"RSS":[0-9]*//' again.1 >first
sed 's/"RSS":[0-9]*//' again.3 | cmp -s - first || fail "it changes what it counts"
touch end
wait $program || fail "the program is disturbed"

# --- one that stands in the middle of an update ----------------------------------------------------
rm -f end ready
LD_PRELOAD=$preload "$act" alloc 10 say ready churn end &
program=$!
until_true 60 test -e ready
in_the_middle() {
  kill -STOP $program
  until_true 10 grep -q '^State:.T' /proc/$program/status || fail "it does not stop"
  "$memlog" stat -u bytes $program >out 2>err || fail "while it stands: $? $(cat err)"
  kill -CONT $program
  grep -q . err
}
until_true 60 in_the_middle || fail "it never stands in the middle of an update"
test "$(grep -c . err)" = 1 || fail "not one line: $(cat err)"
grep -q "process $program: it was stopped in the middle of an update: the numbers are as they stand" err || fail "$(cat err)"
awk -F': ' '{ n[$1] = $2 + 0 } END { exit !(n["Mallocs"] > 10 && n["HeapObjects"] == n["Mallocs"] - n["Frees"] &&
  n["HeapObjects"] >= 10 && n["HeapObjects"] <= 11) }' out || fail "while it stands: $(cat out)"
# While it runs nobody stands anywhere.
for try in 1 2 3 4 5 6 7 8 9 10; do
  expect 0 "" "$memlog" stat $program
done
touch end
wait $program
# One that waits for something stands nowhere in the middle.
rm -f end ready
LD_PRELOAD=$preload "$act" alloc 1000 free 500 say ready wait end &
program=$!
until_true 60 test -e ready
kill -STOP $program
expect 0 "" "$memlog" stat $program
kill -CONT $program
touch end
wait $program
finish
