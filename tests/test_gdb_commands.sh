#!/bin/sh
# SPDX-License-Identifier: MIT
# test_gdb_commands.sh - memlog's commands as gdb's user has them: help, completion, units, what they
# say to other words; loaded by hand, again and again, and by gdb itself from where they are installed.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"

# --- the same table and the same numbers' style as in C -----------------------------------------
"$top_builddir/tests/print_stats" fields >fields &&
  "$top_builddir/tests/print_stats" structs >structs &&
  "$top_builddir/tests/print_stats" doubles 2000 >doubles || exit 99
with_memlog -ex "python sys.path.insert(0, '$top_srcdir/tests'); sys.dont_write_bytecode = True" \
  -ex 'python import gdb_pure; gdb_pure.check()'
! grep '^FAIL' out || fail "against C"
test "$(grep -c 'are checked' out)" = 4 || fail "against C: $(cat out err)"

# --- words ----------------------------------------------------------------------------------------
with_memlog -ex 'help mstat' -ex 'help memlog' -ex 'help set memlog unit' -ex 'help show memlog' \
  -ex 'apropos MemStats'
says 'Usage: mstat [-all] [-json]'
says 'set memlog unit           the unit of sizes'
says 'KiB, MiB, GiB   2^10, 2^20, 2^30 bytes'
says 'mstat -- Show memlog'
with_memlog -ex 'mstat -jsno'
err_says 'memlog: mstat knows no "-jsno"; usage: mstat [-all] [-json]'
test "$(wc -l <err)" = 1 || fail "more than a line: $(cat err)"
test "$status" = 1 || fail "gdb ends with $status"
for command in spans whereis find-refs top check; do
  case $command in whereis | find-refs) words=" 1" ;; *) words= ;; esac
  with_memlog -ex "help memlog $command" -ex "memlog $command -nonsense" -ex "memlog $command$words"
  says "Usage: memlog $command"
  err_says "memlog: memlog $command knows no \"-nonsense\"; usage: memlog $command"
  err_says 'memlog: there is no process and no core file'
done
with_memlog -ex 'memlog spans 5'
err_says 'memlog: memlog spans wants nothing behind its options, but there is "5"; usage: memlog spans'
with_memlog -ex 'memlog nothing'
err_says 'Undefined memlog command: "nothing".'
with_memlog -ex 'set memlog unit parsecs'
err_says 'Undefined item: "parsecs".'
# Sourced twice, nothing begins anew.
with_memlog -ex 'show memlog unit' -ex 'set memlog unit MiB' -ex "source $extension" \
  -ex 'show memlog unit'
says "memlog's commands show sizes in bytes."
says "memlog's commands show sizes in MiB."

# completes TEXT WORDS...
completes() {
  text=$1
  shift
  with_memlog -ex "complete $text"
  test "$(tr '\n' '|' <out)" = "$(printf '%s|' "$@")" || fail "$text is completed: $(cat out)"
}
completes 'mstat -' 'mstat -all' 'mstat -json'
completes 'mstat -j' 'mstat -json'
completes 'mstat -json -' 'mstat -json -all'
completes 'memlog find-refs -' 'memlog find-refs -all' 'memlog find-refs -depth' 'memlog find-refs -limit'
completes 'memlog find-refs -all -d' 'memlog find-refs -all -depth'
completes 'memlog ch' 'memlog check'
completes 'memlog check ' 'memlog check -limit'
completes 'set memlog unit M' 'set memlog unit MB' 'set memlog unit MiB'
completes 'memlo' 'memlog'

# --- a process -----------------------------------------------------------------------------------
plain plain || fail "cannot link"
with_memlog -ex "source $extension" -ex 'set startup-with-shell off' \
  -ex "set environment LD_PRELOAD $preload" -ex 'break reached' -ex run -ex 'mstat -json' -ex mstat \
  -ex 'set memlog unit KiB' -ex mstat -ex 'mstat -all' --args ./plain 1 say idle reach
grep '^{' out | cmp - idle.json 2>&1 | grep -v EOF && fail "mstat -json is not idle.json"
bytes=$(sed -n 's/^Alloc = //p' out | head -n 1)
kib=$(awk "BEGIN { printf \"%.2f\", $bytes / 1024 }" | sed 's/0*$//; s/\.$//')
says "Alloc = $kib KiB"
test "$(grep -c '^memlog.MemStats$' out)" = 3 || fail "not three answers: $(cat out)"
test "$(grep -c '^NextGC = none$' out)" = 2 || fail "NextGC: $(grep NextGC out)"
says 'NextGC = 9223372036854775807 (none)'
test "$(grep -c '^BySize = ' out)" = 1 || fail "BySize: $(grep BySize out)"
grep -q '^  [0-9]* bytes: [0-9]* objects, [0-9.]* KiB (mallocs [0-9]*, frees [0-9]*)$' out ||
  fail "no size classes: $(grep -A 3 BySize out)"
says 'GCPercent = -1 (off)'
says 'PauseHistogram = none'

# --- installed -------------------------------------------------------------------------------------
# By a make of its own for these few files, since a tree can be installed from once at a time. The
# folder of the libraries is a symbolic link, which gdb looks behind.
install() {
  (cd "$top_builddir" && ${MAKE:-make} -s "$@" prefix="$work/p" exec_prefix="$work/p" \
    libdir="$work/p/lib" datarootdir="$work/p/share" datadir="$work/p/share") >make.out 2>&1 ||
    fail "make $*: $(cat make.out)"
}
mkdir -p p/lib64 && ln -s lib64 p/lib || exit 99
install install-gdb-auto-load install-dist_gdbDATA install-dist_gdbpackageDATA
real=$(sed -n "s/^library_names='\([^ ']*\).*/\1/p" "$top_builddir/libmemlog.la")
cp "$top_builddir/.libs/$real" p/lib/ && ln -s "$real" p/lib/libmemlog.so.0 || exit 99
cp "$preload" p/lib/ || exit 99
test -f "p/share/gdb/auto-load$work/p/lib64/$real-gdb.py" ||
  fail "not where gdb looks: $(find p -name '*-gdb.py')"

linked linked -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
extension=/dev/null
# loaded PRELOAD: gdb by itself, where it has been told that it may.
loaded() {
  with_memlog -iex "add-auto-load-scripts-directory $work/p/share/gdb/auto-load" \
    -iex "add-auto-load-safe-path $work/p/share/gdb/auto-load" -ex 'set startup-with-shell off' \
    -ex "set environment LD_LIBRARY_PATH $work/p/lib" -ex "set environment LD_PRELOAD $1" \
    -ex 'break reached' -ex run -ex 'mstat -json' -ex 'python import memlog; print(memlog.__file__)' \
    -ex 'info auto-load python-scripts' --args ./linked 1 say idle reach
  grep '^{' out | cmp - idle.json 2>&1 | grep -v EOF && fail "auto-loaded: $(cat err)"
  says "$work/p/share/memlog/gdb/memlog/__init__.py"
}
loaded ""
says "$real-gdb.py"
# Twice, for two objects: the preload library has the heap.
loaded "$work/p/lib/libmemlog-preload.so"
says 'libmemlog-preload.so-gdb.py'
says "$real-gdb.py"
# By hand, from there.
extension=$work/p/share/memlog/gdb/memlog-gdb.py
with_memlog -ex 'help mstat'
says 'Usage: mstat'
# A part of it is missing.
mv p/share/memlog/gdb/memlog gone
with_memlog -ex 'help mstat'
err_says 'memlog: its commands are not in'
mv gone p/share/memlog/gdb/memlog
find p -name '*.pyc' | grep . && fail "compiled files were left"
install uninstall-gdb-auto-load uninstall-dist_gdbDATA uninstall-dist_gdbpackageDATA
find p -name '*.py' | grep . && fail "uninstalled, and they are still there"
finish
