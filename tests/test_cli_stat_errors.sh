#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_stat_errors.sh - memlog stat: what can't be had, or can't be written, is said in one
# line, and the status is 125.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"
library=$(cd "$top_builddir" && pwd)/.libs

# refuses WORDS ARGUMENTS...: in one line, and prints nothing.
refuses() {
  said=$1
  shift
  expect 125 "$said" "$memlog" stat "$@"
  test "$(grep -c '^memlog: ' err)" = 1 && test "$(grep -c . err)" = 1 || fail "$*: not one line: $(cat err)"
  test ! -s out || fail "$*: prints $(cat out)"
}

# --- the words of the command --------------------------------------------------------------
expect 125 "which process?" "$memlog" stat
expect 125 "one process at a time" "$memlog" stat 1 2
expect 125 'memlog stat: --unit: "stones" is none of bytes, KiB, MiB, GiB, MB' "$memlog" stat --unit stones $$
expect 125 "--unit: JSON has bytes only" "$memlog" stat --unit MB --json $$
expect 125 '--watch: "soon" is not a time' "$memlog" stat --watch soon $$
expect 125 '--watch: "0" is not a time' "$memlog" stat --watch 0 $$
expect 125 "--count: with --watch TIME only" "$memlog" stat --count 3 $$
for count in 0 -1 many ""; do
  expect 125 "--count: \"$count\" is not a number from 1 on" "$memlog" stat --watch 1s --count "$count" $$
done
for word in abc 12a -1x 0 1.5 99999999999 ""; do
  refuses "\"$word\" is not the number of a process" -- "$word"
done
expect 0 "" "$memlog" stat --help
grep -q -e '--watch=TIME' out || fail "--help does not list its options"
"$memlog" --help | grep -q '^  stat ' || fail "memlog --help does not list it"

# --- the process -----------------------------------------------------------------------------
sleep 0 &
gone=$!
wait $gone
refuses "process $gone: there is no such process" $gone

# A zombie: what has become of the shell does not wait for its child.
sh -c 'sleep 0 & echo $! >zombie; exec sleep 60' &
parent=$!
dead() { zombie=$(cat zombie) && grep -q '^State:.Z' "/proc/$zombie/status"; }
until_true 60 dead || fail "no zombie"
refuses "it has ended (a zombie)" "$zombie"
kill $parent

# A thread of the kernel; in a container there is none.
kernel=$(ps -e -o pid=,comm= 2>/dev/null | awk '$2 == "kthreadd" { print $1 }')
test -z "$kernel" || refuses "it is a thread of the kernel" "$kernel"

# A thread that is not the first.
for task in /proc/[0-9]*/task/[0-9]*; do
  process=${task#/proc/}
  process=${process%%/*}
  test "$process" != "${task##*/}" || continue
  refuses "it is a thread of process $process" "${task##*/}"
  break
done

# One without memlog, one with another, one that ends in a moment.
sleep 60 &
program=$!
refuses "process $program: there is no memlog in it: start it with memlog run, or link it with memlog" $program
refuses "there is no memlog in it" --watch 10ms $program
kill $program
$CC -D_GNU_SOURCE -I"$top_srcdir/src/api" -o still "$top_srcdir/tests/prog_cli_still.c" -L"$library" -lmemlog || exit 99
LD_LIBRARY_PATH=$library ./still said end older &
program=$!
until_true 60 test -s said.extra
refuses "process $program: it has another version of memlog in it" $program
touch end
wait $program

# Another user's.
rm -f ready end
LD_PRELOAD=$library/libmemlog-preload.so "$act" alloc 1000 say ready wait end &
program=$!
until_true 60 test -e ready
if test "$(id -u)" = 0 && command -v setpriv >/dev/null; then
  (
    for_others
    setpriv --reuid=65534 --regid=65534 --clear-groups "$memlog" stat $program >other.out 2>other.err
    echo $? >other.status
  )
  test "$(cat other.status)" = 125 && test ! -s other.out || fail "another user's: $(cat other.status other.out)"
  test "$(cat other.err)" = "memlog: process $program: it is another user's: try sudo" || fail "another user's: $(cat other.err)"
fi

# --- the output -----------------------------------------------------------------------------------
# writes WORDS WHERE: the shell's words for where it goes.
writes() {
  for way in "" --json "--watch 10ms --count 3"; do
    sh -c "\"\$1\" stat $way \"\$2\" $2" sh "$memlog" $program 2>err
    status=$?
    test $status = 125 || fail "$way $2: status $status"
    test "$(cat err)" = "memlog: cannot write the statistics: $1" || fail "$way $2: $(cat err)"
  done
}
writes 'No space left on device' '>/dev/full'
writes 'Bad file descriptor' '>&-'
sh -c '(sleep 0.1; "$1" stat "$2" 2>err; echo $? >status) | true' sh "$memlog" $program
until_true 60 test -s status
test "$(cat status)" = 125 && test "$(cat err)" = 'memlog: cannot write the statistics: Broken pipe' ||
  fail "nobody reads: $(cat status err)"
touch end
wait $program || fail "the program is disturbed"
finish
