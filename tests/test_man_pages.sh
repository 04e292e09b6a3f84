#!/bin/sh
# SPDX-License-Identifier: MIT
# test_man_pages.sh - the manual is whole and right: each command and option, each function, field
# and variable is in its page, as the program and the headers have it, and nothing else is.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/man_common.sh"
need mandoc mandoc
need nm binutils

# same WHAT PAGE: the lines of $work/is (the truth) and of $work/said (the page), sorted, are the same.
same() {
  sort -u "$work/is" >"$work/is.sorted"
  sort -u "$work/said" >"$work/said.sorted"
  missing=$(comm -23 "$work/is.sorted" "$work/said.sorted" | tr '\n' ' ')
  invented=$(comm -13 "$work/is.sorted" "$work/said.sorted" | tr '\n' ' ')
  test -z "$missing" || fail "$2 lacks $1: $missing"
  test -z "$invented" || fail "$2 has $1 that there are not: $invented"
  test -s "$work/is" || fail "$2: there are no $1 at all"
}
# in_struct NAME: its members.
in_struct() {
  tr '\n' ' ' <"$work/headers" | sed "s/.*struct $1 {\([^}]*\)}.*/\1/" | tr ';' '\n' |
    sed -n 's/\[.*//;s/.*[ *]\([a-z_0-9]*\) *$/\1/p' | grep .
}
# What stands in the lists of a page: .It Fa "type member".
in_lists() { sed -n 's/^\.It Fa "\([^"]*\)".*/\1/p' "$1" | sed 's/\[.*//;s/.*[ *]//'; }
plain() { mandoc -Tascii "$1" | sed "s/.$(printf '\b')//g"; }
# Without the blanks, what is between two headings.
synopsis() {
  plain "$1" | sed -n '/^SYNOPSIS/,/^DESCRIPTION/p' | grep -v '^[A-Z]\|#include' |
    tr -d ' \n' | tr ';' '\n'
}
names_of() { sed -n '/^\.Nd/q;s/^\.Nm \([^ ]*\).*/\1/p' "$1"; }

# ---- form ----------------------------------------------------------------------------

for page in "$pages"/*.[135]; do
  mandoc -Tlint -W warning "$page" >"$work/lint" 2>&1 || fail "$(cat "$work/lint")"
  name=$(basename "$page")
  names_of "$page" | grep -qxF "${name%.*}" || fail "$name does not call itself so"
  for section in 'Sh SYNOPSIS' 'Sh DESCRIPTION' 'Sh SEE ALSO'; do
    test "$name $section" = 'memory.log.5 Sh SYNOPSIS' || grep -qx "\.$section" "$page" ||
      fail "$name has no .$section"
  done
  case $name in *.1) grep -qx '\.Sh EXIT STATUS' "$page" || fail "$name has no exit status" ;; esac
done

# Who is referred to is there.
for page in "$pages"/*.[135]; do
  section=${page##*.}
  names_of "$page" | sed "s/\$/ $section/"
done >"$work/said"
sed -n 's/^\.Xr \(memlog[^ ]*\|libmemlog[^ ]*\|memory\.log\) \([0-9]\).*/\1 \2/p' "$pages"/*.[135] |
  sort -u >"$work/is"
missing=$(sort -u "$work/said" | comm -23 "$work/is" - | tr '\n' ';')
test -z "$missing" || fail "pages are referred to that there are not: $missing"

# ---- commands ------------------------------------------------------------------------

commands >"$work/is"
for page in "$pages"/memlog-*.1; do
  page=$(basename "$page" .1)
  echo "${page#memlog-}"
done >"$work/said"
same commands 'the manual'
sed -n 's/^\.It Xr memlog-\([a-z-]*\) 1$/\1/p' "$pages/memlog.1" >"$work/said"
same commands 'memlog(1)'

for command in $(commands); do
  page=$pages/memlog-$command.1
  test "$command" != help && test -f "$page" || continue
  "$memlog" "$command" --help >/dev/null 2>&1 || continue # its module was not built
  options "$command" >"$work/is"
  sed -n 's/\\&//g;/^\.It Fl/p' "$page" |
    awk '{ for (i = 1; i < NF; i++) if ($i == "Fl") print "-" $(i + 1) }' >"$work/said"
  same options "memlog-$command(1)"
done

# ---- functions, fields -----------------------------------------------------------------

for header in memlog.h memlog_http.h; do
  # shellcheck disable=SC2086 # $CC may be several words
  $CC -E -P "-D__attribute__(x)=" "$top_srcdir/src/api/$header" || fail "cannot read $header"
done >"$work/headers"
tr '\n' ' ' <"$work/headers" | tr ';{}' '\n\n\n' | sed 's/static inline//;s/extern "C"//' |
  grep '^[a-z0-9_ *]*[ *]memlog_[a-z_]*(' | tr -d ' ' | sort -u >"$work/prototypes"
test "$(grep -c . "$work/prototypes")" -ge 40 || fail "few prototypes: $(cat "$work/prototypes")"
while IFS= read -r prototype; do
  # Blanks are gone: void memlog_gc is voidmemlog_gc.
  name=memlog_$(echo "${prototype%%(*}" | sed 's/^.*[a-z0-9*]memlog_//')
  echo "$name" >>"$work/functions"
  page=$(grep -lx "\.Nm $name\( ,\)\{0,1\}" "$pages"/*.3)
  test -n "$page" || { fail "no page has the name $name"; continue; }
  synopsis "$page" | grep -qxF -e "$prototype" ||
    fail "$(basename "$page") does not have $prototype but $(synopsis "$page" | grep -F "$name(")"
done <"$work/prototypes"

# Of what the libraries export nothing is kept from the manual.
for library in libmemlog libmemlog-http; do
  so=$top_builddir/.libs/$library.so
  test ! -f "$so" || nm -D --defined-only "$so" | sed -n 's/.* T \(memlog_[a-z_]*\).*/\1/p'
done | sort -u >"$work/exported"
missing=$(sort -u "$work/functions" | comm -23 "$work/exported" - | tr '\n' ' ')
test -z "$missing" || fail "exported, and not in a header and its page: $missing"

for pair in memlog_memstats:memlog_read_memstats memlog_extra:memlog_read_extra \
  memlog_log_options:memlog_log_start; do
  in_struct "${pair%:*}" >"$work/is"
  in_lists "$pages/${pair#*:}.3" >"$work/said"
  same fields "${pair#*:}(3)"
done
# Their other names: those of Go, and of columns.
if test -x "$top_builddir/tests/print_stats"; then
  "$top_builddir/tests/print_stats" fields | sed 's/ .*//' | sort -u >"$work/is"
  for page in memlog_read_memstats.3 memlog_read_extra.3 memory.log.5; do
    sed -n 's/^\.It .* Pq \([A-Za-z]*\)$/\1/p' "$pages/$page"
  done >"$work/said"
  same columns 'the manual'
fi

# ---- variables -------------------------------------------------------------------------

grep -rhoE --include='*.c' '"MEMLOG_[A-Z_]+"' "$top_srcdir/src" | tr -d '"' |
  grep -vx 'MEMLOG_RUN' >"$work/is" # what memlog run tells what it has put into the program
sed -n 's/^\.It Ev //p' "$pages"/*.[135] | tr -d ',' | tr ' ' '\n' | grep '^MEMLOG_' >"$work/said"
same variables 'the manual'

# ---- installed ---------------------------------------------------------------------------

(cd "$top_builddir" && ${MAKE:-make} -s install-man install-man-links DESTDIR="$work/stage") \
  >"$work/make.out" 2>&1 || fail "make install-man: $(cat "$work/make.out")"
man3=$(find "$work/stage" -name memlog_malloc.3)
man3=${man3%/*}
for name in $(cat "$work/exported") memlog_keep_alive MEMLOG_BITMAP_LONGS; do
  plain "$man3/$name.3" 2>&1 | grep -q "^ *$name\|, $name" || fail "man $name would not find it"
done
(cd "$top_builddir" && ${MAKE:-make} -s uninstall-man uninstall-man-links DESTDIR="$work/stage") \
  >"$work/make.out" 2>&1 || fail "make uninstall-man: $(cat "$work/make.out")"
find "$work/stage" ! -type d >"$work/rest"
test ! -s "$work/rest" || fail "uninstalling leaves $(cat "$work/rest")"
finish
