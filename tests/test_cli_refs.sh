#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_refs.sh - memlog core --find-refs names who holds an object, whatever it is held by, and the
# way to it from a root; of both doors, with symbols and without.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/core_common.sh"

# Nothing is collected while the program plants.
MEMLOG_GC_PERCENT=off
export MEMLOG_GC_PERCENT

# compiled PROGRAM SOURCE FLAGS...
compiled() {
  program=$1 source=$2
  shift 2
  $CC -O1 -Wall -D_GNU_SOURCE -I"$top_srcdir/src/api" "$top_srcdir/tests/$source" -o "$program" "$@" \
    -pthread -ldl
}
refs_program() {
  program=$1
  shift
  compiled "$program" prog_gdb_refs.c "$@"
}

address() { sed -n "s/^$1=//p" said; }

# planted PROGRAM LIBRARY: it plants and dies; who holds each of its objects goes into NAME.refs.
planted() {
  what=$1
  dies "./$1" "$2" plant abort || { fail "$what: no core file: $(cat said)"; return 1; }
  grep -qx planted said || { fail "$what: does not come so far: $(cat said)"; return 1; }
  for object in $(grep '=' said); do
    "$memlog" core --find-refs "${object#*=}" "$core" >"${object%=*}.refs" 2>err ||
      fail "$what: ${object%=*}: status $?: $(cat err)"
    test ! -s err || fail "$what: ${object%=*}: $(cat err)"
  done
}
holders() { sed -n '/^held by$/,/^[^ h]/{/^  /p}' "$1.refs"; }
way() { sed '1,/^it is alive because of$\|^it lives until it is freed, and is reached from$/d' "$1.refs"; }

# held NAME WORDS: by this alone, which is a root. Words are a basic regular expression.
held() {
  holders "$1" | grep -q "^  $2\$" && way "$1" | sed -n 1p | grep -q "^  $2\$" && test "$(way "$1" | wc -l)" = 1 ||
    fail "$what: $1 is not held by \"$2\" alone: $(cat "$1.refs")"
}
# held_by_object NAME HOLDER OFFSET
held_by_object() {
  holders "$1" | grep -q "^  $2, an object of [0-9]* bytes ([a-z]*), + $3\$" ||
    fail "$what: $1 is not held by the object $2 at $3: $(cat "$1.refs")"
}
unheld() {
  grep -qx 'nothing holds it' "$1.refs" && test -z "$(holders "$1")" ||
    fail "$what: $1 is held: $(cat "$1.refs")"
}

both_doors() {
  held static_local "0x[0-9a-f]*, $static_local"
  held inside "0x[0-9a-f]*, $inside, to + 808"
  held global "0x[0-9a-f]*, $global"
  unheld past_end
  unheld lost
  unheld other_memory
  held stack "0x[0-9a-f]*, stack of thread [0-9]* (LWP [0-9]*), $frame, to + 24"
  held stack_end "0x[0-9a-f]*, stack of thread [0-9]* (LWP [0-9]*), $end_frame, to + 96"
  held register 'register r12 of thread [0-9]* (LWP [0-9]*)'
  held vector 'register ymm5 of thread [0-9]* (LWP [0-9]*)'
  held tls '0x[0-9a-f]*, thread-local storage of thread [0-9]* (LWP [0-9]*)'
  held specific '0x[0-9a-f]*, thread-local storage of thread [0-9]* (LWP [0-9]*)'
  held_by_object chain "$(address chain_middle)" 4000
  held_by_object cycle "$(address cycle_other)" '0, to + 8'
  held_by_object cycle_other "$(address cycle)" 0
  grep -qx 'no root leads to it' cycle.refs || fail "$what: cycle: $(cat cycle.refs)"
  way chain | tr '\n' '|' |
    grep -q "^  0x[0-9a-f]*, $chain|    $(address chain_top), [^|]*, + 8, to + 16|      $(address chain_middle), [^|]*, + 4000|\$" ||
    fail "$what: the way to chain: $(way chain)"
}

linked_door() {
  both_doors
  held specific_high '0x[0-9a-f]*, thread-local storage of thread [0-9]* (LWP [0-9]*)'
  holders uncollectable | grep -q '(uncollectable), + 56$' || fail "$what: uncollectable: $(cat uncollectable.refs)"
  way uncollectable | sed -n 1p | grep -q '(uncollectable), + 56$' || fail "$what: $(cat uncollectable.refs)"
  unheld noscan
  for type in typed:24 typed_large:799224; do
    holders ${type%:*} | grep -q "(typed), + ${type#*:}\$" || fail "$what: $(cat ${type%:*}.refs)"
    unheld ${type%:*}_not
  done
  held added '0x[0-9a-f]*, a range given to memlog_add_roots'
  unheld added_not
  unheld freed
  held finalizer '0x[0-9a-f]*, what a finalizer is to be given'
  unheld weak
  held result '0x[0-9a-f]*, the argument or result of a thread'
}

# --- programs ----------------------------------------------------------------------------------------
$CC -shared -fPIC -O1 -D_GNU_SOURCE "$top_srcdir/tests/prog_gdb_library.c" -o library.so -pthread ||
  fail "cannot link the library"
refs_program linked -DLINKED -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
refs_program not_pie -DLINKED -no-pie "$top_builddir/.libs/libmemlog.a" || fail "cannot link"
refs_program plain || fail "cannot link"
cp linked stripped && strip stripped

# named PROGRAM: how data and frames are told where there are names; unnamed: where there are none.
named() {
  frame='frame #[0-9]* hold_on_stack' end_frame='frame #[0-9]* hold_end_on_stack'
  global="held_by_global+16, data of $work/$1" static_local="held_by_static_local\\.[0-9]*, data of $work/$1"
  inside="held_inside, data of $work/$1" chain="held_chain, data of $work/$1"
}
unnamed() {
  frame="frame #[0-9]* at 0x[0-9a-f]* of $work/$1"
  test -f "$top_builddir/.libs/memlog-tools.so" || frame='[0-9]* bytes above its stack pointer'
  end_frame=$frame
  global="data of $work/$1 at 0x[0-9a-f]*"
  static_local=$global inside=$global chain=$global
}
name_data=named
test -f "$top_builddir/.libs/memlog-tools.so" || name_data=unnamed

# --- the collected door --------------------------------------------------------------------------------
$name_data linked
if planted linked "$work/library.so"; then
  linked_door
  if test $name_data = named; then
    held library "0x[0-9a-f]*, library_slot, data of $work/library.so"
  fi
  held library_tls '0x[0-9a-f]*, thread-local storage of thread [0-9]* (LWP [0-9]*)'
  "$memlog" core --all --find-refs "$(address noscan)" "$core" >out 2>err
  grep -q 'an object of 320 bytes (noscan), + 0: not looked at by the collector$' out ||
    fail "noscan with --all: $(cat out err)"
  "$memlog" core --all --find-refs "$(address other_memory)" "$core" >out 2>err
  grep -q '^  0x[0-9a-f]*, other memory: no root$' out || fail "other_memory with --all: $(cat out err)"
  "$memlog" core --depth 1 --find-refs "$(address chain)" "$core" >out 2>err
  grep -q -- '--depth goes on' out || fail "--depth: $(cat out)"
  refs=$("$memlog" core --limit 1 --find-refs "$(address global)" "$core" | grep -c '^  0x[0-9a-f]*, ')
  test "$refs" = 2 || fail "--limit: $refs lines"
  # What is missing is counted once, however far up is looked.
  head -c $(($(wc -c <"$core") - 12288)) "$core" >shorter
  for depth in 1 16; do
    "$memlog" core --depth $depth --find-refs "$(address chain)" shorter 2>&1 >/dev/null | grep 'not looked at' >missing.$depth
  done
  test -s missing.1 && cmp -s missing.1 missing.16 || fail "missing: $(cat missing.1), and then $(cat missing.16)"
  # --- whereis ---
  where() { "$memlog" core --whereis "$1" "$core" | grep -q -e "$2" || fail "whereis $1: not \"$2\" but: $("$memlog" core --whereis "$1" "$core")"; }
  where "$(address chain)" 'is 0 bytes into an object$'
  where "$(printf '%#x' $(($(address chain_middle) + 100)))" 'is 100 bytes into an object$'
  where "$(address freed)" '^  state    allocated$'
  where "$(holders added | sed -n 's/^  \(0x[0-9a-f]*\).*/\1/p')" 'is in a range given to memlog_add_roots: a root$'
  on_stack=$(holders stack | sed -n 's/^  \(0x[0-9a-f]*\),.*/\1/p')
  where "$(printf '%#x' $((on_stack - 131072)))" \
    'is in memory below what is in use of the stack of thread [0-9]* (LWP [0-9]*): no root$'
  where 0x1000 'is nowhere: nothing was mapped there$'
  "$memlog" core --find-refs 0x1000 "$core" >out 2>err && fail "an object at 0x1000: $(cat out)"
  grep -q 'there is no object at that address' err || fail "0x1000: $(cat err)"
fi
unnamed static
if refs_program static -static -DLINKED "$top_builddir/.libs/libmemlog.a" -s 2>err; then
  if planted static none; then linked_door; fi
else
  echo "no static program here: $(head -n 1 err)"
fi
unnamed stripped
if planted stripped none; then linked_door; fi
$name_data not_pie
if planted not_pie none; then linked_door; fi

# --- the plain door --------------------------------------------------------------------------------------
preload=$top_builddir/.libs/libmemlog-preload.so
$name_data plain
if planted plain "$work/library.so"; then
  both_doors
fi

# --- signal handlers' stacks --------------------------------------------------------------------------------
# on_other_stacks PROGRAM: what only the threads' first stacks hold while they are on others.
on_other_stacks() {
  if planted "$1" none; then
    for name in first_stack other_stack; do
      way $name | grep -q '^  0x[0-9a-f]*, stack of thread [0-9]* ' || fail "$what: $name: $(cat $name.refs)"
      holders $name | grep -q "stack of thread [0-9]* (LWP [0-9]*), $first_frame\$" ||
        fail "$what: $name: the thread's other stack: $(cat $name.refs)"
    done
  fi
}
first_frame='frame #[0-9]* hold'
test $name_data = named || first_frame='elsewhere than its stack pointer'
compiled altstack_plain prog_core_altstack.c || fail "cannot link"
on_other_stacks altstack_plain
preload=
compiled altstack prog_core_altstack.c -DLINKED -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
on_other_stacks altstack

# --- a stack that was overrun -----------------------------------------------------------------------------------
cat >overrun.c <<'EOF'
#include <stdio.h>
#include "memlog.h"

static long deeper(long depth)
{
    volatile char frame[4096];
    frame[0] = (char)depth;
    return deeper(depth + 1) + frame[0];
}

int main(void)
{
    void *volatile held = memlog_malloc(100);
    printf("object=%p\n", held);
    fflush(stdout);
    return (int)deeper(0);
}
EOF
$CC -O0 -w -I"$top_srcdir/src/api" overrun.c -o overrun -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
dies ./overrun || fail "overrun: no core file: $(cat said)"
"$memlog" core --find-refs "$(address object)" "$core" >overrun.refs 2>err || fail "overrun: status $?: $(cat err)"
frame='frame #[0-9]* main'
test $name_data = named || frame='[0-9]* bytes above its stack pointer'
way overrun | grep -q "stack of thread 1 (LWP [0-9]*), $frame\$" ||
  fail "overrun: $(cat overrun.refs)"

# --- what is alive because of nothing --------------------------------------------------------------------------
cat >freed.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include "memlog.h"

void *freed, *uncollectable;

int main(void)
{
    freed = memlog_malloc(100);
    uncollectable = memlog_malloc_uncollectable(100);
    printf("freed=%p\nuncollectable=%p\n", freed, uncollectable);
    fflush(stdout);
    memlog_free(freed);
    abort();
}
EOF
$CC -O1 -I"$top_srcdir/src/api" freed.c -o freed -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
dies ./freed || fail "freed: no core file: $(cat said)"
for name in freed uncollectable; do
  "$memlog" core --find-refs "$(address $name)" "$core" >$name.refs 2>err || fail "$name: status $?: $(cat err)"
  holders $name | grep -q '^  0x[0-9a-f]*, .*data of ' || fail "$name: $(cat $name.refs)"
  ! grep -q 'alive because' $name.refs || fail "$name: $(cat $name.refs)"
done
tail -n 1 freed.refs | grep -qx 'it is not allocated: nothing keeps it, and what points to it is out of date' ||
  fail "freed: $(cat freed.refs)"
way uncollectable | grep -q '^  0x[0-9a-f]*, .*data of ' || fail "uncollectable: $(cat uncollectable.refs)"

# --- a long way ---------------------------------------------------------------------------------------------------
cat >list.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include "memlog.h"

static void **newest;

int main(void)
{
    for (int i = 0; i < 200; i++) {
        void **item = memlog_malloc(16);
        item[0] = newest;
        newest = item;
        if (i == 0)
            printf("oldest=%p\n", (void *)item);
    }
    fflush(stdout);
    abort();
}
EOF
$CC -O1 -I"$top_srcdir/src/api" list.c -o list -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
dies ./list || fail "list: no core file: $(cat said)"
"$memlog" core --depth 300 --find-refs "$(address oldest)" "$core" >oldest.refs 2>err || fail "list: $(cat err)"
test "$(way oldest | wc -l)" = 200 || fail "list: $(way oldest)"
! way oldest | grep -q '^ \{100\}' || fail "list: it goes to the right without end"

# --- another program in the file's place ------------------------------------------------------------------------
if test $name_data = named; then
  for id in none sha1; do
    $CC -O1 -I"$top_srcdir/src/api" freed.c -o freed -L"$top_builddir/.libs" -lmemlog -Wl,--build-id=$id || fail "cannot link"
    dies ./freed || fail "build id $id: no core file: $(cat said)"
    mv freed first
    "$memlog" core --find-refs "$(address uncollectable)" "$core" first >first.refs 2>err
    test ! -s err || fail "build id $id: $(cat err)"
    holders first | grep -q ', uncollectable, data of ' || fail "build id $id: $(cat first.refs)"
    sed 's/void \*freed/char others[5000] = { 1 }; void *freed/' freed.c >other.c
    $CC -O1 -malign-data=abi -I"$top_srcdir/src/api" other.c -o freed -L"$top_builddir/.libs" -lmemlog -Wl,--build-id=$id || fail "cannot link"
    "$memlog" core --find-refs "$(address uncollectable)" "$core" >other.refs
    holders other | grep -q ', data of .*/freed at 0x' || fail "build id $id, another program: $(cat other.refs)"
    "$memlog" core --json "$core" freed >out 2>err || fail "build id $id, another program: $(cat err)"
    test "$(cat err)" = "memlog: freed: it is another program, or another build, than the one that $core is of: there are no names from it" ||
      fail "build id $id, another program: $(cat err)"
    "$memlog" core --json "$core" nowhere >out 2>err || fail "build id $id, no program: $(cat err)"
    test "$(cat err)" = "memlog: nowhere: No such file or directory: there are no names from it" ||
      fail "build id $id, no program: $(cat err)"
  done
fi

# --- ranges of roots without end, and within one another -----------------------------------------------------
cat >ranges.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "memlog.h"

static void *held[100], **buffer;

/* Held in an object, in a part of it that was added. */
static void add_object(void)
{
    buffer[60] = held[60];
    held[60] = NULL;
    memlog_add_roots(buffer + 10, buffer + 90);
}

int main(int argc, char **argv)
{
    held[60] = memlog_malloc(100);
    printf("object=%p\n", held[60]);
    fflush(stdout);
    if (argc == 2 && strcmp(argv[1], "endless") == 0) {
        memlog_add_roots((void *)4096, (void *)-8);
    } else if (argc == 2 && strcmp(argv[1], "nested") != 0) {
        buffer = strcmp(argv[1], "noscan") == 0 ? memlog_malloc_noscan(800) : memlog_malloc(800);
        add_object();
    } else {
        memlog_add_roots(held + 10, held + 90);
        memlog_add_roots(held + 20, held + 30);
    }
    abort();
}
EOF
$CC -O1 -I"$top_srcdir/src/api" ranges.c -o ranges -L"$top_builddir/.libs" -lmemlog || fail "cannot link"
for what in endless nested noscan scan; do
  dies ./ranges $what || fail "$what: no core file: $(cat said)"
  timeout 60 "$memlog" core --find-refs "$(address object)" "$core" >$what.refs 2>err ||
    fail "$what: status $?: $(cat err)"
done
holders endless | grep -q '^  0x[0-9a-f]*, a range given to memlog_add_roots$' || fail "endless: $(cat endless.refs)"
for what in nested noscan scan; do
  held $what '0x[0-9a-f]*, a range given to memlog_add_roots'
  test "$(holders $what | wc -l)" = 1 || fail "$what: found twice: $(cat $what.refs)"
done
finish
