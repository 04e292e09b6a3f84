#!/bin/sh
# SPDX-License-Identifier: MIT
# test_api_secure.sh - a program that runs with raised privileges heeds no MEMLOG_* variable: who
# starts it must not say where it writes. Such a program can be made by root only.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "a program would need the same sanitizer"
lib=$top_builddir/.libs
test -f "$lib/libmemlog.so" || { echo "built without shared libraries"; exit 77; }
cd "$work" || exit 99

cat >program.c <<'END'
#include <memlog.h>
#include <stdio.h>
#include <sys/auxv.h>
int main(void)
{
    printf("%lu ", getauxval(AT_SECURE));
    memlog_free(memlog_malloc(100));
    printf("%d\n", memlog_log_start(NULL));
}
END
# Any user is to get at it, and what was built may be in somebody's home.
cp -P "$lib"/libmemlog.so* "$work" || exit 99
$CC -O1 -I"$top_srcdir/src/api" program.c -L"$work" -Wl,-rpath,"$work" -lmemlog -o program || exit 99
chmod 755 "$work" libmemlog.so*
mkdir -m 777 here
cd here || exit 99
run() {
  MEMLOG_FILE=$work/here/asked.log MEMLOG_INTERVAL=nonsense MEMLOG_GCTRACE=1 MEMLOG_GC_PERCENT=0 MEMLOG_RUN=/dev/null \
    timeout 60 "$@" >"$work/out" 2>"$work/err"
}

MEMLOG_FILE=asked.log timeout 60 ../program >"$work/out" || fail "as anybody: $? $(cat "$work/out")"
test -s asked.log || fail "MEMLOG_FILE is not heeded"
rm -f asked.log

if test "$(id -u)" = 0; then
  chown 65534:65534 ../program && chmod 6755 ../program
  run ../program || fail "raised: $? $(cat "$work/out" "$work/err")"
  if test "$(cut -d' ' -f1 "$work/out")" = 1; then
    test "$(cat "$work/out")" = '1 0' || fail "raised, the log: $(cat "$work/out" "$work/err")"
    test ! -e asked.log || fail "MEMLOG_FILE is heeded by a program with raised privileges"
    grep -q ' interval=1s ' memory.log || fail "MEMLOG_INTERVAL is heeded: $(cat memory.log)"
    test ! -s "$work/err" || fail "raised, it says: $(cat "$work/err")"
  else
    echo "no rights are given here: without a program that has raised ones"
  fi
else
  echo "not root: without a program that has raised privileges"
fi
finish
