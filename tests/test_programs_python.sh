#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_python.sh - Python's own tests have the same results under memlog run, with its
# allocator for small objects and with malloc for all of them.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need python3 python3
python3 -c 'import test.test_gc, test.test_subprocess' 2>/dev/null ||
  { echo "no tests of Python's here (Debian: package 'libpython3.11-testsuite')"; exit 77; }
unless_full python3 -c 'import json, threading; print(len(json.dumps([*range(10000)])))'
if test "$(id -u)" = 0; then for_others; fi # test_subprocess becomes another user, too

modules='test_gc test_threading test_subprocess test_json test_ctypes test_fork1 test_weakref test_mmap'
# results SAID: what became of each test, one a line. Times and places differ from run to run.
results() {
  sed -n 's/^\(test[A-Za-z0-9_]* ([A-Za-z0-9_.]*)\).* \.\.\. \(ok\|FAIL\|ERROR\|skipped\).*/\1 \2/p' "$1" | sort
}

run() {
  name=$1
  shift
  rm -rf "$name"* && mkdir "$name" || exit 99
  # shellcheck disable=SC2086 # several words on purpose
  TMPDIR=$work/$name timeout -k 10 "$patience" "$@" python3 -m test -v $modules >"$name.out" 2>&1
  echo $? >"$name.status"
}
# They sleep most of the time, and run side by side.
run_all() {
  run plain env &
  plain=$!
  run pools "$memlog" run -q -o pools.log -- env PYTHONMALLOC=pymalloc &
  pools=$!
  run every "$memlog" run -q -o every.log -- env PYTHONMALLOC=malloc
  wait "$plain" "$pools"
}
# compare NAME: with those without memlog.
compare() {
  results plain.out >expected
  results "$1.out" >found
  diff expected found >differences && cmp -s plain.status "$1.status"
}
run_all
# Some of them mind their time, which a busy machine has not.
{ compare pools && compare every; } || run_all
for name in pools every; do
  compare "$name" || fail "$name: other results: $(cat differences) and status $(cat "$name.status") instead of $(cat plain.status)"
  good_log "$name.log" "reason=exit status=$(cat "$name.status")"
done
count=$(grep -c ' ok$' expected)
test "$count" -gt 500 || fail "only $count tests: $(tail -n 20 plain.out)"

# Small objects are memlog's then.
count_mallocs() {
  "$memlog" run -q -o "$1.mallocs" --columns mallocs env PYTHONMALLOC="$1" python3 -c 'print(len([str(i) for i in range(300000)]))' >out
  column "$1.mallocs" last 4
}
test "$(count_mallocs malloc)" -gt $(($(count_mallocs pymalloc) + 300000)) || fail "PYTHONMALLOC=malloc does not show"
finish
