#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_found.sh - memlog is found, alive and dead, in a process that has mapped memlog's own file
# to read it, too, as profilers do; and what lies behind such a mapping is no root.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/core_common.sh"

cat >maps.c <<'EOF'
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef LINKED
#include "memlog.h"
#define ALLOCATE memlog_malloc
#else
#define ALLOCATE malloc
#endif

/* Where the file's data would be, if this were how it was loaded. */
static uintptr_t *data_in(char *file)
{
    const ElfW(Ehdr) *head = (const void *)file;
    const ElfW(Phdr) *part = (const void *)(file + head->e_phoff);
    while (part->p_type != PT_LOAD || !(part->p_flags & PF_W))
        part++;
    return (uintptr_t *)(file + ((part->p_vaddr + part->p_memsz - 64) & ~(uintptr_t)15));
}

/* maps LIBRARY GO: maps it whole, and its headers in front of memory of other use. */
int main(int argc, char **argv)
{
    struct stat status;
    int file = argc == 3 ? open(argv[1], O_RDONLY) : -1;
    if (file < 0 || fstat(file, &status) != 0)
        return 99;
    size_t bytes = (size_t)status.st_size;
    char *room = mmap(NULL, 4 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(room, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0);
    for (int i = 0; i < 2; i++)
        mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, file, 0);
    uintptr_t hidden = ~(uintptr_t)ALLOCATE(320);
    *data_in(room) = ~hidden;
    printf("lost=%#" PRIxPTR "\n", ~hidden);
    fflush(stdout);
    while (access(argv[2], F_OK) != 0)
        usleep(10000);
    abort();
}
EOF
# found WHAT LIBRARY PROGRAM
found() {
  what=$1
  rm -f core core.* go
  # shellcheck disable=SC3045 # dash has it, too
  (ulimit -c unlimited; LD_PRELOAD=$preload exec "$3" "$2" "$work/go") >said 2>&1 &
  pid=$!
  until_true 60 grep -q '^lost=' said || fail "$what: does not come so far: $(cat said)"
  "$memlog" stat --json $pid >live 2>err || fail "$what, alive: $(cat err)"
  gdb_says -p $pid
  touch go
  { wait $pid; } 2>/dev/null
  for core in core core.$pid; do
    test ! -s "$core" || break
  done
  "$memlog" core --json "$core" >dead 2>err || fail "$what, dead: $(cat err)"
  same_alloc live dead
  "$memlog" core "--find-refs=$(sed -n 's/^lost=//p' said)" "$core" >out 2>err
  grep -qx 'nothing holds it' out || fail "$what: it is held: $(cat out err)"
  gdb_says "$3" "$core"
}
same_alloc() {
  for each in "$@"; do
    sed -n 's/.*"Alloc":\([0-9]*\),.*/\1/p' "$each" >"$each.alloc"
    test -s "$each.alloc" && cmp -s "$each.alloc" "$1.alloc" || fail "$what: other numbers: $(cat "$@")"
  done
}
# gdb_says ARGUMENTS...: the same, where there is a gdb.
gdb_says() {
  command -v gdb >/dev/null || return
  gdb -nx -batch -iex 'set debuginfod enabled off' -iex 'set width 0' -x "$top_srcdir/src/gdb/memlog-gdb.py" \
    "$@" -ex 'python print("python")' -ex 'mstat -json' </dev/null >gdb.out 2>&1
  grep -qx python gdb.out || return
  grep '^{' gdb.out >gdb.json || fail "$what: gdb: $(cat gdb.out)"
  same_alloc live gdb.json
}

shared=$top_builddir/.libs/libmemlog.so
test -f "$shared" || { echo "built without shared libraries"; exit 77; }
$CC -O1 -D_GNU_SOURCE -DLINKED -I"$top_srcdir/src/api" maps.c -o linked -L"$top_builddir/.libs" -lmemlog || exit 99
$CC -O1 -D_GNU_SOURCE maps.c -o plain || exit 99
found "linked" "$shared" ./linked
found "linked, and the preload library's file" "$top_builddir/.libs/libmemlog-preload.so" ./linked
preload=$top_builddir/.libs/libmemlog-preload.so
found "preloaded" "$preload" ./plain
found "preloaded, and the other library's file" "$shared" ./plain
finish
