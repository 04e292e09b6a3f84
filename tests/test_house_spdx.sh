#!/bin/sh
# SPDX-License-Identifier: MIT
# test_house_spdx.sh - every source file names its licence in its first lines,
# ends its lines and itself properly, and knows nothing of the machine it was
# written on.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
cd "$top_srcdir" || exit 99

find src samples tests plot wrap bench doc man completion .ci -type f \
  \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.sh' -o -name '*.am' -o -name '*.go' \
  -o -name '*.py' -o -name '*.tcl' -o -name '*.awk' -o -name '*.plot' -o -name '*.map' -o -path '.ci/run' \
  -o -name '*.[135]' -o -name '*.bash' -o -name '*.fish' -o -name '*.zsh' -o -name '_memlog' \
  -o -name '*.js' -o -name '*.mjs' -o -name '*.css' -o -name '*.html' \) \
  ! -path '*/.libs/*' ! -path '*/page/uplot/*' >"$work/sources" 2>/dev/null # uPlot is others' work
for file in bootstrap configure.ac Makefile.am; do echo "$file" >>"$work/sources"; done
test "$(grep -c . "$work/sources")" -ge 100 || fail "few sources: $(tr '\n' ' ' <"$work/sources")"
{ cat "$work/sources"; find README.md NEWS samples doc -name '*.md'; } | sort -u >"$work/texts"

# each LIST COMMAND...: with all files of the list as arguments.
each() {
  list=$1
  shift
  xargs "$@" <"$work/$list" >"$work/found"
}
none() { test ! -s "$work/found" || fail "$*: $(cat "$work/found")"; }

# shellcheck disable=SC2016 # awk's variables
each sources awk 'FNR == 1 { if (NR > 1 && !named) print file; named = 0; file = FILENAME }
  FNR <= 3 && /SPDX-License-Identifier: MIT/ { named = 1 }
  END { if (!named) print file }'
none 'no SPDX line'
each sources sh -c 'for file; do test -s "$file" || echo "$file"; done' sh
none 'empty'
each texts grep -nH '[[:blank:]]$'
none 'blanks at the end'
each texts grep -lH "$(printf '\r')"
none 'carriage returns'
each texts sh -c 'for file; do test -z "$(tail -c 1 "$file")" || echo "$file"; done' sh
none 'the last line has no end'
# Homes and other places that only one machine has.
each texts grep -nHE '(^|[^A-Za-z0-9_.)}/])/(home|root|work|Users|mnt)/'
none 'a path of one machine'
# Words are put together here so that this file does not hold them.
each texts grep -nHwE "TO""DO|FIX""ME|X""XX"
none 'something is left to do'

# What a compiler makes is nobody's source: an ELF file is not kept.
if git ls-files -z >"$work/kept" 2>/dev/null; then
  xargs -0 grep -LI "" <"$work/kept" 2>/dev/null | while read -r file; do
    test "$(head -c 4 "$file" | tr -d '\177')" = ELF && echo "$file"
  done >"$work/found"
  none 'a program is kept with the sources'
fi

# Scripts can be run.
for file in bootstrap .ci/run tests/test_*.sh; do
  test -x "$file" || fail "$file can't be executed"
done
finish
