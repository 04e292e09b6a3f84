#!/bin/sh
# SPDX-License-Identifier: MIT
# test_gdb_mstat.sh - mstat in gdb says what memlog itself says at that moment, in every field: of a
# live process, of gdb's core file and of the kernel's; linked and preloaded, however it is linked,
# with symbols and without.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"
"$top_builddir/tests/print_stats" fields >fields || exit 99
# gdb writes zeros for whatever address space a process has, and the C library takes 64 MiB a thread.
# memlog's is left out: were it not, the test would end here, and not when the disk is full.
ulimit -f 2097152 # blocks of 512 bytes
MALLOC_ARENA_MAX=1
export MALLOC_ARENA_MAX

# checked ARGUMENTS...: gdb compares; NAME is what the program has said.
checked() {
  name=$1
  shift
  with_memlog "$@" -ex "source $top_srcdir/tests/gdb_check.py" -ex "python check('$name', 'fields')"
  grep -q "^$name is checked" out || fail "$what: not checked: $(cat out err)"
  ! grep '^FAIL' out || fail "$what: $*"
}

counts() { grep -o '"Mallocs":[0-9]*,"Frees":[0-9]*' "$1"; }

# look WHAT THREADS PROGRAM: attached; in the core file that gdb makes of it; in the kernel's.
look() {
  what=$1 threads=$2 program=$3
  rm -f ready.json now.* go core core.* made.core
  # shellcheck disable=SC3045 # dash has it, too
  (ulimit -c unlimited 2>/dev/null; LD_PRELOAD=$with exec "./$program" "$threads" say now say ready \
    wait go say last abort) 2>/dev/null &
  pid=$!
  until_true 120 test -s ready.json || { fail "$what: the program does not come so far"; return; }
  checked now -p $pid -ex 'generate-core-file made.core'
  checked now -c made.core
  touch go
  { wait $pid; } 2>/dev/null
  # What has not to do with time: memlog gives idle memory back meanwhile.
  test "$(counts now.json)" = "$(counts last.json)" ||
    fail "$what: the program's own numbers have changed under gdb: $(counts now.json) $(counts last.json)"
  test "$kernel_cores" = 1 || { echo "$what: core files go elsewhere here"; return; }
  core_of $pid || { fail "$what: it has left no core file"; return; }
  checked last "$program" "$core"
  # Without the program's own file, and whatever it is linked with.
  checked last -c "$core"
}

with=
linked shared -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
look "linked with the shared library" 70 shared
cp shared stripped && strip stripped && look "the same, stripped" 3 stripped
linked shared-no-pie -no-pie -L"$top_builddir/.libs" -lmemlog && look "no-pie" 3 shared-no-pie

archive=$top_builddir/.libs/libmemlog.a
if test -f "$archive"; then
  linked pie "$archive" -s && look "the archive in a stripped program" 3 pie
  linked no-pie -no-pie "$archive" -s && look "the archive, no-pie, stripped" 3 no-pie
  for kind in static static-pie; do
    linked $kind -$kind "$archive" 2>said || { echo "no $kind program here: $(head -n 1 said)"; continue; }
    look "$kind" 3 $kind
    strip $kind && look "$kind, stripped" 3 $kind
  done
fi

with=$preload
plain plain || fail "cannot link"
look "preloaded" 70 plain
look "linked and preloaded" 3 shared
plain plain-no-pie -no-pie -s && look "preloaded, no-pie, stripped" 3 plain-no-pie

# --- torn ------------------------------------------------------------------------------------------
# Numbers that do not fit together: memlog core, with the sums in C, makes the same of them.
with_memlog -ex "source $top_srcdir/tests/gdb_torn.py" -ex 'break reached' -ex run -ex 'python tear()' \
  -ex 'mstat -all -json' -ex 'generate-core-file made.core' --args ./shared 3 say idle reach
grep '^{' out >torn
"$top_builddir/memlog" core --all --json made.core >wanted 2>err || fail "torn: memlog core: $(cat err)"
with_memlog -ex "source $top_srcdir/tests/gdb_torn.py" -ex "python compare('torn', 'wanted', 'idle.json')"
grep -q '^compared' out || fail "torn: $(cat out err)"
! grep '^FAIL' out || fail "torn"
finish
