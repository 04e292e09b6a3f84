#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317 # what is looked at is called by its name
# test_gdb_heap.sh - memlog spans, whereis, top and check in gdb: what is where, how much of it, and
# that the heap is in order; in live processes and in core files, of both doors.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"
. "$top_srcdir/tests/gdb_heap_common.sh"
MEMLOG_PROFILE_RATE=1
export MEMLOG_PROFILE_RATE

# --- what is asked --------------------------------------------------------------------

# asked ARGUMENTS...: all there is to ask.
asked() {
  set -- "$@" -ex 'echo == spans\n' -ex 'memlog spans' -ex 'echo == top\n' -ex 'memlog top -limit 3' \
    -ex 'echo == check\n' -ex 'memlog check'
  for place in $(objects); do
    set -- "$@" -ex "echo == ${place%=*}\\n" -ex "memlog whereis ${place#*=}"
  done
  with_memlog "$@" -ex 'echo == end\n'
}

# numbers: the totals are the program's own statistics, and the rows those of its sizes.
numbers() {
  for statistic in HeapSys HeapInuse HeapIdle HeapAlloc HeapObjects; do
    value=$(sed -n "s/^$statistic //p" planted)
    section spans | grep -q "^total: .*$statistic $value\\(,\\|\$\\)" ||
      fail "$what: $statistic is $value, and spans says: $(section spans)"
  done
  section spans | grep 'the statistics say' && fail "$what: spans does not agree with itself"
  sed -n 's/^live //p' planted | sort -n >live.program
  section spans | awk '$1 ~ /^[0-9]+$/ && $4 > 0 { objects[$1] += $4 }
    END { for (size in objects) print size, objects[size] }' | sort -n >live.spans
  cmp -s live.program live.spans ||
    fail "$what: sizes: $(diff live.program live.spans) $(section spans)"
  section spans | awk '$1 ~ /^[0-9]+$/ && $4 * $1 * 100 / $7 - $8 > 0.06 { exit 1 }' ||
    fail "$what: fill: $(section spans)"
}

# is NAME WORDS...: whereis says these of it.
is() {
  name=$1
  shift
  for words in "$@"; do
    section "$name" | grep -q -e "$words" || fail "$what: $name: not \"$words\" but: $(section "$name") $(cat err)"
  done
}

places() {
  kind=$1
  is small "^$(address small) is an allocated object of 48 bytes, $kind\$" \
    '^span [0-9]*: at 0x[0-9a-f]*, 1 page, 170 slots of 48 bytes, [0-9]* of them free$'
  is small_inside "^$(address small_inside) is 17 bytes in an allocated object of 48 bytes, $kind at $(address small)\$"
  is in_span "is a free slot of 96 bytes, $kind\$" '^it is free in its span$'
  is in_magazine "is a free slot of 96 bytes, $kind\$" "^it waits in the magazine of $(thread main)\$"
  is tail 'is in no object: in the rest of a span, 28 bytes behind the last slot'
  is large "^$(address large) is a large object of 303104 bytes, $kind\$" '^span [0-9]*: at 0x[0-9a-f]*, 37 pages$'
  is large_inside "is 123456 bytes in a large object of 303104 bytes, $kind at $(address large)"
  is large_rest "is 300000 bytes in a large object of 303104 bytes"
  is free_run 'is in a run of pages that is free$' '^span [0-9]*: at 0x[0-9a-f]*, [0-9]* pages$'
  is reserved 'is in memory that is reserved for the heap and not in use yet'
  is mapped 'is in memory that is neither'
  is data "is in the data of $file: kept + 56\$"
  is code "is in what is only read of .*$file: allocated_here\$"
  is own_data "is in the thread-local storage of $(thread main): $file, own_data + 8\$"
  is thread_data "is in the thread-local storage of $(thread thread): $file, own_data + 16\$"
  is thread_stack "is in the stack of $(thread thread), frame #[0-9]* stand\$"
  is small '^it is sampled, and was allocated by allocated_here < '
  section top | grep -q '< main' || fail "$what: top: $(section top)"
}

of_collected() {
  places scan
  is noscan 'is an allocated object of 112 bytes, noscan$'
  is large_noscan 'is a large object of 204800 bytes, noscan$'
  is uncollectable 'is an allocated object of 112 bytes, uncollectable$'
  is typed 'is an allocated object of 32 bytes, typed$' '^its type is number [0-9]*, of 16 bytes$'
  is finalized '^it has a finalizer: finalizer$' \
    "^there is a weak reference to it, at $(address weak), which does not keep it alive\$"
  is weak "^it is a weak reference to $(address finalized)\$"
  is added 'is in the added root range at 0x[0-9a-f]*, + 50$'
  largest 303104 "$(address large)"
  section top | grep -q '^uncollectable  *1  *112 ' || fail "$what: kinds: $(section top)"
}
of_plain() {
  places uncollectable
  largest 303104 "$(address large)"
}
largest() {
  section top | sed -n '/^the biggest/,/^[a-z]/p' | sed -n 3p | grep -q "^$1 .* $2\$" ||
    fail "$what: the biggest object: $(section top)"
}

checks_out() {
  section check | grep -q "^the heap is in order: [0-9]* spans in use, $(sed -n 's/^HeapObjects //p' planted) objects\$" ||
    fail "$what: check: $(section check) $(cat err)"
}

# look WHAT PROGRAM CHECK KIND: attached, in gdb's core file, and in the kernel's.
look() {
  what=$1 file=$2 check=$3
  planted "$file" plant wait go abort || return
  with_memlog -p $pid -ex 'set memlog unit MiB' -ex 'memlog spans' -ex 'memlog top'
  says "HeapSys $(sed -n 's/^HeapSys //p' planted | awk '{ printf "%.2f", $1 / 1048576 }') MiB,"
  says "large objects, $4: 1, 0.29 MiB"
  grep -q '^ *0.29 MiB  *[a-z]*  *0x' out || fail "$what: top in MiB: $(cat out)"
  asked -p $pid -ex 'generate-core-file made.core'
  numbers; checks_out; $check
  what="$1, gdb's core file"
  asked "$file" made.core
  numbers; checks_out; $check
  touch go
  { wait $pid; } 2>/dev/null
  test "$kernel_cores" = 1 || { echo "$what: core files go elsewhere here"; return; }
  what="$1, the kernel's core file"
  core_of $pid || { fail "$what: there is none"; return; }
  asked "$file" "$core"
  numbers; checks_out; $check
}

ulimit -f 4194304 # as in test_gdb_mstat.sh
MALLOC_ARENA_MAX=1
export MALLOC_ARENA_MAX
with=
compiled shared prog_gdb_heap.c -DLINKED -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
look "linked with the shared library" shared of_collected scan
archive=$top_builddir/.libs/libmemlog.a
if test -f "$archive"; then
  if compiled static prog_gdb_heap.c -DLINKED -static "$archive" 2>said; then
    look "static" static of_collected scan
  else
    echo "no static program here: $(head -n 1 said)"
  fi
fi
with=$preload
compiled plain prog_gdb_heap.c || fail "cannot link"
look "preloaded" plain of_plain uncollectable

# --- a large heap, and an end of it by Ctrl-C ---------------------------------------------------
mib=40
test "$full" = 0 || mib=1024
with="" what="a list of $mib MiB"
unset MEMLOG_PROFILE_RATE
cat >large.py <<'END'
import resource, time
def timed(command):
    began, most = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = gdb.execute(command, to_string=True)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most >> 10
    print("%s: %.1f s, %d MiB more" % (command, time.monotonic() - began, grown))
    if grown > 200:
        print("FAIL: that is much memory")
    return said
END
if planted shared plant fill $mib wait go; then
  until_true 120 grep -q '^last=' planted
  last=$(address last)
  with_memlog -p $pid -ex 'source large.py' \
    -ex "python said = timed('memlog find-refs -depth 3 ((long **) $last)[0][0]')" \
    -ex 'python print("== way\n" + said + "== end")' -ex 'python timed("memlog spans")' \
    -ex 'python timed("memlog check")' -ex 'python timed("memlog top")'
  ! grep '^FAIL' out || fail "$what"
  grep ' MiB more$' out
  section way | tr '\n' '|' |
    grep -q "  data of shared: held_last .*|  -> $last, [^|]*: at + [08]|  -> 0x[0-9a-f]*, [^|]*: at + 0|  -> 0x[0-9a-f]*, the object itself|" ||
    fail "$what: $(section way)"
  # In the foreground timeout hands the signal on once; else to its whole group too, and gdb gets
  # two, of which the second may end the telling of the first.
  timeout --foreground 300 gdb -nx -batch -iex 'set debuginfod enabled off' -x "$extension" -p $pid \
    -ex "memlog find-refs -depth 100000 ((long *) $last)[-1000 * 8]" -ex 'echo after\n' >out 2>err &
  gdb=$!
  until_true 120 grep -q '^objects that hold' out
  kill -INT $gdb
  { wait $gdb; } 2>/dev/null
  grep -q '^after$' out || fail "$what: after Ctrl-C: $(cat out err)"
  grep -q -e Traceback -e 'Python Exception' out err && fail "$what: Ctrl-C: $(cat err)"
  grep -q Quit err || fail "$what: Ctrl-C says: $(cat out err)"
fi
kill -9 $pid
{ wait $pid; } 2>/dev/null
finish
