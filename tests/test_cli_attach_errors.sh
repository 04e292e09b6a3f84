#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_attach_errors.sh - memlog attach: what can't be attached to is said in one line,
# and what may be seen of others' processes is written.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

expect 125 "which process?" "$memlog" attach
expect 125 "one process at a time" "$memlog" attach 1 2
for word in abc 12a -1x 0 1.5 99999999999 ""; do
  expect 125 "is not the number of a process" "$memlog" attach -- "$word"
done
expect 125 "is not a time" "$memlog" attach -i soon $$
expect 125 "is not a time" "$memlog" attach --duration never $$
expect 125 "is not a size" "$memlog" attach --max-bytes many $$
expect 125 "cannot open none/x.log: No such file or directory" "$memlog" attach -o none/x.log $$
expect 125 '"%q" in the log' "$memlog" attach -o '%q.log' $$
expect 125 "no field is called Heap" "$memlog" attach --columns Heap $$
expect 0 "" "$memlog" attach --help
grep -q -e '--duration=TIME' out || fail "--help does not list its options"

# One that was there.
sleep 0 &
gone=$!
wait $gone
expect 125 "process $gone: there is no such process" "$memlog" attach $gone

# A zombie: what has become of the shell does not wait for its child.
sh -c 'sleep 0 & echo $! >zombie; exec sleep 60' &
parent=$!
dead() { zombie=$(cat zombie) && grep -q '^State:.Z' "/proc/$zombie/status"; }
until_true 60 dead || fail "no zombie"
expect 125 "it has ended (a zombie)" "$memlog" attach "$zombie"
kill $parent

# A thread of the kernel; in a container there is none.
kernel=$(ps -e -o pid=,comm= 2>/dev/null | awk '$2 == "kthreadd" { print $1 }')
test -z "$kernel" || expect 125 "it is a thread of the kernel" "$memlog" attach "$kernel"

# A thread that is not the first.
for task in /proc/[0-9]*/task/[0-9]*; do
  process=${task#/proc/}
  process=${process%%/*}
  test "$process" != "${task##*/}" || continue
  expect 125 "it is a thread of process $process" "$memlog" attach "${task##*/}"
  break
done

# Another user's: what everybody may see, and words of what is missing.
if test "$(id -u)" = 0 && command -v setpriv >/dev/null; then
  for_others
  sleep 60 &
  program=$!
  expect 0 "only rss is known (try sudo)" setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$memlog" attach -q -i 10ms -o rss.log --duration 50ms $program
  test "$(sed -n 2p rss.log)" = '# timestamp rss pss swap' || fail "columns: $(sed -n 2p rss.log)"
  awk '!/^#/ { n++; if ($2 < 100000 || $3 != "-" || $4 != "-" || NF != 4) exit 1 }
       END { exit n < 2 }' rss.log || fail "lines: $(cat rss.log)"
  kill $program
fi
ls memory.*.log >/dev/null 2>&1 && fail "a log is left of what failed: $(ls memory.*.log)"
finish
