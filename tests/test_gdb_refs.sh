#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2317 # what is looked at is called by its name
# test_gdb_refs.sh - memlog find-refs in gdb names who holds an object, whatever it is held by, and
# the way to it: in live processes and in core files, of both doors, stripped and not.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/gdb_common.sh"
. "$top_srcdir/tests/gdb_heap_common.sh"

# holds NAME WORDS: this is among who holds it. Words are a basic regular expression.
holds() {
  holders "$1" | grep -q "^  $2" ||
    fail "$what: not among who holds $1: \"$2\" but: $(section "$1")"
}
holders() { section "$1" | sed -n '/hold a pointer to it:$/,/^[^ ]/p' | grep '^  '; }
# leads NAME WORDS: the way to it begins so.
leads() {
  way "$1" | sed -n 1p | grep -q "^  $2" ||
    fail "$what: the way to $1 does not begin with \"$2\": $(section "$1")"
}
way() { section "$1" | sed '1,/^the way from a root to it:$/d' | grep '^  '; }
# held NAME WORDS: by this alone.
held() {
  holds "$1" "$2"
  leads "$1" "$2"
  test "$(holders "$1" | wc -l)" = 1 || fail "$what: $1 is held by more than \"$2\": $(section "$1")"
}
# unheld NAME: nobody does, or none with a way to it.
unheld() {
  section "$1" | grep -q -e '^no root and no object holds a pointer to it$' ||
    fail "$what: $1 is held: $(section "$1")"
  section "$1" | grep -q '^no root leads to it' || fail "$what: $1: $(section "$1")"
}

# asked ARGUMENTS...: gdb says of every object who holds it.
asked() {
  set -- "$@" -ex 'memlog whereis 0'
  for object in $(objects); do
    set -- "$@" -ex "echo == ${object%=*}\\n" -ex "memlog find-refs ${object#*=}"
  done
  with_memlog "$@"
  for object in $(objects); do
    section "${object%=*}" | grep -q "^0x" || fail "$what: nothing about ${object%=*}: $(cat err)"
  done
}

# both_doors: what both have.
both_doors() {
  held global "data of $file: held_by_global + 16 "
  held static_local "data of $file: held_by_static_local "
  held inside "data of $file: held_inside "
  holds inside ".*(to + 808)$"
  unheld past_end
  unheld lost
  unheld other_memory
  section other_memory | grep -q '^1 other word points to it' ||
    fail "$what: other_memory: $(section other_memory)"
  held stack "stack of $(thread stack), frame #[0-9]* hold_on_stack "
  holds stack ".*(to + 24)$"
  held stack_end "stack of $(thread stack_end), frame #[0-9]* hold_end_on_stack "
  held handler "stack of $(thread handler), frame #[0-9]* hold_on_stack "
  held below_handler "stack of $(thread handler), frame #[0-9]* hold_below_handler "
  of_threads "held_by_tls + [0-9]*"
  way chain | tr '\n' '|' |
    grep -q "^  data of $file: held_chain [^|]*|  -> $(address chain_top), [^|]*: at + 8|  -> $(address chain_middle), [^|]*: at + 4000|  -> $(address chain), the object itself|" ||
    fail "$what: chain: $(way chain)"
  holds chain "$(address chain_middle), an allocated object of 5120 bytes, [a-z]*: at + 4000"
  in_cycle cycle cycle_other
  in_cycle cycle_other cycle
}

in_cycle() {
  holds "$1" "$(address "$2"), an allocated object of 48 bytes"
  section "$1" | grep -q '^only 1 object leads to it, and no root' || fail "$what: $(section "$1")"
}

# of_threads TLS: how their own variable is called.
of_threads() {
  held register "register r12 of $(thread register)"
  holds vector "register [xyz]mm5\[1\] of $(thread register)"
  leads vector "register [xyz]mm5\[0\] of $(thread register)"
  held tls "thread-local storage of $(thread own_data): $file, $1 "
  held specific "pthread_setspecific value of $(thread own_data), key [0-9] "
  held specific_high "pthread_setspecific value of $(thread own_data), key [34][0-9] "
}

# stripped programs have no names of their own data and functions.
both_doors_stripped() {
  held global "data of $file: "
  held static_local "data of $file: "
  unheld lost
  held stack "stack of $(thread stack)"
  held handler "stack of $(thread handler)"
  held below_handler "stack of $(thread handler)"
  of_threads '+ [0-9]*'
  leads chain "data of $file: "
}

of_library() {
  held library 'data of libloaded.so: library_slot '
  held library_tls "thread-local storage of $(thread own_data): libloaded.so, in_tls + 8 "
}

collected() {
  held uncollectable '0x[0-9a-f]*, an allocated object of 320 bytes, uncollectable: at + 56'
  unheld noscan
  holds typed '0x[0-9a-f]*, an allocated object of 96 bytes, typed: at + 24'
  unheld typed_not
  holds typed_large '0x[0-9a-f]*, a large object of 802816 bytes, typed: at + 799224'
  unheld typed_large_not
  held added 'added root range at 0x[0-9a-f]*, + 56 '
  unheld added_not
  unheld freed
  section freed | grep -q '^1 word in free slots points to it$' || fail "$what: $(section freed)"
  held finalizer "data of the finalizer [a-z0-9]* of the object at $(address finalized) "
  section finalized | grep -q '^it has a finalizer: ' || fail "$what: $(section finalized)"
  unheld weak
  section weak | grep -q '^there is a weak reference to it' || fail "$what: $(section weak)"
  held result 'result of a thread that has ended '
  test "$(holders due; holders due_too)" != "" || fail "$what: due: nothing"
  { holders due; holders due_too; } | grep -q '^  object whose finalizer [a-z0-9]* is due ' ||
    fail "$what: due: $(section due) $(section due_too)"
  { holders due_data; holders due_too_data; } |
    grep -q '^  data of the finalizer [a-z0-9]*, which is due ' ||
    fail "$what: due: $(section due_data) $(section due_too_data)"
}

# options: -all, -limit, -depth.
options() {
  asked -p "$pid"
  for name in argument result finalizer; do
    place=$(holders $name | sed -n '1s/.* (at \(0x[0-9a-f]*\))$/\1/p')
    words=$(holders $name | sed -n '1s/^  \(.*\) (at 0x[0-9a-f]*)$/\1/p')
    gdb -nx -batch -iex 'set debuginfod enabled off' -x "$extension" -p "$pid" \
      -ex "memlog whereis $place" 2>&1 | grep -qF "$place is in the $words" ||
      fail "$what: whereis does not say that $place is in the $words"
  done
  with_memlog -p "$pid" -ex 'echo == all\n' -ex "memlog find-refs -all $(address other_memory)" \
    -ex 'echo == noscan\n' -ex "memlog find-refs -all $(address noscan)" \
    -ex 'echo == few\n' -ex "memlog find-refs -limit 3 $(address popular)" \
    -ex 'echo == flat\n' -ex "memlog find-refs -depth 1 -limit 10 $(address chain)" \
    -ex 'echo == deep\n' -ex "memlog find-refs -depth 2 (char *) $(address chain) + 8" \
    -ex 'echo == end\n' -ex 'memlog find-refs -depth x 1' -ex 'memlog find-refs' \
    -ex 'memlog find-refs -al 1' -ex 'memlog find-refs 1' -ex 'memlog find-refs "abc"' \
    -ex 'memlog find-refs --all 1' -ex 'memlog find-refs 1 -all' \
    -ex 'memlog find-refs -1 + 1' -ex 'memlog find-refs no_such'
  section all | grep -q '^  other memory, in 0x' || fail "$what: -all: $(section all)"
  section noscan | grep -A 1 '^objects without pointers that hold its address:$' |
    grep -q '^  0x[0-9a-f]*, an allocated object of 320 bytes, noscan: at + 0$' ||
    fail "$what: -all, noscan: $(section noscan)"
  test "$(section few | grep -c -e held_often -e '^  and 7 more (-limit)$')" = 5 ||
    fail "$what: -limit: $(section few)"
  section flat | grep -q '^no root was found within the depth that was asked for; .* 2 objects' ||
    fail "$what: -depth 1: $(section flat)"
  section deep | grep -q 'is 8 bytes in an allocated object of 32 bytes, scan' ||
    fail "$what: inside: $(section deep)"
  way deep | grep -q 'held_chain' || fail "$what: -depth 2: $(section deep)"
  err_says 'memlog: -depth wants a number, not "x"; usage: memlog find-refs [-all] [-depth N] [-limit N] ADDRESS'
  err_says 'memlog: memlog find-refs wants an address; usage:'
  err_says 'memlog: memlog find-refs knows no "-al"; usage:'
  err_says 'memlog: memlog find-refs knows no "--all"; usage:'
  err_says 'memlog: memlog find-refs wants -all in front of the address; usage:'
  err_says 'memlog: 0x1 is in no object'
  err_says 'memlog: ""abc"" is no address'
  err_says 'memlog: 0x0 is in no object'
  err_says 'No symbol "no_such" in current context.'
}

# look WHAT PROGRAM LIBRARY CHECKS...: attached, where $live is looked at, too, and in the kernel's core
# file; with $thrice in the one that gdb makes.
look() {
  what=$1 file=$2 library=$3
  shift 3
  planted "$file" "$library" plant wait go abort || return
  $live
  asked -p $pid ${thrice:+-ex "generate-core-file made.core"}
  for check in "$@"; do $check; done
  name=$what
  look_at_core "gdb's" made.core "$@"
  touch go
  { wait $pid; } 2>/dev/null
  test "$kernel_cores" = 1 || { echo "$name: core files go elsewhere here"; return; }
  core_of $pid || { fail "$name: it has left no core file"; return; }
  look_at_core "the kernel's" "$core" "$@"
  test -z "$same" || same_as_memlog_core
}
# What the shell's command finds in the same file: as many holders, and as long a way. (With malloc
# thread-local blocks are objects for it.)
same_as_memlog_core() {
  for object in $(objects); do
    "$top_builddir/memlog" core "--find-refs=${object#*=}" "$core" >shell 2>shell.err
    found=$(sed -n '/^held by/,/^[^ ]/p' shell | grep -c '^  ')
    long=$(sed -n '/^it is alive because of$\|^it lives until it is freed, /,$p' shell | grep -c '^  ')
    test "$found $long" = "$(holders "${object%=*}" | wc -l) $(way "${object%=*}" | grep -c -v 'itself$')" ||
      fail "$what: ${object%=*}: memlog core says $(cat shell shell.err) and gdb $(section "${object%=*}")"
    test "${object%=*}" != stack || grep -q '^  0x[0-9a-f]*, stack of thread ' shell ||
      fail "$what: $object: memlog core says $(cat shell)"
  done
}
look_at_core() {
  what="$name, in $1 core file" made=$2
  shift 2
  test -f "$made" || return
  asked "$file" "$made"
  for check in "$@"; do $check; done
}

ulimit -f 4194304 # as in test_gdb_mstat.sh
MALLOC_ARENA_MAX=1
export MALLOC_ARENA_MAX
$CC -O1 -shared -fPIC "$top_srcdir/tests/prog_gdb_library.c" -o libplaces.so -ldl || exit 99
cp libplaces.so libloaded.so
places="-Wl,--no-as-needed -L. -lplaces -Wl,-rpath,$work"

argument() {
  held argument 'argument of a thread that has not begun yet '
}

with="" thrice=yes live=options same=yes
# shellcheck disable=SC2086 # several words
compiled shared prog_gdb_refs.c -DLINKED -L"$top_builddir/.libs" -lmemlog $places || fail "cannot link"
look "linked with the shared library" shared ./libloaded.so both_doors of_library collected argument
thrice="" live="" same=""
archive=$top_builddir/.libs/libmemlog.a
kinds=static
if test "$full" = 1; then
  kinds="static static-pie"
  cp shared stripped && strip stripped &&
    look "the same, stripped" stripped ./libloaded.so both_doors_stripped of_library collected argument
  test -f "$archive" && compiled no-pie prog_gdb_refs.c -DLINKED -no-pie "$archive" &&
    look "the archive, no-pie" no-pie ./libloaded.so both_doors of_library collected
fi
if test -f "$archive"; then
  for kind in $kinds; do
    compiled "$kind" prog_gdb_refs.c -DLINKED "-$kind" "$archive" -s 2>said ||
      { echo "no $kind program here: $(head -n 1 said)"; continue; }
    same=yes
    look "$kind, stripped" "$kind" none both_doors_stripped collected
    same=""
  done
fi

with=$preload thrice=yes
compiled plain prog_gdb_refs.c || fail "cannot link"
look "preloaded" plain ./libloaded.so both_doors of_library
thrice=
test "$full" = 1 && compiled plain-stripped prog_gdb_refs.c -no-pie -s &&
  look "preloaded, no-pie, stripped" plain-stripped none both_doors_stripped
finish
