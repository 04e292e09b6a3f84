#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_core.sh - memlog core says of a dead process what it said of itself before, of both doors
# and of all ways to link, with its files and without; and of files that are none, what is wrong.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/core_common.sh"

# same WHAT ARGUMENTS...: the numbers are those in last.json.
same() {
  said=$1
  shift
  "$memlog" core --json "$@" >json 2>err || fail "$said: status $?: $(cat err)"
  test ! -s err || fail "$said: $(cat err)"
  printf '\n' | cat last.json - | cmp - json || fail "$said: not the numbers that it died with"
}
# refused WHAT WORDS ARGUMENTS...: one line that says them, and status 125.
refused() {
  said=$1 words=$2
  shift 2
  "$memlog" core "$@" >out 2>err </dev/null
  status=$?
  test "$status" = 125 || fail "$said: status $status: $(cat out err)"
  grep -qF -e "$words" err || fail "$said: not \"$words\" but: $(cat err)"
  test "$(wc -l <err)" = 1 || fail "$said: not one line: $(cat err)"
  test ! -s out || fail "$said: $(cat out)"
}

# --- every way that memlog gets into a program ----------------------------------------------------
libs="-L$top_builddir/.libs -lmemlog"
archive=$top_builddir/.libs/libmemlog.a
# shellcheck disable=SC2086 # several words
stats_program linked -DLINKED -g $libs || fail "cannot link"
stats_program plain -ldl
stats_program not_pie -DLINKED -no-pie "$archive" -ldl
stats_program static -DLINKED -static -Wl,--gc-sections "$archive" -ldl 2>/dev/null || rm -f static
for program in not_pie static; do
  test ! -x "$program" || { cp "$program" "$program.stripped" && strip "$program.stripped"; }
done
preload=
for program in linked not_pie not_pie.stripped static static.stripped; do
  test -x "$program" || continue
  dies "./$program" 5 say last abort || { fail "$program: no core file: $(cat said)"; continue; }
  same "$program" "$core"
  mv "$program" gone # the core file has all that is needed
  same "$program, which is gone" "$core"
  same "$program elsewhere" "$core" ./gone
  mv gone "$program"
  "$memlog" core --check "$core" >out 2>err || fail "$program: $(cat out err)"
done
preload=$top_builddir/.libs/libmemlog-preload.so
dies ./plain 5 say last abort || fail "plain: no core file: $(cat said)"
same "the plain door" "$core"
"$memlog" core --check "$core" >out 2>err || fail "plain: $(cat out err)"
preload=

# --- what it prints -----------------------------------------------------------------------------------
dies ./linked 5 say last abort
"$memlog" core "$core" >out 2>err || fail "status $?: $(cat err)"
sed -n 1p out | grep -q "^$core: process $pid (./linked 5 say last abort), signal SIGABRT, [0-9]* threads\$" ||
  fail "the first line: $(sed -n 1p out)"
grep -q '^Alloc: [0-9.]* MiB$' out && grep -q '^DebugGC: false$' out || fail "the numbers: $(cat out)"
! grep -q -e LargeMallocs -e BySize out || fail "more than was asked for"
"$memlog" core --all --unit bytes "$core" >out || fail "--all"
grep -q -e '^RSS' -e '^CgroupLimit' out && fail "what nobody knows: $(cat out)"
grep -q '^LogSamples: 0$' out && grep -q '^LargeMallocs: [1-9]' out || fail "--all: $(cat out)"
alloc=$(sed -n 's/.*"Alloc":\([0-9]*\),.*/\1/p' last.json)
grep -q "^Alloc: $alloc bytes\$" out || fail "--unit bytes: $(sed -n 1,3p out), not $alloc"
"$memlog" core --json --all "$core" >json && grep -q '^{"memstats":{"Alloc":.*,"memlog":{.*}}$' json ||
  fail "--json --all: $(cat json)"
"$memlog" core --spans "$core" >out || fail "--spans"
objects=$(sed -n 's/.*"HeapObjects":\([0-9]*\),.*/\1/p' last.json)
tail -n 1 out | grep -q "^$objects objects in [0-9]* spans: " || fail "--spans: $(tail -n 1 out), not $objects"
awk 'NR > 1 && $1 ~ /^([0-9]+|large)$/ { sum += $(NF - 5) } END { exit sum != '"$objects"' }' out ||
  fail "--spans: the lines' objects are not $objects: $(cat out)"
dies env MEMLOG_PROFILE_RATE=1 ./linked 5 say last abort
"$memlog" core --top=3 "$core" >out || fail "--top"
test "$(grep -c '^  0x' out)" = 3 || fail "--top=3: $(cat out)"
! test -f "$top_builddir/.libs/memlog-tools.so" || grep -q ' mix < ' out || fail "--top: no stacks: $(cat out)"
"$memlog" core "$core" >/dev/full 2>err
test $? = 125 && grep -q 'cannot write' err || fail "a full disk: $(cat err)"

# --- the profile -----------------------------------------------------------------------------------------
if test -f "$top_builddir/.libs/memlog-tools.so"; then
  "$memlog" core --profile heap.pb.gz "$core" || fail "--profile"
  "$memlog" collapse heap.pb.gz >stacks || fail "collapse: $?"
  grep -q ';mix\(;[^;]*\)* [0-9]*$' stacks || fail "stacks: $(cat stacks)"
  refused "a folder that is not there" 'cannot write nowhere/heap' --profile nowhere/heap "$core"
  cp "$core" again
  refused "over the core file" 'cannot write again: it is the core file' --profile again again
  cmp -s "$core" again || fail "the core file was written over"
  dies env MEMLOG_PROFILE_RATE=0 ./linked 5 abort
  refused "no profile" 'no heap profile' --profile heap.pb.gz "$core"
fi

# --- what it died of: with an address where there is one --------------------------------------------------
# died WORDS COMMAND...
died() {
  words=$1
  shift
  dies "$@" || { fail "$*: no core file: $(cat said)"; return; }
  "$memlog" core "$core" >out 2>err
  sed -n 1p out | grep -q ", $words, [0-9]* thread" || fail "not \"$words\" but: $(sed -n 1p out) $(cat err)"
}
cat >faults.c <<'EOF'
#include <signal.h>
#include <stdlib.h>
#include "memlog.h"

int main(int argc, char **argv)
{
    void *volatile kept = memlog_malloc(100);
    switch (kept == NULL || argc != 2 ? 0 : argv[1][0]) {
    case 'n':
        *(volatile int *)argv[argc] = 1;
        break;
    case 'f':
        *(volatile int *)0x123450 = 1;
        break;
    case 'b':
        *(volatile int *)((1UL << 63) + (unsigned long)kept) = 1;
        break;
    default:
        raise(SIGSEGV);
    }
    return 0;
}
EOF
# shellcheck disable=SC2086 # several words
$CC -O1 -I"$top_srcdir/src/api" faults.c -o faults $libs || fail "cannot link"
died 'signal SIGSEGV at 0x0' ./faults null
died 'signal SIGSEGV at 0x123450' ./faults far
died 'signal SIGSEGV' ./faults beyond
died 'signal SIGSEGV' ./faults sent

# --- what is wrong -----------------------------------------------------------------------------------------
refused "no file" 'No such file' nowhere
refused "a folder" 'directory' .
mkfifo pipe
refused "a pipe" 'a pipe' pipe
refused "a program" 'no core file, but a program' ./linked
echo words >words
refused "words" 'no core file' words
dies /bin/sh -c 'kill -ABRT $$' || fail "sh has no core file"
refused "without memlog" 'no memlog in the process' "$core"
for arguments in '' 'a b c' '--top=0 a' '--find-refs=x a' '--spans --check a' '--json --spans a' '--unit=x a' \
  '--all --spans a' '--unit=MB --top a' '--limit=3 a' '--depth=3 --top a' '--json --unit=MB a' '--whereis=-1 a'; do
  # shellcheck disable=SC2086 # several words
  "$memlog" core $arguments >out 2>err && fail "'$arguments' is taken"
  grep -q '^memlog core: ' err || fail "'$arguments': $(cat err)"
done

# --- cut short ---------------------------------------------------------------------------------------------
dies ./linked 5 say last abort
cp "$core" whole
size=$(wc -c <whole)
for part in 1 2 5 10 20 30 40 50 60 70 80 90 95 99; do
  head -c $((size / 100 * part)) whole >shorter
  for what in --json --check --spans --find-refs=0x7f0000000000; do
    "$memlog" core "$what" shorter >out 2>err
    status=$?
    test "$status" -le 125 || fail "$part %: $what ends with $status"
    grep -q 'cut short' err || fail "$part %: $what says nothing of it: $(cat err)"
    test "$what" != --json || test ! -s out || printf '\n' | cat last.json - | cmp -s - out ||
      fail "$part %: numbers that are not right"
  done
done

# Without the pages that ELF headers are in they are read from the files.
# shellcheck disable=SC2016 # the inner shell's
dies /bin/sh -c 'echo 0x23 >/proc/self/coredump_filter; exec ./linked 5 say last abort'
same "without headers" "$core"
mkdir lib && cp "$top_builddir/.libs/libmemlog.so.0" lib/ && dies env LD_LIBRARY_PATH="$work/lib" /bin/sh -c \
  'echo 0x23 >/proc/self/coredump_filter; exec ./linked 5 say last abort'
rm -r lib
refused "without headers and files" 'its headers are not in the core' "$core"

# --- overwritten --------------------------------------------------------------------------------------------
# Eight bytes of nonsense at a time, anywhere in what the process wrote.
seed=1
for round in $(seq 1 "$((full == 0 ? 60 : 300))"); do
  cp whole spoilt
  for hole in 1 2 3 4 5 6 7 8; do
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    printf '\377\377\377\377\377\377\377\177' |
      dd of=spoilt bs=8 seek=$((seed % (size / 8))) conv=notrunc 2>/dev/null
  done
  for what in --json --check --spans --top=3; do
    timeout 60 "$memlog" core "$what" spoilt >out 2>err </dev/null
    status=$?
    test "$status" -le 125 && test "$status" != 124 || fail "spoilt $round: $what ends with $status: $(cat err)"
  done
done
finish
