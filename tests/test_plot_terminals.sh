#!/bin/sh
# SPDX-License-Identifier: MIT
# Every kind of picture, file names as people have them, and the drawing in a
# terminal where there is no display.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"

head_of() { dd if="$1" bs=1 count="$2" 2>/dev/null | od -An -c | tr -d ' \n'; }
has() { "$GNUPLOT" -e 'print GPVAL_TERMINALS' 2>&1 </dev/null | grep -qw "$1"; }

# --- formats, and the picture's name from the log's
cp "$fixtures/article.log" memory.log
draw memory.log png
test "$(head_of memory.png 8)" = '211PNG\r\n032\n' || fail "memory.png is no PNG"
if has pdfcairo; then
  draw memory.log pdf
  test "$(head_of memory.pdf 5)" = '%PDF-' || fail "memory.pdf is no PDF"
else
  refuse "no pdfcairo" memory.log pdf
fi
draw memory.log svg
test "$(head_of memory.svg 5)" = '<?xml' || fail "memory.svg is no SVG"
draw memory.log svg again.svg
cmp -s memory.svg again.svg || fail "the same log gives two different pictures"
draw memory.log svg -
cmp -s memory.svg stdout || fail "the standard output is not the picture"

# --- the name's ending, and names with everything the shell could trip over
mkdir "my dir.d" || exit 99
for name in "it's" 'a "b" $c `d` \e;&*?' "-e" ".hidden" "plain" "two.dots"; do
  cp memory.log "my dir.d/$name.log"
  draw "my dir.d/$name.log" svg
  cmp -s memory.svg "my dir.d/$name.svg" || fail "no right picture for '$name'"
  cp memory.log "my dir.d/$name"
  rm -f "my dir.d/$name.svg"
done
draw "my dir.d/plain" svg
test -f "my dir.d/plain.svg" || fail "a name without an ending: no plain.svg in my dir.d"
draw "my dir.d/.hidden" svg
test -f "my dir.d/.hidden.svg" || fail "a hidden log: no .hidden.svg"
draw memory.log svg "my dir.d/it's a picture.svg"
cmp -s memory.svg "my dir.d/it's a picture.svg" || fail "a picture with a quote in its name"
cp memory.log ./-dash.log
draw -dash.log svg
test -f ./-dash.svg || fail "a name that begins with a dash"
deep=.
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do deep=$deep/././././././././././././././.; done
draw "$deep/memory.log" svg deep.svg
cmp -s memory.svg deep.svg || fail "a long name"

# --- gnuplot -p mem.plot, no display: the drawing in characters
"$GNUPLOT" -p "$plot" >drawing 2>stderr </dev/null || fail "gnuplot -p mem.plot ended with $?"
test ! -s stderr || fail "gnuplot -p mem.plot said: $(cat stderr)"
for text in 'peak 11.0 MiB' 'time (UTC)' '20 MiB' '13:47' '\*\*\*' '###'; do
  grep -q "$text" drawing || fail "no $text in the drawing: $(cat drawing)"
done
COLUMNS=120 LINES=40 "$GNUPLOT" -p "$plot" >wide 2>&1 </dev/null
awk 'length($0) > w { w = length($0) } END { exit !(w > 100 && w <= 120 && NR > 30 && NR <= 40) }' wide ||
  fail "the drawing does not fit 120 by 40"
COLUMNS=x LINES=-1 "$GNUPLOT" -p "$plot" >odd 2>&1 </dev/null
grep -q 'peak 11.0 MiB' odd || fail "a size that is no number"
draw memory.log dumb text.txt
grep -q 'peak 11.0 MiB' text.txt || fail "no drawing in text.txt"
LC_ALL=C draw memory.log svg c.svg
cmp -s memory.svg c.svg || fail "the C locale changes the picture"
finish
