#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_export_json.sh - memlog export as JSON, by another's decoder: an object a line, samples as the log
# has them, events with what they say, and text of any bytes.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
need jq jq
cd "$work" || exit 99
memlog=$top_builddir/memlog

# is WHAT FILTER WANTED: what jq makes of all objects in out.
is() {
  got=$(jq -c -s "$2" out 2>&1)
  test "$got" = "$3" || fail "$1: $got, not $3"
}

{
  printf '# memlog 1 pid=42 start=2026-11-21T08:00:00Z interval=250ms command="./a \\"b\\" \\\\c \303\244 \377"\n'
  printf '# timestamp Alloc Sys GCCPUFraction TotalAlloc\n'
  printf '# mark before all\n'
  printf '1795248000.000 10 20 1.5e-05 9007199254740993\n'
  printf '# mark tab\there "quoted" back\\slash \001 \303\244 \360\237\230\200 \377 \355\240\200 <b>\n'
  printf '# limit 62914560\n'
  printf '# gc 7 end=1795248000.123456 how=along why=paced before=123 live=45 pauses=2\n'
  printf '1795248000.250 11 20 0 18446744073709551615\n'
  printf '# alert alloc>10MiB 11\n'
  printf '# lost 17 samples (No space left on device)\n'
  printf '# what=ever this is\n'
  printf '# end reason=SIGKILL oom_kill=1\n'
  printf '\n# memlog 1 pid=43 start=2026-11-21T08:00:10Z interval=1s\n'
  printf '# timestamp rss pss swap\n'
  printf '1795248010 8388608 - 0\n'
  printf '# end reason=exit\n'
} >all.log
"$memlog" export -f json all.log >out 2>err || fail "ends with $?: $(cat err)"
test "$(wc -l <out)" = "$(jq -c . out | wc -l)" || fail "not an object a line: $(cat out)"
is "samples" '[.[] | select(.event == null) | del(.TotalAlloc)] == [
  {"time":1795248000.000,"run":1,"Alloc":10,"Sys":20,"GCCPUFraction":1.5e-05},
  {"time":1795248000.25,"run":1,"Alloc":11,"Sys":20,"GCCPUFraction":0},
  {"time":1795248010,"run":2,"rss":8388608,"pss":null,"swap":0}]' true
# Numbers that jq's doubles don't hold are looked at as text.
grep -q '"TotalAlloc":9007199254740993}' out || fail "2^53 + 1: $(cat out)"
grep -q '"TotalAlloc":18446744073709551615}' out || fail "2^64 - 1: $(cat out)"
is "runs" '[.[] | select(.event == "run") | [.time, .run, .pid, .start, .interval]]' \
  '[[null,1,42,"2026-11-21T08:00:00Z",0.25],[null,2,43,"2026-11-21T08:00:10Z",1]]'
is "a command" '.[0].command == "./a \"b\" \\c \u00e4 \ufffd"' true
is "marks" '[.[] | select(.event == "mark") | [.time, .text]] == [[null, "before all"],
  [1795248000, "tab\there \"quoted\" back\\slash \u0001 \u00e4 \ud83d\ude00 \ufffd \ufffd\ufffd\ufffd <b>"]]' true
is "a limit" '[.[] | select(.event == "limit") | .bytes]' '[62914560]'
is "a collection" '[.[] | select(.event == "gc") | del(.time)]' \
  '[{"run":1,"event":"gc","number":7,"end":1795248000.123456,"how":"along","why":"paced","before":123,"live":45,"pauses":2}]'
is "an alert" '[.[] | select(.event == "alert") | .text]' '["alloc>10MiB 11"]'
is "lost samples" '[.[] | select(.event == "lost") | .samples]' '[17]'
is "another comment" '[.[] | select(.event == "comment") | .text]' '["what=ever this is"]'
is "ends" '[.[] | select(.event == "end") | [.time, .reason, .oom_kill]]' \
  '[[1795248000.25,"SIGKILL",true],[1795248010,"exit",false]]'

# --- a range has what happened in it, and says of which run ------------------------------------------
"$memlog" export -f json --from @1795248000.25 --to @1795248000.25 all.log >out 2>err || fail "a range: $(cat err)"
is "a range" '[.[] | .event // "sample"]' '["run","sample","alert","lost","comment","end"]'
is "the range's run" '.[0] | [.time, .pid]' '[null,42]'
"$memlog" export -f json --from @1795248010 all.log >out 2>err || fail "a range: $(cat err)"
is "the last run" '[.[] | .event // "sample"]' '["run","sample","end"]'

# --- columns, times -----------------------------------------------------------------------------------
"$memlog" export -f json -c swap,Sys --time iso all.log >out 2>err || fail "columns: $(cat err)"
is "columns and times" '[.[] | select(.event == null)] | [.[0], .[2]]' \
  '[{"time":"2026-11-21T08:00:00.000Z","run":1,"Sys":20},{"time":"2026-11-21T08:00:10Z","run":2,"swap":0}]'

# --- numbers that no JSON has, in a log that something else wrote --------------------------------------
printf '# timestamp Alloc Sys a"b\n1795248000 007 +8 .5\n' >odd.log
"$memlog" export -f json odd.log >out 2>err || fail "odd numbers: $(cat err)"
is "odd numbers" '.[1] | del(.time, .run)' '{"Alloc":7,"Sys":8,"a\"b":0.5}'

printf '# memlog 1 pid=-5 start=x interval=1s command="x"\n# timestamp Alloc Sys\n1795248000 1 2\n' >odd.log
"$memlog" export -f json odd.log >out 2>err || fail "an odd pid: $(cat err)"
is "an odd pid" '.[0].pid' -5

# --- names that the objects have already, and names twice: each key is there once ------------------------
printf '# timestamp Alloc Sys time run event time_ Alloc\n1795248000 1 2 3 4 5 6 7\n' >names.log
printf '# gc 7 time=9 run=3 number=4 live=1 live=2\n' >>names.log
"$memlog" export -f json names.log >out 2>err || fail "names: $(cat err)"
tail -n 2 out >got
cat >wanted <<'END'
{"time":1795248000,"run":1,"Alloc":1,"Sys":2,"time_":3,"run_":4,"event_":5,"time__":6}
{"time":1795248000,"run":1,"event":"gc","number":7,"time_":9,"run_":3,"live":1}
END
cmp -s got wanted || fail "names: $(cat got)"

# --- damage -----------------------------------------------------------------------------------------------
{ head -c 60000 "$memlog"; echo; cat all.log; head -c 60000 "$memlog"; } >damaged.log
"$memlog" export -f json damaged.log >out 2>err || fail "a damaged log: $(cat err)"
grep -q damaged.log err || fail "damage is not told: $(cat err)"
jq . out >/dev/null 2>err || fail "a damaged log's JSON: $(cat err)"
is "what is left of it" '[.[] | select(.event == null and .Alloc == 11)] | length' 1
finish
