#!/bin/sh
# SPDX-License-Identifier: MIT
# test_house_spdx.sh - every source file names its licence in its first lines,
# ends its lines and itself properly, and knows nothing of the machine it was
# written on.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
cd "$top_srcdir" || exit 99

find src samples tests plot bench doc .ci -type f \
  \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.sh' -o -name '*.am' -o -name '*.go' \
  -o -name '*.py' -o -name '*.awk' -o -name '*.plot' -o -name '*.map' -o -path '.ci/run' \) \
  ! -path '*/.libs/*' >"$work/sources" 2>/dev/null
for file in bootstrap configure.ac Makefile.am; do echo "$file" >>"$work/sources"; done
test "$(grep -c . "$work/sources")" -ge 100 || fail "few sources: $(tr '\n' ' ' <"$work/sources")"
{ cat "$work/sources"; find README.md NEWS samples doc -name '*.md'; } | sort -u >"$work/texts"

while read -r file; do
  head -3 "$file" | grep -q 'SPDX-License-Identifier: MIT' || fail "$file: no SPDX line"
done <"$work/sources"

while read -r file; do
  grep -nH '[[:blank:]]$' "$file" >"$work/found" && fail "blanks at the end: $(cat "$work/found")"
  grep -nH "$(printf '\r')" "$file" >"$work/found" && fail "carriage returns: $file"
  test -z "$(tail -c 1 "$file")" || fail "$file: the last line has no end"
  # Homes and other places that only one machine has.
  grep -nHE '(^|[^A-Za-z0-9_.)}/])/(home|root|work|Users|mnt)/' "$file" >"$work/found" &&
    fail "a path of one machine: $(cat "$work/found")"
  # Words are put together here so that this file does not hold them.
  grep -nHwE "TO""DO|FIX""ME|X""XX" "$file" >"$work/found" &&
    fail "something is left to do: $(cat "$work/found")"
done <"$work/texts"

# Scripts can be run.
for file in bootstrap .ci/run tests/test_*.sh; do
  test -x "$file" || fail "$file can't be executed"
done
finish
