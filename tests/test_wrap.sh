#!/bin/sh
# SPDX-License-Identifier: MIT
# test_wrap.sh - an unchanged program is linked with wrap/: its memory is collected,
# its free does nothing, and what the C library allocates for it is memlog's.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "the program would need the same sanitizer"
wrap=$top_srcdir/wrap
lib=$top_builddir/.libs
cd "$work" || exit 99

# Each function is wrapped, and each wrapped name has its function.
sed -n 's/^-Wl,--wrap=//p' "$wrap/memlog.wrap" | sort >names
test "$(grep -c . "$wrap/memlog.wrap")" = "$(grep -c . names)" || fail "other lines in memlog.wrap"
# A user's flags are others than ours, and may be strict.
$CC -O2 -fPIC -Wall -Wextra -Werror -I"$top_srcdir/src/api" -D_GNU_SOURCE -c \
  "$wrap/memlog_wrap.c" -o memlog_wrap.o || fail "memlog_wrap.c is not accepted"
nm --defined-only memlog_wrap.o | sed -n 's/.* T __wrap_//p' | sort >functions
cmp names functions || fail "memlog.wrap and memlog_wrap.c differ: $(diff names functions)"

# run NAME FLAGS...: build the program so, let it run, read its log.
run() {
  name=$1
  shift
  # shellcheck disable=SC2046 # several words on purpose
  $CC -D_GNU_SOURCE -Wall "$@" "$top_srcdir/tests/prog_wrapped.c" memlog_wrap.o \
    $(cat "$wrap/memlog.wrap") -L"$lib" -lmemlog -o "$name" 2>said ||
    { fail "$name is not linked: $(cat said)"; return; }
  MEMLOG_FILE=$name.log MEMLOG_COLUMNS=NumGC LD_LIBRARY_PATH=$lib "./$name" argument >out 2>&1 ||
    fail "$name ends with $?: $(cat out)"
  # 150 MB were allocated, and never more than a few were held.
  awk '!/^#/ && NF { n++; sys = $3; gc = $4 }
    END { exit !(n >= 2 && gc >= 10 && sys < 40000000) }' "$name.log" ||
    fail "$name has left: $(cat "$name.log")"
  rm -f ./*.log
}
run plain -O0 -fno-builtin
run optimized -O2
run fortified -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2

# Without MEMLOG_FILE there is no log; with stress, nothing is lost.
MEMLOG_GC_STRESS=200 LD_LIBRARY_PATH=$lib ./optimized argument >out 2>&1 ||
  fail "under stress: $? $(cat out)"
test ! -e memory.log || fail "a log nobody asked for"

# A shared library has no main, and may not see that of the program that loads it.
cat >library.c <<'END'
#include <stdlib.h>
#include <string.h>
char *copy(const char *text);
char *copy(const char *text) { return strcpy(malloc(strlen(text) + 1), text); }
END
cat >program.c <<'END'
#include <dlfcn.h>
#include <memlog.h>
int main(void)
{
    void *library = dlopen("./liblibrary.so", RTLD_NOW);
    char *(*copy)(const char *) = library == NULL ? NULL : dlsym(library, "copy");
    return copy != NULL && memlog_usable_size(copy("text")) >= 5 ? 0 : 1;
}
END
# shellcheck disable=SC2046
$CC -shared -fPIC library.c memlog_wrap.o $(cat "$wrap/memlog.wrap") -L"$lib" -lmemlog \
  -o liblibrary.so 2>said || fail "the library: $(cat said)"
$CC -I"$top_srcdir/src/api" program.c -L"$lib" -lmemlog -ldl -o program 2>said ||
  fail "the library's program: $(cat said)"
LD_LIBRARY_PATH=$lib ./program >out 2>&1 || fail "the library's program ends with $?: $(cat out)"
finish
