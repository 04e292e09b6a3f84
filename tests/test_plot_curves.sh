#!/bin/sh
# SPDX-License-Identifier: MIT
# The drawn curves go through the logged numbers, and through nothing else.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"

# --- six samples without a header
draw "$fixtures/article.log" svg article.svg
proportional "system (Sys)" 3 "$fixtures/article.log" article.svg
proportional "in use (Alloc)" 2 "$fixtures/article.log" article.svg
has_text "peak 11.0 MiB" article.svg
has_text "system (Sys), peak 26.6 MiB" article.svg
has_text "time (UTC)" article.svg
has_text "25 MiB" article.svg
has_text "13:48:00" article.svg

# --- lines that are no samples change nothing
draw "$fixtures/cut.log" svg cut.svg
for name in "system (Sys)" "in use (Alloc)"; do
  curve "$name" article.svg >whole
  curve "$name" cut.svg >cut
  cmp -s whole cut || fail "cut lines are drawn in '$name': $(diff whole cut)"
done
# A last line without its newline was cut, even where it looks like a sample.
{ cat "$fixtures/article.log"; printf '1294926700 6689736 27924'; } >tail.log
draw tail.log svg tail.svg
cmp -s article.svg tail.svg || fail "a last line without newline is drawn"

# --- two runs are two curves
draw "$fixtures/runs.log" svg runs.svg
grep '^[0-9]' "$fixtures/runs.log" >runs.samples
for name in "system (Sys)" "in use (Alloc)"; do
  curve "$name" runs.svg | cut -d' ' -f1 | tr -d '\n' >pen
  test "$(cat pen)" = MLLMLL || fail "two runs of three samples are drawn as $(cat pen) in '$name'"
done
proportional "system (Sys)" 3 runs.samples runs.svg
test "$(grep -c '<polygon.*fill-opacity' runs.svg)" -eq 2 || fail "the areas of two runs are not two"
# A header alone separates as well as the blank line before it.
grep . "$fixtures/runs.log" >closed.log
draw closed.log svg closed.svg
cmp -s runs.svg closed.svg || fail "a header without a blank line before it does not separate"

# A run of one sample between them is two dots.
{ cat "$fixtures/runs.log"; printf '\n1795248036 1000 2000\n'; } >single.log
draw single.log svg single.svg
test "$(grep -c "<use xlink:href='#gpPt6'" single.svg)" -eq 3 ||
  fail "a run of one sample is not two dots beside the peak's"

# --- a run that began in FILE.1 is one curve; what else is called so stays out
header='# memlog 1 pid=7 start=2026-11-21T08:00:00Z interval=1s command="./a [b] $c"'
{ echo "$header"; sed -n 1,3p "$fixtures/article.log"; printf '1294926442 6689736 27'; } >parts.log.1
{ echo "$header"; sed -n '4,$p' "$fixtures/article.log"; } >parts.log
draw parts.log svg parts.svg
proportional "system (Sys)" 3 "$fixtures/article.log" parts.svg
test "$(curve "in use (Alloc)" parts.svg | cut -d' ' -f1 | tr -d '\n')" = MLLLLL || fail "two files are two curves"
texts parts.svg | grep -q '^pid 7 ' || fail "two files are two runs: $(texts parts.svg)"
sed -i '1s/pid=7/pid=8/' parts.log.1
draw parts.log svg parts.svg
test "$(curve "in use (Alloc)" parts.svg | grep -c .)" = 3 || fail "another run's FILE.1 is drawn"
cp "$fixtures/article.log" parts.log.1
cp "$fixtures/article.log" parts.log
draw parts.log svg parts.svg
test "$(curve "in use (Alloc)" parts.svg | grep -c .)" = 6 || fail "a FILE.1 without a header is drawn"

# --- no spike is lost where there are more samples than pixels
awk 'BEGIN {
  print "# memlog 1 pid=1 start=2026-11-21T08:00:00Z interval=1s command=\"long\""
  for (i = 0; i < 30000; i++)
    print 1795248000 + i, (i == 17123 ? 900 : i == 21001 ? 1 : 100 + i % 7) * 1000000, 1000000000
}' >long.log
draw long.log svg long.svg
sys=$(curve "system (Sys)" long.svg | sed -n '1s/.* //p')
curve "in use (Alloc)" long.svg | awk -v base="$(base long.svg)" -v sys="$sys" '
  { share = (base - $3) / (base - sys) }
  NR == 1 || share < least { least = share }
  share > most { most = share }
  END { exit !(NR > 1000 && NR < 12000 && most > .899 && most < .901 && least < .002) }' ||
  fail "thinning lost the spikes"
curve "in use (Alloc)" long.svg | awk '$2 < x { exit 1 } { x = $2 }' || fail "thinning changed the order"
has_text "peak 858 MiB" long.svg

# --- the axis in every range
draw "$fixtures/fraction.log" svg fraction.svg
grep '^[0-9]' "$fixtures/fraction.log" >fraction.samples
proportional "in use (Alloc)" 2 fraction.samples fraction.svg
has_text "08:00:00.10" fraction.svg
has_text "60 KiB" fraction.svg
printf '1795248000 1 3298534883328\n1796888000 2199023255552 3298534883328\n' >huge.log
draw huge.log svg huge.svg
proportional "in use (Alloc)" 2 huge.log huge.svg
has_text "1.5 TiB" huge.svg
has_text "Nov 23" huge.svg
printf '1795248000 4096 65536\n1795248001 8192 131072\n' >two.log
draw two.log svg two.svg
has_text "08:00:00.0" two.svg
has_text "08:00:01.0" two.svg
printf '1795248000 0 0\n1795248000 0 0\n' >zero.log
draw zero.log svg zero.svg
finish
