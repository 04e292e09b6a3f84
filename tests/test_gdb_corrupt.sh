#!/bin/sh
# SPDX-License-Identifier: MIT
# test_gdb_corrupt.sh - mstat where memory is overwritten, core files are cut and libraries are gone:
# the numbers, or one line that says what is wrong; never a traceback.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"
ulimit -f 2097152
MALLOC_ARENA_MAX=1
export MALLOC_ARENA_MAX

# --- no process ----------------------------------------------------------------------------------
with_memlog -ex mstat
err_says 'memlog: there is no process and no core file'
test "$status" = 1 || fail "without a process gdb ends with $status"
with_memlog -ex starti -ex mstat /bin/true
err_says 'memlog: there is no memlog in this process'
linked linked -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
with_memlog -ex 'break reached' -ex run -ex 'continue &' -ex mstat -ex kill --args ./linked 0 reach wait nothing
err_says 'memlog: the process is running: stop it first'

# --- overwritten -----------------------------------------------------------------------------------
times=300
test "$full" = 0 || times=3000
with_memlog -ex "source $top_srcdir/tests/gdb_corrupt.py" -ex 'break reached' -ex run \
  -ex "python check($times)" --args ./linked 5 say idle reach
# Not in a collection before.
says 'hit Breakpoint 1'
grep -q '^overwritten: ' out || fail "the program did not come so far: $(tail -n 5 out) $(cat err)"
! grep '^FAIL' out || fail "overwritten memory"

# --- lists that lead round and round -------------------------------------------------------------------
# memlog core, which is to need no more memory for it than for others.
cat >round.py <<'EOF'
from memlog.image import Image

image = Image()
for variable, struct in (("interpose.records", "record"), ("mutator.mutators", "ml_mutator")):
    first = image.value(variable)
    link = first + image.layout(struct).offset("next")
    gdb.selected_inferior().write_memory(link, first.to_bytes(8, "little"))
    print("round and round", variable)
EOF
with_memlog -ex 'break reached' -ex run -ex "source round.py" -ex 'generate-core-file round.core' \
  -ex 'memlog find-refs 1' -ex kill --args ./linked 5 say idle reach
test "$(grep -c 'round and round' out)" = 2 && test -s round.core || fail "no core file: $(cat out err)"
memlog=$(cd "$top_builddir" && pwd)/memlog
# shellcheck disable=SC3045 # dash has it, too
(ulimit -v 200000 && timeout 60 "$memlog" core --whereis 0x1000 round.core >where 2>where.err) ||
  fail "round and round: status $?: $(cat where.err)"
grep -q '^0x1000 is nowhere' where || fail "round and round: $(cat where where.err)"

# --- core files --------------------------------------------------------------------------------------
# The library stands elsewhere, so that it can be taken away.
mkdir lib && cp "$top_builddir/.libs/libmemlog.so.0" lib/ || exit 99
# dumped FILTER: the program dies with the numbers in last.json.
dumped() {
  rm -f core core.*
  # shellcheck disable=SC3045 # dash has it, too
  (ulimit -c unlimited 2>/dev/null; echo "$1" >/proc/self/coredump_filter
    LD_LIBRARY_PATH=$work/lib exec ./linked 5 say last abort) 2>/dev/null &
  pid=$!
  { wait $pid; } 2>/dev/null
  test -s last.json && core_of $pid
}
# answers WHAT: the numbers that it died with.
answers() { grep '^{' out | cmp - last.json.line || fail "$1: $(cat err)"; }

if test "$kernel_cores" = 1; then
  dumped 0x33 || fail "no core file"
  cp last.json last.json.line && echo >>last.json.line
  with_memlog ./linked "$core" -ex 'mstat -json'
  answers "with all files"

  size=$(wc -c <"$core")
  for cut in 0 100 4096 $((size / 20)) $((size / 10)) $((size / 4)) $((size / 2)) $((size * 3 / 4)) \
    $((size * 9 / 10)) $((size - 100000)) $((size - 4096)); do
    head -c "$cut" "$core" >shorter
    with_memlog ./linked shorter -ex 'mstat -json'
    test "$status" -lt 100 || fail "cut to $cut of $size bytes: gdb ends with $status: $(tail -n 3 err)"
    if grep -q '^{' out; then
      answers "cut to $cut of $size bytes"
    else
      grep -q '^memlog: ' err || fail "cut to $cut of $size bytes: $(cat out err)"
      test "$(grep -c '^memlog: ' err)" = 1 || fail "cut to $cut: more than a line: $(cat err)"
    fi
  done

  cp /bin/true lib/libmemlog.so.0
  with_memlog ./linked "$core" -ex 'mstat -json'
  answers "with another file in the library's place"
  mv lib gone && mv linked linked.gone
  with_memlog -c "$core" -ex 'mstat -json'
  answers "without the program and the library"

  # Without the pages that headers are in.
  mv gone lib && mv linked.gone linked && cp "$top_builddir/.libs/libmemlog.so.0" lib/
  if dumped 0x23; then
    mv lib gone && mv linked linked.gone
    with_memlog -c "$core" -ex 'mstat -json'
    err_says "mapped files can't be read"
  fi
else
  echo "core files go elsewhere here"
fi
finish
