#!/bin/sh
# SPDX-License-Identifier: MIT
# test_profile_dumps.sh - profiles that nobody asks for while the program runs: at its end,
# of its peak, at a signal; and what is said when they can't be written.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
preload=$top_builddir/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
cd "$work" || exit 99
$CC -g -O1 -fno-builtin -I"$top_srcdir/src/api" "$top_srcdir/tests/prog_profile.c" -o prog || exit 99

# live FILE: bytes in use, of a text profile's head.
live() { sed -n '1s/^heap profile: [0-9]*: \([0-9]*\) .*/\1/p' "$1"; }
# run ARGUMENTS...: with every allocation in the profile, until the child it leaves has ended.
run() {
  { MEMLOG_PROFILE_RATE=1 LD_PRELOAD=$preload ./prog "$@"; echo $? >status; } | cat
  return "$(cat status)"
}

# --- at exit, and of the peak; the directory is that of the start -------------------
MEMLOG_PROFILE_FILE=of.%e.txt run spike of.prog.txt.peak 2>said || fail "spike: $?"
test ! -s said || fail "spike says $(cat said)"
test -f of.prog.txt || fail "no profile at exit: $(ls)"
test "$(live of.prog.txt.peak)" -ge $((60 << 20)) || fail "the peak is $(live of.prog.txt.peak)"
# 100 objects of the leak are left. A forked child that ended before has left none behind.
test "$(live of.prog.txt)" -ge 300000 || fail "at exit: $(live of.prog.txt)"
test "$(live of.prog.txt)" -lt $((1 << 20)) || fail "at exit: $(live of.prog.txt)"
ls ./*.part >/dev/null 2>&1 && fail "something unfinished is left: $(ls)"

# With the process's number in it the child has one, too.
MEMLOG_PROFILE_FILE=each.%p.heap run spike 2>said || fail "spike: $?"
test "$(find . -name 'each.*.heap' | wc -l)" = 2 || fail "not one for each process: $(ls)"
for file in each.*.heap; do
  gzip -t <"$file" || fail "$file is no gzip file"
done

# So has a child of a thread, which goes on upon that thread's stack.
MEMLOG_PROFILE_FILE=forked.%p.heap run forked 2>said || fail "forked: $? $(cat said)"
test "$(find . -name 'forked.*.peak' | wc -l)" = 1 || fail "no peak of a thread's child: $(ls)"

# A signal while another profile is written (to who reads it late) is answered when that is done.
mkfifo asked.peak.part
MEMLOG_PROFILE_SIGNAL=USR2 MEMLOG_PROFILE_RATE=1 MEMLOG_PROFILE_FILE=asked LD_PRELOAD=$preload \
  ./prog asked "$PWD/asked" >asked.out 2>said &
asker=$!
tries=0
until grep -q asked asked.out || test $((tries += 1)) -gt 100; do sleep 0.1; done
cat asked.peak.part >asked.got
wait $asker || fail "a signal while a peak was written is not answered: $(ls)"

# Without a name none comes at exit.
rm -f ./*.heap
run spike || fail "spike: $?"
test ! -e memlog.heap || fail "a profile nobody has asked for"

# --- at a signal --------------------------------------------------------------------------
answers_to() {
  rm -f ready memlog.heap
  mkfifo line
  MEMLOG_PROFILE_SIGNAL=$1 MEMLOG_PROFILE_RATE=1 LD_PRELOAD=$preload timeout 60 ./prog wait ready <line &
  exec 9>line
  rm line
  tries=0
  until test -e ready || test $((tries += 1)) -gt 500; do sleep 0.02; done
  # timeout's own signal would end the program with it.
  pid=$(child_of $!)
  kill -"$2" "$pid"
  tries=0
  until test -e memlog.heap || test $((tries += 1)) -gt 500; do sleep 0.02; done
  echo >&9
  exec 9>&-
  wait $! || fail "waiting for $1: $?"
  gzip -t <memlog.heap || fail "no whole profile at $1"
}
answers_to SIGUSR2 USR2
answers_to 10 USR1

# --- what can't be ---------------------------------------------------------------------------
MEMLOG_PROFILE_FILE=/nowhere/at.all run spike 2>said && grep -q '^memlog: .*/nowhere/at.all.*No such file' said ||
  fail "no directory: $(cat said)"
test "$(grep -c . said)" = 1 || fail "not one line: $(cat said)"
MEMLOG_PROFILE_FILE=a%q run spike 2>said && grep -q '^memlog: MEMLOG_PROFILE_FILE.*Invalid argument' said ||
  fail "a bad pattern: $(cat said)"
MEMLOG_PROFILE_SIGNAL=KILL run spike 2>said && grep -q '^memlog: MEMLOG_PROFILE_SIGNAL: "KILL" is not' said ||
  fail "no such signal: $(cat said)"
finish
