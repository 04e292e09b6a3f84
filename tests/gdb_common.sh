# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # the variables are for the scripts
# For scripts that run gdb with memlog's commands, to be sourced after script.sh.

need gdb gdb
not_sanitized "what gdb steps through, and what a core file holds, is the sanitizer's"
extension=$top_srcdir/src/gdb/memlog-gdb.py
preload=$(cd "$top_builddir" && pwd)/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
gdb -nx -batch -ex 'python print("python")' 2>/dev/null | grep -qx python ||
  { echo "gdb is built without Python"; exit 77; }
cd "$work" || exit 99

# with_memlog ARGUMENTS...: gdb without anybody's settings, with memlog's commands; what it says is
# in the files out and err.
with_memlog() {
  timeout 300 gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set pagination off' \
    -iex 'set width 0' -x "$extension" "$@" >out 2>err </dev/null
  status=$?
  ! grep -n -e Traceback -e 'Python Exception' -e 'Error occurred in Python' out err ||
    fail "gdb $*: a traceback: $(cat err)"
}
# says WORDS: the last gdb has said them. err_says: as a line of an error.
says() { grep -qF -e "$1" out || fail "gdb does not say \"$1\" but: $(cat out err)"; }
err_says() { grep -qF -e "$1" err || fail "gdb's errors are not \"$1\" but: $(cat out err)"; }

# linked PROGRAM FLAGS...: prog_gdb_stats that is linked with memlog; plain: that knows nothing of
# it. Debug information there is none.
# shellcheck disable=SC2086 # several words
linked() {
  program=$1
  shift
  $CC -O1 -Wall -D_GNU_SOURCE -DLINKED -I"$top_srcdir/src/api" "$top_srcdir/tests/prog_gdb_stats.c" \
    -o "$program" "$@" -pthread
}
plain() {
  program=$1
  shift
  $CC -O1 -Wall -D_GNU_SOURCE -I"$top_srcdir/src/api" "$top_srcdir/tests/prog_gdb_stats.c" \
    -o "$program" "$@" -pthread -ldl
}
# The programs that are linked with the shared library find it.
LD_LIBRARY_PATH=$top_builddir/.libs
export LD_LIBRARY_PATH

# core_of PID: the kernel's core file of what was a child here; fails where cores go elsewhere.
case $(cat /proc/sys/kernel/core_pattern) in
  core | core.%p) kernel_cores=1 ;;
  *) kernel_cores=0 ;;
esac
core_of() {
  for core in core "core.$1"; do
    test -f "$core" && return 0
  done
  return 1
}
