#!/bin/sh
# SPDX-License-Identifier: MIT
# make plot: the pictures, the script beside the log, and what it leaves alone.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"

test -f "$top_builddir/Makefile" || { echo "no Makefile in '$top_builddir'"; exit 77; }
# The make that runs the tests passes its own flags on; this one is another.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
make_plot() { (cd "$top_builddir" && ${MAKE:-make} -s plot "$@") >stdout 2>stderr; }

mkdir "my logs" || exit 99
log="$work/my logs/it's.log"
cp "$fixtures/article.log" "$log"
make_plot LOG="$log" || fail "make plot: $(cat stderr)"
for f in "it's.png" "it's.svg"; do test -s "my logs/$f" || fail "no $f"; done
cmp -s "my logs/mem.plot" "$plot" || fail "no copy of mem.plot beside the log"
for text in "$log" "my logs/it's.png" "my logs/it's.svg" "my logs/mem.plot" "gnuplot -p" "make plot LOG="; do
  grep -qF -e "$text" stdout || fail "'$text' is not told: $(cat stdout)"
done
# The command it tells works as it stands.
sh -c "$(sed -n 's/^ *\(.*gnuplot -p.*\)/\1/p' stdout)" >drawing 2>&1 </dev/null
grep -q 'peak 11.0 MiB' drawing || fail "the command that was told does not draw: $(cat drawing)"

echo '# mine' >>"my logs/mem.plot"
cp "my logs/mem.plot" changed
make_plot LOG="$log" OUT="$work/other" || fail "make plot with OUT: $(cat stderr)"
test -s other.png && test -s other.svg || fail "OUT is not followed"
cmp -s changed "my logs/mem.plot" || fail "a changed mem.plot was overwritten"
grep -q 'left as it is' stdout || fail "a changed mem.plot is not told"

mkdir literal && cp "$fixtures/article.log" literal/memory.log
make_plot LOG="$work/literal/memory.log" || fail "make plot: $(cat stderr)"
(cd literal && "$GNUPLOT" -p mem.plot) >drawing 2>&1 </dev/null
grep -q 'peak 11.0 MiB' drawing || fail "gnuplot -p mem.plot beside the log does not draw"

if make_plot LOG="$log" GNUPLOT=/nowhere/gnuplot; then fail "make plot without gnuplot succeeded"; fi
grep -q 'needs gnuplot' stderr || fail "without gnuplot it says: $(cat stderr)"
printf '1795248000 1 2\n' >one.log
if make_plot LOG="$work/one.log"; then fail "make plot of one sample succeeded"; fi
test ! -e one.png || fail "make plot left a picture of one sample"
finish
