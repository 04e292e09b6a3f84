#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_report.sh - memlog report: its exit status, what it says of the samples' own logs and of
# made-up ones, its three forms, and what it can't judge.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
memlog=$(cd "$top_builddir" && pwd)/memlog
samples=$(cd "$top_builddir" && pwd)/samples
cd "$work" || exit 99
TZ=UTC
export TZ

# report STATUS ARGUMENT...: out and err are its; the status is that.
report() {
  wanted=$1
  shift
  "$memlog" report "$@" >out 2>err </dev/null
  status=$?
  test "$status" = "$wanted" || fail "report $*: status $status instead of $wanted: $(cat out err)"
}
# says WORDS...: each stands in a line of out.
says() {
  for words; do
    tr '\n' ' ' <out | tr -s ' ' | grep -qF -e "$words" || fail "does not say \"$words\": $(cat out err)"
  done
}
is_silent() { test ! -s err || fail "$1 complains: $(cat err)"; }

# line LOG PER_SAMPLE SAMPLES [FROM]: a run of one sample a minute, Alloc from 100 MB on, more each
# time, with a little noise; FROM the first timestamp.
line() {
  awk -v more="$2" -v n="$3" -v from="${4:-1700000000}" 'BEGIN {
    print "# memlog 1 pid=" from % 99991 " start=2023-11-14T22:13:20Z interval=1m command=\"./service --fast\""
    print "# timestamp Alloc Sys"
    for (i = 0; i < n; i++) {
      noise = (i * 7919) % 101 * 1000
      printf "%d %d %d\n", from + 60 * i, 100000000 + more * i + noise, 130000000 + more * i
    }
  }' >>"$1"
}

# --- growing, and when the limit is reached ----------------------------------------------------
line grows.log 10000 600
report 1 grows.log
is_silent "a plain log"
says "grows.log, run 1 of 1: ./service --fast" "Verdict: growing: Alloc grows by 58" "KiB per hour" \
  "600 samples" "confidence" "MEMLOG_COLUMNS=HeapObjects" "--limit"
awk 'length > 99 { bad = 1 } END { exit bad }' out || fail "wider than a terminal: $(cat out)"
report 1 --limit=200MB grows.log
says "the limit of 190.7 MiB (as said) in 4.4 days" || fail "forecast"
{ sed 2q grows.log; echo '# limit 200000000'; sed 1,2d grows.log; } >limit.log
report 1 limit.log
says "the limit of 190.7 MiB (the control group's)"
report 0 --from=+0m --to=+4m grows.log
says "too short to tell"
# A program that frees what it has before it ends has leaked it no less.
awk '!/^#/ { $2 += NR % 50 * 200000 } { print } END { print 1700036000, 9000000, 130000000
  print "# end reason=exit status=0" }' grows.log >freed.log
report 1 freed.log
says "Verdict: growing: Alloc grows by 58"

# --- not growing -----------------------------------------------------------------------------------
line steady.log 0 600
report 0 steady.log
says "Verdict: steady: Alloc stays at about 95."
grep -q 'limit' out && fail "a limit is told where nothing grows: $(cat out)"
awk '/^#/ { print; next } { print $1, 0, 0 }' steady.log >zero.log
report 0 zero.log
says "Verdict: steady: Alloc stays at about 0 B"
awk '/^#/ { print; next } { $2 += NR % 20 * 2000000; print }' steady.log >saw.log
report 0 saw.log
says "Verdict: steady: Alloc comes down to about 95." " MiB again and again"
awk '/^#/ { print; next } { $2 -= NR * 20000; print }' steady.log >falls.log
report 0 falls.log
says "Verdict: steady: Alloc does not grow, and ends at about 8" "It falls, by 1.1 MiB per hour"
awk '/^#/ { print; next } { $2 = 100000000; print } NR == 11 { exit }' steady.log >brief.log
report 0 brief.log
says "low points in 8 min do not say yet where it goes"
awk '/^#/ { print; next } { $2 += NR > 200 && NR < 230 ? 300000000 : 0; $3 = 500000000; print }' steady.log >spike.log
report 0 spike.log
says "Verdict: spike: Alloc was at 381"
says "Retained or fragmented" "MEMLOG_COLUMNS=HeapReleased"
awk '/^#/ { print; next } { $2 += NR > 200 ? 60000000 : 0; $3 = 200000000; print }' steady.log >step.log
report 0 step.log
says "Verdict: plateau: Alloc rose by 57"

# The number of collections is missed where there can be some.
report 0 saw.log
says "More could be told of a log with MEMLOG_COLUMNS=TotalAlloc."
sed '1s/ command/ gc=off command/' saw.log >off.log
report 0 off.log
says "MEMLOG_COLUMNS=TotalAlloc."
sed '1s/ command/ gc=concurrent command/' saw.log >collects.log
report 0 collects.log
says "MEMLOG_COLUMNS=TotalAlloc,NumGC."

# That it is as likely as not says nothing.
awk 'BEGIN { print "# timestamp Alloc Sys"; for (i = 0; i < 60; i++) print 1700000000 + i, 130000 + i % 12 * 100000, 6701056 }' >teeth.log
report 0 teeth.log
says "Verdict: steady: Alloc comes down to about" "again and again (not sure)"

# --- the columns' numbers ------------------------------------------------------------------------
printf '# memlog 1 pid=1 start=2023-11-14T22:13:20Z interval=1s command="x"\n# timestamp Alloc Sys HeapObjects\n' >few.log
printf '1700000000 1048576 4194304 10\n1700000001 3145728 4194304 30\n1700000002 2097152 4194304 20\n' >>few.log
report 0 few.log
says "too short to tell: 3 samples in 2.0 s" "Alloc 1.0 MiB 2.2 MiB 3.0 MiB 3.0 MiB 2023-11-14 22:13:21 2.0 MiB" \
  "HeapObjects 10 22.50 30 30"

# Long names, moments, and times that are short.
printf '# memlog 1 pid=1 start=2023-11-14T22:13:20Z interval=1s command="x"\n' >wide.log
printf '# timestamp Alloc Sys BytesFreedExplicit FinalizersRegistered LastGC PauseLongestNs\n' >>wide.log
printf '%s 1 2 %s 7 %s %s\n' 1700000000 100 0 0 1700000001 200 1700000001000000000 433250 1700000002 300 1700000001000000000 2100000 >>wide.log
report 0 wide.log
grep -qx 'BytesFreedExplicit   from 100 B to 300 B, 100 B a second' out || fail "a long name: $(cat out)"
grep -qx 'LastGC               2023-11-14 22:13:21' out || fail "a moment: $(cat out)"
grep -qx 'FinalizersRegistered          7          7          7          7  2023-11-14 22:13:20          7' out || fail "a long name: $(cat out)"
says "PauseLongestNs 0 ns 741.6 us 2.1 ms 2.1 ms 2023-11-14 22:13:22 2.1 ms"
awk 'length > 105 { bad = 1 } END { exit bad }' out || fail "wider than its names: $(cat out)"
report 0 --to=@1700000000 wide.log
grep -qx 'LastGC               never' out || fail "no moment: $(cat out)"
report 0 -m wide.log
says "| LastGC | | | | | | 2023-11-14 22:13:21 |"

# --- what columns say together: objects grow and the bytes hide it; churn; collections -------------
awk 'BEGIN { print "# memlog 1 pid=1 start=2023-11-14T22:13:20Z interval=1s command=\"x\""
  print "# timestamp Alloc Sys HeapObjects TotalAlloc NumGC"
  for (i = 0; i < 900; i++) { g = i % 9 * 4000000
    printf "%d %d %d %d %.0f %d\n", 1700000000 + i, 100000000 + g + (i * 31) % 17 * 9000, 150000000,
      1000000 + 300 * i + g / 100, 9e7 * i, 2 * i }
}' >objects.log
report 1 objects.log
says "growing in number: HeapObjects grows (Alloc: steady)" "A leak by number: 1.08 million more objects" "Churn: 85.8 MiB" \
  "Pressure: 2.0 collections a second"
grep -q 'MEMLOG_COLUMNS' out && fail "columns are missed that are there: $(cat out)"

# late BEFORE OBJECTS BYTES: 200 seconds as it is, then 200 in which so many objects of so many bytes are added
# each second; what was there before is freed at the end.
late() {
  awk -v before="$1" -v n="$2" -v size="$3" 'BEGIN { print "# memlog 1 pid=1 start=2023-11-14T22:13:20Z interval=1s command=\"x\""
    print "# timestamp Alloc Sys HeapObjects"
    for (i = 0; i < 400; i++) { more = i < 200 ? 0 : n * (i - 200); alloc = 3500000 + i * 7919 % 50000
      printf "%d %d 90000000 %d\n", 1700000000 + i, alloc + more * size, before + more }
    printf "%d %d 90000000 %d\n# end reason=exit\n", 1700000000 + i, more * size, more }' >late.log
}
late 2000 800 48
report 1 late.log
says "A leak by number: 2.88 million more objects an hour, of about 48 B each."
late 2000 20 2000
report 1 late.log
says "A leak by number and size: 72000 more objects an hour, of about 2.0 KiB each"

# once LOG ALLOC TOTAL HEAPIDLE: at the 20th of 300 seconds 100 MB are freed, all but ALLOC; TOTAL more each second.
once() {
  awk -v alloc="$2" -v more="$3" -v idle="$4" 'BEGIN { print "# memlog 1 pid=1 start=2023-11-14T22:13:20Z interval=1s command=\"x\""
    print "# timestamp Alloc Sys TotalAlloc HeapIdle HeapReleased"
    for (i = 0; i < 300; i++)
      printf "%d %d 110000000 %.0f %d 1000000\n", 1700000000 + i, i < 20 ? 100000000 : alloc, 100000000 + more * i, i < 20 ? 1000000 : idle
  }' >"$1"
}
once freed.log 5000000 0 90000000
report 0 freed.log
says "Retained or fragmented: 104.0 MiB is held and at most 4.8 MiB of it was in use lately; up to 84.9 MiB could go back"
grep -q 'Churn' out && fail "what is allocated once is called churn: $(cat out)"
once pieces.log 5000000 0 3000000
report 0 pieces.log
says "Fragmented: 104.0 MiB is held and at most 4.8 MiB of it was in use lately;" "only 1.9 MiB could go back to the system"
report 0 --json pieces.log
says '"fragmented"'
# What is no longer resident is held by nobody.
awk '/^# t/ { print "# timestamp Alloc Sys RSS"; next } /^#/ { print; next } { print $1, $2, $3, $1 < 1700000020 ? 112000000 : 12000000 }' \
  freed.log >returned.log
report 0 returned.log
grep -q 'Retained' out && fail "what went back is called retained: $(cat out)"
awk '/^# t/ { print "# timestamp Alloc Sys RSS"; next } /^#/ { print; next } { print $1, $2, $3, 112000000 }' freed.log >resident.log
report 0 resident.log
says "Retained or fragmented: 104.9 MiB is held"
# So it is what a limit is compared with.
report 0 --limit=200MiB returned.log
says "The limit of 200.0 MiB (as said): RSS was at most 106.8 MiB, 53 % of it."
awk '/^# t/ { print "# timestamp Alloc Sys RSS"; next } /^#/ { print; next } { print $1, $2, $3, "-" }' freed.log >unknown.log
report 0 --limit=200MiB unknown.log
says "The limit of 200.0 MiB (as said): Sys was at most 104.9 MiB, 52 % of it."
report 0 -j unknown.log
says '"peak":null,"peak_time":null,"first":null,"last":null}'
once nothing.log 0 500000000 90000000
report 0 nothing.log
says "Churn: 476.8 MiB is allocated a second"
awk '!/^#/ { $2 = 0 } { print }' nothing.log >none.log
report 0 none.log
says "Churn: 476.8 MiB is allocated a second, and nearly nothing is in use"

# --- a process without memlog ---------------------------------------------------------------------
awk 'BEGIN { print "# memlog 1 pid=1 start=2023-11-14T22:13:20Z interval=1m command=\"x\""
  print "# timestamp rss pss swap"
  for (i = 0; i < 400; i++) printf "%d %d %d 0\n", 1700000000 + 60 * i, 2e8 + 5e4 * i, 1e8 + 5e4 * i + i % 7 * 4096 }' >resident.log
report 1 resident.log
says "growing: pss grows by 2.9 MiB per hour" "memlog run"

# --- runs: it grows, is killed, begins anew ----------------------------------------------------------
for from in 1700000000 1700100000 1700200000 1700300000; do
  line restarts.log 50000 400 "$from"
  test "$from" = 1700300000 || printf '# end reason=SIGKILL oom_kill=1\n\n' >>restarts.log
done
line restarts.log 0 12 1700400000
report 1 restarts.log
says "run 4 of 5" "The other runs: 1 too short to tell, 3 growing" "3 killed for lack of memory"
report 1 --run=2 restarts.log
says "run 2 of 5"
report 0 --run=last restarts.log
says "run 5 of 5" "too short to tell"
report 1 --run=all restarts.log
says "Run 1: 2023-11-14 22:13:20" "Run 5: "
report 2 --run=9 restarts.log
grep -qx 'memlog: restarts.log: there is no run 9 with samples: it has 5' err || fail "run 9: $(cat err)"

# Short ones that all rise a little. A line that is broken keeps its words apart, also short ones.
awk 'BEGIN { for (k = 0; k < 9; k++) { print "# memlog 1 pid=" k " start=2023-11-14T22:13:20Z interval=1s command=\"x\"\n# timestamp Alloc Sys"
  for (i = 0; i < 20; i++) print 1700000000 + k * 30 + i, 100000000 + i * 1000, 200000000; print "" } }' >brief.log
report 1 brief.log
says "growing, from restart to restart: Alloc grows by 3.4 MiB per hour in the middle one of the runs (half of them: 3.4 MiB to 3.4 MiB), with"

# --- marks and alerts; markdown --------------------------------------------------------------------
awk '/^1700000600/ { print "# mark re|load *now*" } { print }' grows.log >marked.log
report 1 marked.log
says "mark re|load *now*"
report 1 --markdown marked.log
says '**growing: Alloc grows by' '| column | least | mean | p95 | peak | at | last |' 'mark 2023-11-14 22:22:20 re\|load \*now\*'
grep -q '^| Alloc |' out || fail "no row of Alloc: $(cat out)"

# --- JSON ----------------------------------------------------------------------------------------------
report 1 --json --limit=1GiB marked.log
test "$(wc -l <out)" = 1 || fail "JSON of several lines"
says '"verdict":"growing","growing":true' '"limit":1073741824,"limit_source":"option"' '"samples":600' '"total":0' '"p95_error":0.002'
for key in file verdict growing confidence per_hour per_hour_low per_hour_high sentences findings missing_columns \
  run columns trends limit forecast runs restarts each_run marks alerts damage; do
  grep -qF "\"$key\":" out || fail "JSON without $key"
done
if command -v python3 >/dev/null; then
  cat >check.py <<'END'
import json
d = json.load(open("out"))
assert d["growing"] is True and d["verdict"] == "growing", d
assert abs(d["per_hour"] - 600000) < 30000 and d["per_hour_low"] <= d["per_hour"] <= d["per_hour_high"], d["per_hour"]
alloc = d["columns"][0]
assert alloc["name"] == "Alloc" and alloc["unit"] == "bytes" and alloc["min"] == 100000000, alloc
assert abs(alloc["p95"] / (100050000 + 10000 * 570) - 1) < 0.01, alloc
assert abs(d["forecast"]["seconds"] / 3600 - (2**30 - 135990000) / 600000) < 100, d["forecast"]
assert d["marks"] == [{"run": 1, "time": 1700000540.0, "text": "re|load *now*"}], d["marks"]
assert d["run"]["interval"] == 60 and d["restarts"] == 0
END
  python3 check.py >said 2>&1 || fail "JSON: $(tail -n 1 said)"
fi
printf '# memlog 1 pid=1 start=2023-11-14T22:13:20Z interval=1s command="q\377\\"\n# timestamp Alloc Sys\n1 2 3\n# mark \001"\\\377\n' >odd.log
report 0 -j odd.log
if command -v python3 >/dev/null; then
  python3 -c 'import json; json.load(open("out", encoding="utf-8"))' 2>said || fail "odd bytes: $(tail -n 1 said)"
fi

# --- damage, gaps ------------------------------------------------------------------------------------------
awk 'NR == 50 { print "170000?"; next } NR > 300 && NR < 400 { next } { print }' grows.log >damaged.log
report 1 damaged.log
says "1 gap, the longest 100 min"
grep -q '^memlog: damaged.log: ' err || fail "damage is not told: $(cat err)"
report 1 -j damaged.log 2>/dev/null
says '"gaps":1' '"damage":{"total":1,'

# --- a clock that learns the year in the middle -------------------------------------------------------------
awk '/^#/ || NR > 200 { print; next } { $1 -= 1690000000; print }' grows.log >year.log
report 1 year.log
says "growing: Alloc grows by 58" "(10.0 h): 600 samples"

# --- what can't be judged --------------------------------------------------------------------------------
: >empty.log
mkdir folder
report 2 empty.log
grep -qx 'memlog: empty.log: there is no sample in it' err || fail "empty: $(cat err)"
report 2 missing.log
grep -q '^memlog: missing.log: ' err || fail "missing: $(cat err)"
report 2 folder
test "$(wc -l <err)" = 1 || fail "folder: $(cat err)"
report 2 --from=@99 --to=@100 grows.log
grep -q 'no sample in that time' err || fail "outside: $(cat err)"
for wrong in --limit=lots --limit=0 --run=0 --run=x --from=never '--json --markdown' --no-such; do
  # shellcheck disable=SC2086 # several words on purpose
  report 2 $wrong grows.log
  test -s err || fail "$wrong: nothing is said"
done
report 2 grows.log steady.log
"$memlog" report grows.log >/dev/full 2>err
test $? = 2 || fail "a full disk: status is not 2"
"$memlog" report - <grows.log >out 2>err
test $? = 1 || fail "the standard input: $(cat out err)"
mkdir alone && cp steady.log alone/memory.log
(cd alone && "$memlog" report >../out 2>../err) || fail "without a name: $(cat err)"
says "memory.log, run 1 of 1"

# --- the samples' own logs --------------------------------------------------------------------------------
run_sample() { MEMLOG_FILE=$work/$1.log "$samples/$1" --seconds "$2" >"$1.said" 2>&1; }
for sample in leak_count leak_size churn plateau spike; do
  run_sample "$sample" 6 &
done
wait
# sample NAME STATUS WORDS...: all were run at the same time; once more, alone and for longer, where a
# busy machine left it too little to tell from.
sample() {
  for seconds in 15 30; do
    "$memlog" report "$1.log" 2>&1 | grep -q '^Verdict: too short to tell' || break
    rm -f "$1.log"
    run_sample "$1" "$seconds"
  done
  report "$2" "$1.log"
  shift 2
  says "$@"
}
sample leak_count 1 "Verdict: growing" "A leak by number"
sample leak_size 1 "Verdict: growing" "A leak by size"
sample churn 0 "Churn: " "Pressure: " # steady, or on a slow machine a plateau: it begins with nothing
sample plateau 0 "Verdict: plateau"
sample spike 0 "Verdict: spike"
# --- memory that is held and not used kills as well
awk 'BEGIN {
  print "# memlog 1 pid=4 start=2026-11-21T08:00:00Z interval=1s command=\"x\"\n# timestamp Alloc Sys HeapObjects\n# limit 2000000000"
  for (i = 0; i < 3600; i++)
    printf "%d %d %d 5000\n", 1794956363 + i, 50000000 + i * 7919 % 1000000, 90000000 + i * 100000
}' >"$work/held.log"
"$memlog" report "$work/held.log" >"$work/said"
test $? -eq 1 || fail "Sys that grows beside a flat Alloc is no reason to worry"
for words in 'growing: Sys grows by 343' 'Retained or fragmented' 'reaches the limit of 1.9 GiB'; do
  grep -q "$words" "$work/said" || fail "Sys that grows: not '$words' in: $(cat "$work/said")"
done
grep -qi 'leak' "$work/said" && fail "Sys that grows is called a leak: $(cat "$work/said")"

# --- a part of a pipe: what must be looked for first cannot be
cat "$work/held.log" | "$memlog" report --from @1794958000 - >"$work/said" 2>&1
grep -q ': 1963 samples' "$work/said" || fail "a part of a pipe: $(cat "$work/said")"
cat "$work/held.log" | "$memlog" report --from +1h - >"$work/said" 2>&1
test $? -eq 2 || fail "a moment was looked for in a pipe"
grep -q 'read once: name a file' "$work/said" || fail "a pipe: $(cat "$work/said")"
"$memlog" report --from -599s - <"$work/held.log" >"$work/said" 2>&1
grep -q '^standard input' "$work/said" && grep -q ' 600 samples' "$work/said" || fail "the end of a file that is the standard input: $(cat "$work/said")"

# --- what a log says is text, whatever a terminal, a page or a parser would do with it
printf '# memlog 1 pid=4 start=2026-11-21T08:00:00Z interval=1s command="a\302\23331m\033[31m|<b>\377\342\200\256"\n' >"$work/escape.log"
printf '# timestamp Alloc Sys\n1294926363 1 2\n# mark m\302\233|<b>\033\342\201\247\n1294926364 1 2\n# end reason=r\302\233\n' >>"$work/escape.log"
for form in --json --markdown --run=last; do
  "$memlog" report $form "$work/escape.log" >"$work/said" || fail "$form of a log with escapes ended with $?"
  LC_ALL=C grep -q "$(printf '\302\233\|\033\|\342\200\256\|\342\201\247')" "$work/said" && fail "$form lets escapes of the log's through"
  LC_ALL=C grep -q "$(printf '\377')" "$work/said" && fail "$form lets through what is no UTF-8"
done
"$memlog" report --json "$work/escape.log" | grep -qF 'a\u009b31m\u001b[31m|<b>\ufffd\u202e' || fail "the command in JSON"
finish
