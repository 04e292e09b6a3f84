#!/bin/sh
# SPDX-License-Identifier: MIT
# test_preload_linked.sh - a program that is linked with libmemlog runs with the preload
# library: one heap, one collector, one log; and the library alone is as it was.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
lib=$top_builddir/.libs
test -f "$lib/libmemlog-preload.so" || { echo "built without shared libraries"; exit 77; }
cd "$work" || exit 99
$CC -O1 -D_GNU_SOURCE -I"$top_srcdir/src/api" "$top_srcdir/tests/prog_preload_linked.c" \
  -L"$lib" -lmemlog -o linked || exit 99

# A setting that makes no sense is complained about once: by one copy of memlog.
MEMLOG_GC_PERCENT=much LD_LIBRARY_PATH=$lib LD_PRELOAD=$lib/libmemlog-preload.so ./linked \
  >out 2>&1 || fail "with the preload library: $? $(cat out)"
test "$(grep -c . out)" = 1 || fail "it says: $(cat out)"
grep -q 'MEMLOG_GC_PERCENT: "much"' out || fail "it says: $(cat out)"
test "$(grep -c '^# memlog 1' memory.log)" = 1 || fail "logs: $(cat memory.log)"
grep -qE ' gc=(concurrent|stop) ' memory.log || fail "header: $(cat memory.log)"

# MEMLOG_FILE is the program's own business.
MEMLOG_FILE=named.log LD_LIBRARY_PATH=$lib LD_PRELOAD=$lib/libmemlog-preload.so ./linked \
  >out 2>&1 || fail "with a name: $? $(cat out)"
test "$(grep -c '^# memlog 1' named.log)" = 1 || fail "logs: $(cat named.log)"

# The mark that is checked looks at what is being made.
MEMLOG_GC_VERIFY=1 LD_LIBRARY_PATH=$lib LD_PRELOAD=$lib/libmemlog-preload.so ./linked \
  >out 2>&1 || fail "with a checked mark: $? $(cat out)"

# Of one mapping of address space as large as a heap's there is one.
cat >spaces.c <<'END'
#include <memlog.h>
#include <stdio.h>
int main(void)
{
    unsigned long begin, end;
    int large = 0;
    char line[512];
    memlog_free(memlog_malloc(1));
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof(line), maps) != NULL)
        large += sscanf(line, "%lx-%lx", &begin, &end) == 2 && end - begin > 1UL << 38;
    printf("%d\n", large);
}
END
$CC -O1 -I"$top_srcdir/src/api" spaces.c -L"$lib" -lmemlog -o spaces || exit 99
alone=$(LD_LIBRARY_PATH=$lib ./spaces)
both=$(LD_LIBRARY_PATH=$lib LD_PRELOAD=$lib/libmemlog-preload.so ./spaces)
test "$alone" = "$both" || fail "$both large mappings with both libraries, and $alone with one"
finish
