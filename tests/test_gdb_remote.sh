#!/bin/sh
# SPDX-License-Identifier: MIT
# test_gdb_remote.sh - memlog's commands in gdb say the same of a process that gdbserver is attached to.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"
. "$top_srcdir/tests/gdb_heap_common.sh"
need gdbserver gdbserver

$CC -O1 -shared -fPIC "$top_srcdir/tests/prog_gdb_library.c" -o libloaded.so -ldl || exit 99
with=""
compiled linked prog_gdb_refs.c -DLINKED -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
what=linked
planted linked ./libloaded.so plant wait go || finish

# asked ARGUMENTS...: all commands, behind the way to the process.
asked() {
  with_memlog "$@" -ex 'echo == mstat\n' -ex 'mstat -json' -ex 'echo == spans\n' -ex 'memlog spans' \
    -ex 'echo == top\n' -ex 'memlog top' -ex 'echo == check\n' -ex 'memlog check' \
    -ex 'echo == whereis\n' -ex "memlog whereis $(address chain)" \
    -ex 'echo == stack\n' -ex "memlog find-refs $(address stack)" \
    -ex 'echo == tls\n' -ex "memlog find-refs $(address tls)" \
    -ex 'echo == chain\n' -ex "memlog find-refs $(address chain)" \
    -ex 'echo == end\n'
}

# The numbers of threads are gdb's. 8 threads' stacks are more than is fetched unasked.
left_out='^[0-9]* bytes of other memory, which keeps nothing alive, were not looked at (-all)$'
sections='mstat spans top check whereis stack tls chain'
of_threads() { section "$1" | sed -e 's/thread [0-9]* (LWP/thread (LWP/' -e "/$left_out/d"; }
asked -p $pid
for name in $sections; do of_threads "$name" >"$name.here"; done
asked ./linked -ex 'set sysroot /' -ex "target remote | gdbserver --once --attach - $pid"
for name in $sections; do
  test -s "$name.here" || fail "nothing about $name"
  of_threads "$name" | cmp -s - "$name.here" || fail "$name: $(section "$name"), and not $(cat "$name.here"): $(cat err)"
done
section chain | grep -q "$left_out" || fail "other memory is fetched unasked: $(section chain)"
touch go
{ wait $pid; } 2>/dev/null
finish
