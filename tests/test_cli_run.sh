#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_run.sh - memlog run: exit statuses, and what can't be run is said before
# anything starts.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"

# --- the program's own status, and its output untouched -------------------------
for status in 0 1 3 125 126 127 255; do
  expect $status "" "$memlog" run -q "$act" exit $status
  expect $status "" "$memlog" run -q "$act" _exit $status
done
expect 137 "" "$memlog" run -q "$act" kill 9
expect 143 "" "$memlog" run -q "$act" kill 15
expect 139 "" "$memlog" run -q "$act" kill 11
expect 0 "" "$memlog" run -q -- sh -c 'echo "$1" "$2"' sh 'a  b' '*'
test "$(cat out)" = 'a  b *' || fail "arguments arrive as: $(cat out)"
expect 0 "" "$memlog" run -q sh -c 'echo -o -q --help'
test "$(cat out)" = '-o -q --help' || fail "options behind the program are taken"
test "$(printf 'in\nput\n' | "$memlog" run -q cat)" = "$(printf 'in\nput')" || fail "input is not passed on"
expect 0 "2 samples in memory.log" "$memlog" run "$act" exit 0
test "$(grep -c '^memlog: ' err)" = 3 || fail "not three lines at the end: $(cat err)"

# --- closed descriptors stay so, and nothing of ours takes their numbers ---------------
"$memlog" run -q -o std.log "$act" say std wait go <&- >&- 2>&- &
run=$!
until_true 60 test -e std && until_true 60 test -s std.log
program=$(sed -n '1s/.* pid=\([0-9]*\) .*/\1/p' std.log)
for fd in 0 1 2; do
  test "$(readlink "/proc/$run/fd/$fd")" = /dev/null || fail "$fd is $(readlink "/proc/$run/fd/$fd")"
  test ! -e "/proc/$program/fd/$fd" || fail "the program has got a descriptor $fd"
done
touch go
wait "$run"

# --- a limit of file sizes, which the memory shared with the program is above ------------
status=$(ulimit -S -f 1; "$memlog" run -q "$act" exit 3 2>err; echo $?)
test "$status" = 3 || fail "with small files: status $status instead of 3: $(cat err)"
status=$(ulimit -f 1; "$memlog" run -q "$act" say small exit 3 2>err; echo $?)
if test "$status" = 125; then
  grep -q 'cannot share memory with the program: File too large' err || fail "says: $(cat err)"
  test ! -e small || fail "the program was started all the same"
else
  fail "with small files only: status $status instead of 125: $(cat err)"
fi

# --- scripts, PATH ------------------------------------------------------------------
mkdir bin
printf '#!/usr/bin/env sh\nexit 7\n' >bin/memlog-script
chmod +x bin/memlog-script
expect 7 "" "$memlog" run -q bin/memlog-script
expect 7 "" env PATH="$work/none:$work/bin:$PATH" "$memlog" run -q memlog-script
expect 127 "memlog-script: no such program is in PATH" "$memlog" run -q memlog-script
expect 127 "bin/none: No such file or directory" "$memlog" run -q bin/none
expect 127 "name is empty" "$memlog" run -q ""
expect 126 "is a directory" "$memlog" run -q ./bin
printf 'no program\n' >bin/garbage
chmod +x bin/garbage
expect 126 "bin/garbage: Exec format error" "$memlog" run -q bin/garbage

# --- what nothing can be preloaded into ----------------------------------------------
if echo 'int main(void) { return 0; }' >static.c && $CC -static -o static static.c 2>/dev/null; then
  expect 126 "static is statically linked" "$memlog" run -q ./static
fi
# Nor does it help where the program has a malloc that all use: it runs, and is told of.
cat >own.c <<'END'
#include <stdlib.h>
#include <string.h>
static char pool[1 << 20] __attribute__((aligned(16)));
static size_t used;
void *malloc(size_t bytes)
{
    used += (bytes + 31) & ~(size_t)15;
    return used > sizeof(pool) ? NULL : pool + used - ((bytes + 31) & ~(size_t)15);
}
void free(void *pointer) { (void)pointer; }
int main(void)
{
    char *copy = strdup("of the pool");
    int status = copy < pool || copy >= pool + sizeof(pool);
    free(copy);
    return status;
}
END
$CC -fno-builtin own.c -o own || exit 99
expect 0 "the program has a malloc of its own" "$memlog" run -q ./own
test "$(wc -l <err)" = 1 || fail "it says: $(cat err)"
expect 0 "the program has a malloc of its own" "$memlog" run -q sh -c 'exec ./own'
# A program may have taken malloc's address for itself without having one.
cat >stub.c <<'END'
#include <stdlib.h>
void *(*const allocate)(size_t) = malloc;
int main(void) { return allocate(10) == NULL; }
END
for kind in '-no-pie -fno-pic' -pie; do
  # shellcheck disable=SC2086 # several words on purpose
  $CC $kind -O0 stub.c -o stub && expect 0 "" "$memlog" run -q ./stub
done
# An ELF header of 32 bits is enough to be seen.
{ printf '\177ELF\001\001\001'; head -c 200 /dev/zero; } >elf32
chmod +x elf32
expect 126 "elf32 is a 32-bit program" "$memlog" run -q ./elf32
if test "$(id -u)" = 0 && command -v setpriv >/dev/null; then
  for_others
  cp "$act" privileged
  chmod 4755 privileged
  expect 126 "runs with raised privileges" \
    setpriv --reuid=65534 --regid=65534 --clear-groups "$memlog" run -q -o /tmp/never.$$ ./privileged exit 0
  # Where rights are not given, there is nothing to refuse.
  mkdir -m 777 open
  expect 3 "" setpriv --no-new-privs --reuid=65534 --regid=65534 --clear-groups \
    "$memlog" run -q -o open/memory.log ./privileged exit 3
  test "$(samples open/memory.log)" = 2 || fail "without new rights: $(cat open/memory.log)"
  # Root's own program; one that becomes less than root.
  expect 3 "" "$memlog" run -q ./privileged exit 3
  chown 65534 privileged
  chmod 4755 privileged
  expect 126 "runs with raised privileges" "$memlog" run -q ./privileged exit 0
fi

# --- memlog's own failures: nothing is started -----------------------------------------
expect 125 "which program?" "$memlog" run
expect 125 "is not a time" "$memlog" run -i soon "$act" say started
expect 125 "is not a size" "$memlog" run --max-bytes many "$act" say started
expect 125 "unrecognized option" "$memlog" run --nothing "$act" say started
expect 125 "cannot open none/x.log: No such file or directory" "$memlog" run -o none/x.log "$act" say started
expect 125 '"%q" in the log' "$memlog" run -o '%q.log' "$act" say started
expect 125 "no field is called Heap" "$memlog" run --columns Heap "$act" say started
expect 125 "MEMLOG_INTERVAL" env MEMLOG_INTERVAL=never "$memlog" run "$act" say started
test ! -e started || fail "the program was started all the same"
expect 2 "there is no command 'runn'" "$memlog" runn
expect 2 "usage: memlog COMMAND" "$memlog"
expect 0 "" "$memlog" --help
expect 0 "" "$memlog" --version
grep -q '^memlog [0-9]' out || fail "--version says $(cat out)"
expect 0 "" "$memlog" run --help
grep -q -e '--interval=TIME' out || fail "run --help does not list its options"
finish
