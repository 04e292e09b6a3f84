#!/bin/sh
# SPDX-License-Identifier: MIT
# test_gdb_container.sh - gdb, from outside of the container that a process is in, where threads have
# other numbers, names what they hold; and memlog core does in the file that gdb has made there.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"
. "$top_srcdir/tests/gdb_heap_common.sh"

ulimit -f 4194304 # as in test_gdb_mstat.sh
need unshare util-linux
user=
test "$(id -u)" = 0 || user=--map-root-user
# shellcheck disable=SC2086 # no word, or one
unshare $user --pid --fork --mount-proc true 2>said || { echo "no containers here: $(cat said)"; exit 77; }
compiled shared prog_gdb_refs.c -DLINKED -L"$top_builddir/.libs" -lmemlog || exit 99
# shellcheck disable=SC2086
unshare $user --pid --fork --mount-proc ./shared none plant wait go >planted 2>said &
outside=$!
until_true 120 grep -qx planted planted || { fail "does not come so far: $(cat said)"; finish; }
pid=$(child_of $outside)

set -- -p "$pid" -ex 'generate-core-file made.core'
for object in stack tls specific global; do
  set -- "$@" -ex "echo == $object\\n" -ex "memlog find-refs $(address $object)"
done
with_memlog "$@" -ex 'echo == end\n'
section stack | grep -q '^  stack of thread [0-9]* (LWP [0-9]*), frame #[0-9]* hold_on_stack ' ||
  fail "stack: $(section stack) $(cat err)"
section tls | grep -q '^  thread-local storage of thread [0-9]* (LWP [0-9]*): shared, held_by_tls ' ||
  fail "tls: $(section tls)"
section specific | grep -q '^  pthread_setspecific value of thread ' || fail "specific: $(section specific)"
section global | grep -q '^  data of shared: held_by_global ' || fail "global: $(section global)"
for object in stack tls specific global; do
  "$top_builddir/memlog" core "--find-refs=$(address $object)" made.core >shell 2>shell.err
  grep -q '^it is alive because of$' shell || fail "memlog core, $object: $(cat shell shell.err)"
done
touch go
wait $outside
finish
