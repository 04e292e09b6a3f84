#!/bin/sh
# SPDX-License-Identifier: MIT
# test_api_kill.sh - a program that samples a thousand times a second is killed
# at random moments, sixty times or five hundred, with the same log: every line
# in it is whole, or is the last one of a run and marked as cut by the next.
# Two such chains go on side by side, each with a log and half of the kills.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
sample=$top_builddir/samples/workload
test -x "$sample" || { echo "$sample is not there"; exit 77; }
sample=$(cd "$(dirname "$sample")" && pwd)/workload

MEMLOG_FILE=memory.log
MEMLOG_INTERVAL=1ms
export MEMLOG_FILE MEMLOG_INTERVAL
rounds=30 longest=50 # milliseconds
test "$full" = 0 || rounds=250 longest=150

headers() { grep -c '^# memlog 1 pid=' memory.log 2>/dev/null; }

# kill_once ROUND: as soon as the run has a header, and some time.
kill_once() {
  "$sample" --seconds 100 >/dev/null 2>said &
  pid=$!
  waited=0
  while [ "$(headers)" != "$1" ]; do
    waited=$((waited + 1))
    if [ "$waited" -gt 3000 ] || ! kill -0 "$pid" 2>/dev/null; then
      kill -9 "$pid" 2>/dev/null
      fail "round $1 has written no header: $(cat said)"
      return 1
    fi
    sleep 0.01
  done
  random=$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')
  sleep "0.$(printf '%03d' $((random % longest)))"
  kill -9 "$pid"
  wait "$pid" 2>/dev/null
  test $? -eq 137 || fail "round $1 was not killed, but ended: $(cat said)"
}

judge_log() {
  test "$(headers)" = $((rounds + 1)) || fail "$(headers) headers, not $((rounds + 1))"
  test "$(tail -n 1 memory.log)" = '# end reason=exit' || fail "at the end: $(tail -n 1 memory.log)"
  awk '/ \?$/ { cut++; next }
    /^# (memlog 1 pid=[0-9]+ start=[-0-9T:]+Z interval=1ms |timestamp Alloc Sys$|mark |end reason=|limit [0-9]+$|lost [0-9]+)/ { next }
    /^$/ { blank++; next }
    NF == 3 && $1 ~ /^[0-9]+\.[0-9]+$/ && $2 ~ /^[0-9]+$/ && $3 ~ /^[0-9]+$/ && $2 <= $3 + 0 { samples++; next }
    { print "line " NR ": " $0; bad = 1 }
    END {
      print samples " samples, " cut + 0 " lines cut"
      if (blank != '"$rounds"') { print blank " blank lines, not '"$rounds"'"; bad = 1 }
      if (samples < 3 * '"$rounds"') { print "few samples"; bad = 1 }
      exit bad
    }' memory.log || fail "the log has other lines"
}

# chain NAME: in a folder of that name, and to the end.
chain() {
  trap - EXIT
  trap 'kill -9 $pid; exit 99' TERM
  mkdir "$work/$1" && cd "$work/$1" || exit 99
  round=1 pid=
  while [ "$round" -le "$rounds" ]; do
    kill_once "$round" || finish
    round=$((round + 1))
  done
  # One more, to its end: it sets right what the last kill has cut.
  "$sample" --seconds 1 >/dev/null 2>said || fail "the last run ends with $?: $(cat said)"
  judge_log
  finish
}

trap 'kill $chains 2>/dev/null; rm -rf "$work"' EXIT
chains=
for name in left right; do
  chain $name &
  chains="$chains $!"
done
for one in $chains; do
  wait "$one" || fail "see above"
done
finish
