#!/bin/sh
# SPDX-License-Identifier: MIT
# test_house_exports.sh - the shared library exports memlog_* and the names that
# memlog.map lists, no others; each function of the public headers is among
# them; and what it exports as memlog_* is declared there.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
need nm binutils
need readelf binutils

library=$top_builddir/.libs/libmemlog.so
test -f "$library" || { echo "built without a shared library"; exit 77; }

nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
  grep -v '^__odr_asan\.' | sort -u >"$work/exported"
sed -n '/global:/,/local:/s/^ *\([A-Za-z_0-9]*\*\{0,1\}\);.*/\1/p' \
  "$top_srcdir/src/api/memlog.map" >"$work/map"
# Names of the C library that memlog stands in front of.
for name in pthread_create pthread_exit pthread_join pthread_tryjoin_np pthread_timedjoin_np \
  pthread_clockjoin_np pthread_detach thrd_create pthread_sigmask sigprocmask sigwait sigwaitinfo \
  sigtimedwait sigsuspend pselect ppoll epoll_pwait epoll_pwait2 sigaction signal sysv_signal \
  __sysv_signal sigset sigignore qsort qsort_r; do
  echo "$name"
done | sort -u >"$work/listed"
grep -qxF 'memlog_*' "$work/map" || fail "memlog.map has no memlog_*"

# The compiler finds the declarations: those of functions, in the preprocessed
# headers, without the static inline ones.
: >"$work/declared"
for header in "$top_srcdir"/src/api/memlog*.h; do
  case $header in */memlog_http.h) continue ;; esac
  $CC -E -P "$header" | tr '\n' ' ' | sed 's/{[^{}]*}/;/g; s/{[^{}]*}/;/g' | tr ';' '\n' |
    grep -v 'static' | sed -n 's/^[^(]*[ *]\(memlog_[a-z_0-9]*\) *(.*/\1/p' >>"$work/declared"
done
sort -u -o "$work/declared" "$work/declared"
test "$(grep -c . "$work/declared")" -ge 20 ||
  fail "few functions are declared: $(tr '\n' ' ' <"$work/declared")"

comm -23 "$work/declared" "$work/exported" >"$work/missing"
test ! -s "$work/missing" || fail "declared, but not exported: $(tr '\n' ' ' <"$work/missing")"
# memlog_root is for readers of the process's memory (stats/root.h), not for programs.
grep '^memlog_' "$work/exported" | grep -vx memlog_root | comm -13 "$work/declared" - >"$work/secret"
test ! -s "$work/secret" || fail "exported, but declared nowhere: $(tr '\n' ' ' <"$work/secret")"

grep -v '^memlog_' "$work/exported" | comm -23 - "$work/listed" >"$work/leaked"
test ! -s "$work/leaked" || fail "exported, but not for others: $(tr '\n' ' ' <"$work/leaked")"
comm -13 "$work/exported" "$work/listed" >"$work/absent"
test ! -s "$work/absent" || fail "memlog does not stand in front of: $(tr '\n' ' ' <"$work/absent")"
# The loader takes one with a version of ours for none that a library asks for.
nm -D --defined-only --with-symbol-versions "$library" | awk '{ print $3 }' |
  grep -v '^memlog_' | grep '@' | grep -v '^MEMLOG_0@' >"$work/versioned"
test ! -s "$work/versioned" || fail "with a version: $(tr '\n' ' ' <"$work/versioned")"

# The preload library: what libmemlog exports and more, and all of its map.
other=$top_builddir/.libs/libmemlog-preload.so
if test -f "$other"; then
  nm -D --defined-only "$other" | awk '{ print $3 }' | sort -u >"$work/preload"
  comm -23 "$work/exported" "$work/preload" >"$work/missing"
  test ! -s "$work/missing" || fail "not in the preload library: $(tr '\n' ' ' <"$work/missing")"
  sed -n '/global:/,/local:/p' "$top_srcdir/src/preload/preload.map" | tr -d ' ' | tr ';' '\n' |
    grep -E '^[A-Za-z_0-9]+$' | sort -u >"$work/listed"
  comm -13 "$work/preload" "$work/listed" >"$work/absent"
  test ! -s "$work/absent" || fail "in preload.map, but not there: $(tr '\n' ' ' <"$work/absent")"
  sort -u "$work/listed" "$work/exported" | comm -23 "$work/preload" - >"$work/leaked"
  test ! -s "$work/leaked" || fail "exported for preloading: $(tr '\n' ' ' <"$work/leaked")"
  # A name with a version is not what a program asks for that wants malloc@GLIBC_2.2.5.
  readelf -V "$other" | grep -q 'Version definition' && fail "the preload library has versions"
  readelf -d "$other" | grep -q 'Flags:.*INITFIRST' || fail "others are started before it"
fi

# A program that is loaded with the library needs no more than the C library.
if test -z "$SANITIZE"; then
  readelf -d "$library" "$other" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -vE '^(libc\.so\.6|libgcc_s\.so\.1|ld-linux-x86-64\.so\.2)$' >"$work/needed"
  test ! -s "$work/needed" || fail "the library needs $(tr '\n' ' ' <"$work/needed")"
fi
finish
