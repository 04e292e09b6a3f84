#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_build.sh - memlog builds memlog: configure and make -j2 of a copy under
# memlog run --children, every shell and compiler with a log; what is built works.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need gcc gcc
need make make
unless_full make --version
test -x "$top_srcdir/configure" || { echo "no configure in the sources (./bootstrap makes it)"; exit 77; }

# The files of a release: without what was built here.
mkdir copy
tar -C "$top_srcdir" -cf - --exclude='*.o' --exclude='*.lo' --exclude='*.la' --exclude='.libs' --exclude='.deps' \
  --exclude=.git --exclude=sanitized --exclude='*.log' --exclude='*.trs' --exclude=config.status --exclude=./Makefile \
  --exclude=./memlog --exclude=autom4te.cache --exclude='test_*' --exclude='bench_*' . | tar -C copy -xf -
chmod -R u+w copy
cd copy || exit 99
patience=1000
timeout -k 10 "$patience" "$memlog" run -q --children -o ../configure.log -- \
  ./configure --quiet --disable-static CFLAGS='-O1' >../configure.out 2>&1 || fail "configure: $? $(tail -n 5 ../configure.out)"
good_log ../configure.log 'reason=exit status=0'
timeout -k 10 "$patience" "$memlog" run -q --children -o ../make.log -- \
  make -s -j2 libmemlog.la >../make.out 2>&1 || fail "make: $? $(tail -n 5 ../make.out)"
cd .. || exit 99
good_log make.log 'reason=exit status=0'
grep -E 'warning|error' make.out && fail "make says so"

# Each compiler has a log, complete to its end.
compilers=0 incomplete=
for log in make.log.[0-9]*; do
  grep -q '^# memlog 1 .*command="[^"]*cc1 ' "$log" || continue
  compilers=$((compilers + 1))
  test "$(tail -n 1 "$log")" = '# end reason=exit' && test "$(samples "$log")" -ge 2 || incomplete="$incomplete $log"
done
test "$compilers" -ge 60 || fail "only $compilers compilers have logs"
test -z "$incomplete" || fail "incomplete:$(for log in $incomplete; do tail -n 3 "$log"; done)"
test "$(tail -n 1 make.log.total)" = '# end reason=exit' || fail "the total: $(tail -n 1 make.log.total)"
awk '/^[0-9]/ && $4 > 20000000 { seen = 1 } END { exit !seen }' make.log.total || fail "no compiler shows in the total"

# The library.
cat >program.c <<'END'
#include <memlog.h>
#include <stdint.h>
#include <stdio.h>
int main(void)
{
    struct memlog_memstats stats;
    void *volatile kept = NULL;
    for (int i = 0; i < 1000000; i++) {
        void **object = memlog_malloc(64);
        object[0] = i % 1000 == 0 ? kept : NULL;
        if (i % 1000 == 0)
            kept = object;
    }
    memlog_gc();
    memlog_read_memstats(&stats);
    int length = 0;
    for (void **at = kept; at != NULL; at = *at)
        length++;
    printf("%d %d %d\n", length, stats.num_gc > 1, stats.heap_objects < 5000);
}
END
$CC -O1 -Icopy/src/api program.c -Lcopy/.libs -lmemlog -o program || fail "it does not link"
LD_LIBRARY_PATH=copy/.libs timeout 60 ./program >out 2>&1
test "$(cat out)" = '1000 1 1' || fail "what was built says: $(cat out)"
finish
