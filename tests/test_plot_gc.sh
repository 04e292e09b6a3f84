#!/bin/sh
# SPDX-License-Identifier: MIT
# gc.plot: every collection stands where its line says, in the colour of how it
# was done; what is no such line changes nothing, and what is missing is told.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"
plot=$top_srcdir/plot/gc.plot
log=$fixtures/collections.log

along=' *47, *111, *179'
stopped='217, *130, *43'

# points TITLE SVG: "x y" of each in the lower panel.
points() {
  awk -v title="<title>$1</title>" '
    index($0, "<title>") { inside = index($0, title) }
    inside && /<use / { sub(/.*translate\(/, ""); sub(/\).*/, ""); sub(/,/, " "); print }' "$2" |
    awk '$2 > 340'
}
# strokes COLOUR SVG: "x y1 y2" of each upright line in the upper panel.
strokes() {
  tr '\n\t' '  ' <"$2" | grep -o "<path stroke='rgb($1)' *d='[^']*'" | sed "s/.* d='//; s/'//; s/ *M/\n/g" |
    sed 's/ *L/ /; s/,/ /g' | awk 'NF == 4 && $1 == $3 && $2 > 90 && $4 < 301 { print $1, $2, $4 }'
}
# collections HOW LOG: "end before live longest", by the names.
collections() {
  sed -n "/^# gc .* end=.*how=$1\|^# gc .*how=$1.* end=/p" "$2" | awk '{
    for (i = 4; i <= NF; i++) { split($i, p, "="); v[p[1]] = p[2] }
    print v["end"], v["before"], v["live"], v["longest"] }'
}
# same A B: the same numbers on each line, but for a tenth.
same() {
  test -s "$1" && test "$(grep -c . "$1")" = "$(grep -c . "$2")" && paste -d ' ' "$1" "$2" | awk '
    { for (i = 1; i <= NF / 2; i++) if ((d = $i - $(i + NF / 2)) > .1 || d < -.1) exit 1 }'
}

# --- in its place: x from 107.69 at 0 s to 1146.11 at 40 s, the heap from 300.0
# at 0 bytes, the pauses in decades from 10 us on, which stand at their grid lines
draw "$log" svg gc.svg
grep -o "class=\"gridline\"  d='M[^']*'" gc.svg | sed "s/.*M//; s/[,L']/ /g" | awk '$2 == $4 { print $2 }' >grid
zero=300.0
ten=$(awk '$1 > 301' grid | sort -rn | sed -n 1p)
hundred=$(awk '$1 > 301' grid | sort -rn | sed -n 2p)
mib5=$(awk '$1 < 299' grid | sort -rn | sed -n 1p)
for how in along stopped; do
  eval "colour=\$$how"
  title=stopped
  test $how = stopped || title="along with the program"
  collections $how "$log" >lines
  points "$title" gc.svg >drawn
  awk -v ten="$ten" -v hundred="$hundred" '{ print 107.69 + ($1 - 1795248000) * 1038.42 / 40, \
    ten + (hundred - ten) * log($4 / 10000) / log(10) }' lines >expected
  same expected drawn || fail "pauses '$how' are at $(tr '\n' ';' <drawn), not at $(tr '\n' ';' <expected)"
  strokes "$colour" gc.svg >drawn
  awk -v zero=$zero -v mib5="$mib5" '{ print 107.69 + ($1 - 1795248000) * 1038.42 / 40, \
    zero + (mib5 - zero) * $2 / 5242880, zero + (mib5 - zero) * $3 / 5242880 }' lines >expected
  same expected drawn || fail "heaps '$how' are at $(tr '\n' ';' <drawn), not at $(tr '\n' ';' <expected)"
done
test "$(points "until all threads stood" gc.svg | grep -c .)" -eq 5 || fail "not 5 times until all stood"
# The goal is level between collections, up to the end of its run.
curve goal gc.svg | cut -d' ' -f1 | tr -d '\n' >pen
test "$(cat pen)" = MLLLLLMLL || fail "goals of two runs are drawn as $(cat pen)"
curve goal gc.svg | awk -v zero=$zero -v mib5="$mib5" '
  function off(a, b) { return a - b > .1 || b - a > .1 }
  NR == 6 && (off($2, 107.69 + 1038.42 / 2) || off($3, zero + (mib5 - zero) * 8)) { exit 1 }' ||
  fail "a goal does not reach the end of its run: $(curve goal gc.svg | tr '\n' ';')"

# --- the words
has_text './a "b" \c, two' gc.svg
has_text '2 runs  ·  2026-11-21 08:00:00  ·  40 s' gc.svg
has_text '5 collections, 3 along  ·  44 more without a line  ·  longest pause 25 ms, median 800 µs  ·  1.3 % of a CPU' gc.svg
for text in '25 ms' '1 ms' '10 µs' '40 MiB' '08:00:20' 'time (UTC)' goal stopped 'longest pause of each collection'; do
  has_text "$text" gc.svg
done
# Where lines are missing both panels are shaded, from the sample before on.
grep -o "polygon fill = 'rgb(233, 233, 233)' points = '[^']*" gc.svg | sed "s/.*= '//; s/,/ /g" >gaps
awk '$1 - 886.5 > .1 || 886.5 - $1 > .1 || $3 - 1042.3 > .1 || 1042.3 - $3 > .1 { exit 1 } END { exit NR != 2 }' gaps ||
  fail "the gap is drawn as: $(cat gaps)"
sed 's/how=stopped/how=along/' "$log" | grep -v missed >along.log
draw along.log svg along.svg
has_text '5 collections, all along  ·  longest pause 25 ms, median 800 µs  ·  1.3 % of a CPU' along.svg
has_no_text stopped along.svg
# Of an even number the median is the lower of the two in the middle.
awk '/^# gc / && / end=/ { gsub(/longest=[0-9]+/, "longest=" ++n * 1000); print }' \
  "$log" "$log" >ten.log
draw ten.log dumb
grep -q 'longest pause 10 us, median 5 us' stdout || fail "of ten the median is: $(cat stdout)"

# --- a far goal is told, none at all is not
sed '/^# gc [1-3] /s/goal=[0-9]*/goal=8589934592/' "$log" >far.log
draw far.log svg far.svg
texts far.svg | grep -qF 'goal up to 8 GiB (above the picture)' || fail "a far goal is not told"
has_text '30 MiB' far.svg
sed 's/goal=[0-9]*/goal=9223372036854775807/' "$log" >off.log
draw off.log svg off.svg
has_no_text goal off.svg

# --- lines that are none change nothing
{
  sed 's/$/\r/' "$log"
  cat <<'END'
# gc
# gc x end=1795248039.0 how=along before=1 live=1 goal=1 longest=9000000000
# gc 47 end=1795248039.0 how=along before=1 live=1 goal=1 longest=9000000000 ?
# gc 47 end=1795248039.0 how=along before=1 live=-1 goal=1 longest=9000000000
# gc 47 end=1795248039.0.1 how=along before=1 live=1 goal=1 longest=9000000000
# gc 47 end=1795248039.0 how=along before=1 live=1 goal=1 longest=`touch a`
# gc 47 end=1795248039.0 before=1 live=1 goal=1 longest=9000000000
# gc 47 how=along before=1 live=1 goal=1 longest=9000000000
# gc 47 missed=x
# gc 47 missed=5 ?
# gcx 47 end=1795248039.0 how=along before=1 live=1 goal=1 longest=9000000000
gc 47 end=1795248039.0 how=along before=1 live=1 goal=1 longest=9000000000
17952480 x y
END_OF_BLOCK
END_OF_READER
END
  printf '# gc 47 end=1795248039.0 how=along before=1 live=1 goal=1 longest=900'
} >garbage.log
draw garbage.log svg garbage.svg
cmp -s gc.svg garbage.svg || fail "garbage is drawn: $(diff gc.svg garbage.svg | head -5)"
test ! -e a || fail "text from the log was run"
# A header alone separates, and without samples there are the collections.
grep . "$log" >closed.log
draw closed.log svg closed.svg
cmp -s gc.svg closed.svg || fail "a header without a blank line before it does not separate"
grep '^#' closed.log >bare.log
draw bare.log svg bare.svg
has_text '5 collections, 3 along  ·  44 more without a line  ·  longest pause 25 ms, median 800 µs  ·  3.6 % of a CPU' bare.svg
grep -h 'gc 46' "$log" >one.log
draw one.log svg one.svg
has_text '1 collection, 0 along  ·  longest pause 25 ms, median 25 ms' one.svg
printf '# gc 7 end=0.5 how=along before=0 live=0 goal=0 longest=0\n' >zero.log
draw zero.log svg zero.svg
LC_ALL=C draw "$log" svg c.svg
cmp -s gc.svg c.svg || fail "the C locale changes the picture"

# --- what cannot be drawn
grep -v '^# gc' "$log" >none.log
for format in png svg dumb; do
  refuse MEMLOG_LOG_GC=1 none.log $format
  refuse MEMLOG_LOG_GC=1 "$fixtures/article.log" $format
  refuse "no log gone.log" gone.log $format
done
printf '# gc 9 missed=9\n' >missed.log
refuse MEMLOG_LOG_GC=1 missed.log png
refuse "gc.plot LOG png" ""
test ! -e none-gc.png || fail "a picture of no collections"

# --- the other formats
cp "$log" memory.log
draw memory.log png
cp "$log" memory-gc.log
draw memory-gc.log svg
cmp -s gc.svg memory-gc.svg || fail "another picture without a name for it"
test ! -e memory.png && test ! -e memory-gc-gc.svg || fail "the picture's name: $(ls)"
test "$(dd if=memory-gc.png bs=1 skip=16 count=8 2>/dev/null | od -An -tx1 | tr -d ' \n')" = 000004b000000258 ||
  fail "the PNG is not 1200 by 600"
# gnuplot reads PNGs where it was built to.
if "$GNUPLOT" -e "set table 'pixels'; plot 'memory-gc.png' binary filetype=png with rgbimage" 2>/dev/null; then
  awk 'NF == 7 { n[$3 " " $4 " " $5]++ }
    END { exit !(n["255 255 255"] > 500000 && n["47 111 179"] > 100 && n["217 130 43"] > 40 && n["119 119 119"] > 500) }' \
    pixels || fail "the PNG has other colours"
fi
COLUMNS=80 LINES=24 "$GNUPLOT" -p "$plot" >drawing 2>stderr </dev/null || fail "gnuplot -p gc.plot ended with $?"
test ! -s stderr || fail "gnuplot -p gc.plot said: $(cat stderr)"
for text in '5 collections, 3 along, 44 more without a line' 'longest pause 25 ms, median 800 us, 1.3 % of a CPU' \
  '40 MiB' '10 ms\|1 ms' '08:00:20' 'O along' '\*\*\*' '|   *X'; do
  grep -q "$text" drawing || fail "no $text in the drawing: $(cat drawing)"
done
awk 'length($0) > 80 { bad = 1 } END { exit bad || NR > 24 }' drawing || fail "the drawing does not fit 80 by 24"

# --- many: nothing that stands out is lost
awk -v n="${MEMLOG_FULL:+100000}" 'BEGIN {
  if (!n) n = 20000
  print 1795248000, 1000000, 2000000
  for (i = 1; i <= n; i++)
    printf "# gc %d end=%d.%06d how=%s before=%d live=%d goal=%d longest=%d stand=%d cpu=1000000\n", i, \
      1795248000 + i, i % 1000 * 1000, i == 7777 ? "stopped" : "along", (i == 5001 ? 900 : 200 + i % 9) * 1000000, \
      (i == 5003 ? 10 : 100 + i % 7) * 1000000, (i == 12345 ? 950 : i == 12346 ? 150 : 300) * 1000000, \
      i == 7777 ? 1234567890 : i == 9001 ? 17000 : (200 + i % 300) * 1000, i == 4004 ? 3000000 : 15000
  print 1795248000 + n, 1000000, 2000000
}' >many.log
draw many.log svg many.svg
n=$(grep -c '^# gc' many.log)
texts many.svg | grep -q "^$n collections, $((n - 1)) along  ·  longest pause 1.23 s, median 349 µs" ||
  fail "of many it says: $(texts many.svg | tr '\n' '|')"
test "$(points stopped many.svg | grep -c .)" -eq 1 || fail "the one that was stopped is lost"
points "along with the program" many.svg >drawn
awk -v n="$n" 'NR == 1 || $2 > low { low = $2 } $2 > 500 { low_x = $1 } { if ($1 < x) exit 1; x = $1 }
  END { x = 107.69 + 9001 / n * 1038.42; exit !(NR > 1000 && NR < n && low_x > x - 2 && low_x < x + 2) }' drawn ||
  fail "thinning lost a short pause, or the order: $(grep -c . drawn) of $n"
strokes '157, *188, *224' many.svg >drawn
awk -v n="$n" '
  NR == 1 || $2 < top { top = $2; top_x = $1 }
  NR == 1 || $3 > foot { foot = $3; foot_x = $1 }
  function near(x, i) { x -= 107.69 + i / n * 1038.42; return x < 2 && x > -2 }
  END { exit !(NR > 1000 && NR < 6000 && near(top_x, 5001) && near(foot_x, 5003) && (300 - top) / (300 - foot) > 85) }' \
  drawn || fail "thinning lost an extreme of the heap"
curve goal many.svg | awk 'NR == 1 || $3 < top { top = $3 } { all[NR] = $3 }
  NR == 1 || $3 > low { low = $3 }
  END { exit !(300 - top > 3 * (300 - all[1]) && 300 - low < .6 * (300 - all[1])) }' ||
  fail "thinning lost the highest goal or the lowest"
points "until all threads stood" many.svg | awk '$2 < 460 { n++ } END { exit n != 1 || NR > 1100 }' ||
  fail "thinning lost the longest stand, or kept all"

# --- what both scripts need is the same in both
shared() { sed -n '/^# --- the same in mem.plot and gc.plot: begin$/,/^# --- the same in mem.plot and gc.plot: end$/p' "$1"; }
shared "$plot" >gc.shared
shared "$top_srcdir/plot/mem.plot" >mem.shared
test "$(grep -c . gc.shared)" -gt 250 || fail "gc.plot shares $(grep -c . gc.shared) lines only"
cmp -s gc.shared mem.shared || fail "what both scripts need differs: $(diff mem.shared gc.shared)"
finish
