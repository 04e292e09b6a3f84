#!/bin/sh
# SPDX-License-Identifier: MIT
# make plot, make plot-gc: the pictures, the script beside the log, and what it leaves alone.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"

test -f "$top_builddir/Makefile" || { echo "no Makefile in '$top_builddir'"; exit 77; }
# The make that runs the tests passes its own flags on; this one is another.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
run_make() { (cd "$top_builddir" && ${MAKE:-make} -s "$@") >stdout 2>stderr; }
make_plot() { run_make plot "$@"; }

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

# --- make plot-gc: beside the pictures of the same log
cp "$fixtures/collections.log" literal/memory.log
run_make plot-gc LOG="$work/literal/memory.log" || fail "make plot-gc: $(cat stderr)"
for f in memory-gc.png memory-gc.svg; do test -s literal/$f || fail "no $f"; done
cmp -s literal/gc.plot "$top_srcdir/plot/gc.plot" || fail "no copy of gc.plot beside the log"
grep -q 'in use (Alloc)' literal/memory.svg || fail "make plot-gc drew over the picture of the memory"
grep -q 'longest pause' literal/memory-gc.svg || fail "memory-gc.svg is no picture of collections"
sh -c "$(sed -n 's/^ *\(.*gnuplot -p.*\)/\1/p' stdout)" >drawing 2>&1 </dev/null
grep -q 'longest pause 25 ms' drawing || fail "the command that was told does not draw: $(cat drawing)"
grep -q 'make plot-gc LOG=' stdout || fail "make plot-gc does not tell of itself: $(cat stdout)"
run_make plot-gc LOG="$work/literal/memory.log" OUT="$work/third" || fail "make plot-gc with OUT: $(cat stderr)"
test -s third.png || fail "OUT is not followed by make plot-gc"

if make_plot LOG="$log" GNUPLOT=/nowhere/gnuplot; then fail "make plot without gnuplot succeeded"; fi
grep -q 'needs gnuplot' stderr || fail "without gnuplot it says: $(cat stderr)"
echo '# memlog 1' >none.log
if make_plot LOG="$work/none.log"; then fail "make plot of no samples succeeded"; fi
test ! -e none.png || fail "make plot left a picture of no samples"
finish
