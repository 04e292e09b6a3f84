#!/bin/sh
# SPDX-License-Identifier: MIT
# test_api_static.sh - a fully static program: the library's archive is linked with the C
# library's, with position-independent code and without; the same archive goes into others.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "the sanitizers know no static programs"
lib=$top_builddir/.libs/libmemlog.a
test -f "$lib" || { echo "built without the archive"; exit 77; }
cd "$work" || exit 99
echo 'int main(void) { return 0; }' >empty.c
$CC -static empty.c -o empty 2>/dev/null || { echo "there is no static C library"; exit 77; }

for kind in -static -static-pie -no-pie; do
  $CC -O1 -w -D_GNU_SOURCE $kind -I"$top_srcdir/src/api" "$top_srcdir/tests/prog_static.c" "$lib" \
    -lpthread -o "program$kind" 2>err || { fail "$kind cannot be linked: $(cat err)"; continue; }
  timeout 60 "./program$kind" >out 2>&1 || fail "$kind: status $?: $(cat out)"
  test "$(cat out)" = fine || fail "$kind says: $(cat out)"
  test "$(tail -n 1 memory.log)" = '# end reason=exit' || fail "$kind: the log ends: $(tail -n 1 memory.log)"
done
finish
