#!/bin/sh
# SPDX-License-Identifier: MIT
# Marks, limits, the heading, the time zone: what is written beside the curves.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"

# The lines of a colour, "x1 y1 x2 y2" each.
lines() {
  tr '\n' ' ' <"$2" | sed "s/<path/\n<path/g" | grep "stroke='rgb($1)'.*stroke-dasharray" |
    sed "s/.* d='//; s/'.*//; s/ *L */ /g; s/M/\n/g; s/,/ /g" | grep .
}
mark_colour='119, *119, *119'
limit_colour='179, *38, *30'

# --- a mark stands at the sample before it, one before every sample at the first
draw "$fixtures/events.log" svg events.svg
curve "in use (Alloc)" events.svg >points
lines "$mark_colour" events.svg >marks
test "$(grep -c . marks)" -eq 3 || fail "3 marks are $(grep -c . marks) lines"
for pair in 1:1 2:3 3:5; do
  mark=$(sed -n "${pair%:*}p" marks | cut -d' ' -f1)
  sample=$(sed -n "${pair#*:}p" points | cut -d' ' -f2)
  awk -v a="$mark" -v b="$sample" 'BEGIN { exit !(a != "" && a - b < .05 && b - a < .05) }' ||
    fail "mark ${pair%:*} is at '$mark', its sample at '$sample'"
done
awk '{ if ($1 != $3 || $2 - $4 < 300) exit 1 }' marks || fail "a mark is not upright"
has_text "before all" events.svg
has_text "reload &lt;b>&amp; {/x} it's" events.svg
has_text "last" events.svg

# --- names in one line of text do not run into each other: eight pixels for each character
awk 'BEGIN { for (i = 0; i < 400; i++) { print 1795248000 + i, 30000000, 50000000
  printf "# mark %.*s\n", 20 + i % 12, "a name as long as it may become" } }' >many.log
draw many.log svg many.svg
grep -B1 '<text>a name\|<text>a na' many.svg | sed -n 's/.*translate(\([^,]*\),\([^)]*\)).*anchor="\([a-z]*\)".*/\1 \2 \3/p; s/.*<text>\(.*\)<.*/\1/p' |
  paste - - | sort -k2,2n -k1,1n >names
test "$(grep -c . names)" -ge 9 || fail "of 400 marks only $(grep -c . names) have a name"
awk '{ width = 8 * (length($0) - index($0, "\t")); from = $3 == "end" ? $1 - width : $1; to = from + width
  if ($2 == line && from < end) { print "at " $1 " in line " $2 " a name runs into " before; bad = 1 }
  if (to > 1160) { print "at " $1 " a name ends at " to; bad = 1 }
  line = $2; end = to; before = $0 } END { exit bad }' names >said || fail "names of marks: $(cat said)"

# --- a limit is a level line while it is in force, told in words where it is far
lines "$limit_colour" events.svg >limits
test "$(grep -c . limits)" -eq 1 || fail "one limit is $(grep -c . limits) lines"
awk -v base="$(base events.svg)" '
  FNR == NR { x[FNR] = $2; y[FNR] = base - $3; next }
  function off(a, b) { return a - b > .1 || b - a > .1 }
  # 60 MiB, where the third sample is 30 MiB; from the second to the fourth.
  { if (off($1, x[2]) || off($3, x[4]) || $2 != $4 || off(base - $2, 2 * y[3])) exit 1 }
  ' points limits || fail "the limit is drawn as $(cat limits) beside $(tr '\n' ' ' <points)"
has_text "limit 60 MiB" events.svg

sed 's/^# limit 62914560/# limit 8589934592/' "$fixtures/events.log" >far.log
draw far.log svg far.svg
test -z "$(lines "$limit_colour" far.svg)" || fail "a far limit is drawn"
texts far.svg | grep -q 'limit 8 GiB (above the picture)' || fail "a far limit is not told"
grep '^[0-9]' far.log >far.samples
proportional "in use (Alloc)" 2 far.samples far.svg

# --- limits that follow one another are steps, with words where there is room
awk 'BEGIN {
  for (i = 0; i <= 100; i++) {
    if (i == 0) print "# limit 100000000"
    if (i == 50) print "# limit 80000000"
    if (i == 51) print "# limit 90000000"
    if (i == 95) print "# limit 60000000"
    print 1795248000 + i, 30000000, 50000000
  }
}' >steps.log
draw steps.log svg steps.svg
lines "$limit_colour" steps.svg >limits
awk '
  function off(a, b) { return a - b > .1 || b - a > .1 }
  $2 == $4 { if (levels++ && off($1, end)) bad = 1; start = $1; end = $3 }
  $1 == $3 { if (off($1, start)) bad = 1; steps++ }
  END { exit !(!bad && levels == 4 && steps == 3) }' limits || fail "steps are drawn as $(cat limits)"
for limit in "95.4 MiB" "76.3 MiB" "57.2 MiB"; do has_text "limit $limit" steps.svg; done
has_no_text "limit 85.8 MiB" steps.svg
grep -B1 '>limit 57.2 MiB<' steps.svg | grep -q 'text-anchor="end"' || fail "words go beyond the right edge"

# --- an alert is a mark in the limit's colour, what else is said of it is none
# Of a program that starts over and over, each time within the same limit, it is one line; and what is
# longer than a pixel stays.
awk 'BEGIN { for (run = 0; run < 300; run++) {
  printf "# memlog 1 pid=%d start=2026-11-21T08:00:00Z interval=1s command=\"x\"\n# timestamp Alloc Sys\n", run + 1
  printf "# limit %d\n", run < 200 ? 60000000 : 80000000
  for (i = 0; i < 10; i++) print 1795248000 + 10 * run + i, 30000000, 50000000
  print "" } }' >again.log
draw again.log svg again.svg
lines "$limit_colour" again.svg | awk '$2 == $4' >limits
test "$(grep -c . limits)" -eq 2 || fail "two limits of 300 runs are $(grep -c . limits) lines"
for limit in "57.2 MiB" "76.3 MiB"; do has_text "limit $limit" again.svg; done

cat >alert.log <<'END'
1795248000 10485760 20971520
1795248010 20971520 31457280
# alert sys>50% value=31457280 limit=62914560
# alert sys>50% command: exit status 3
1795248020 31457280 41943040
END
draw alert.log svg alert.svg
curve "in use (Alloc)" alert.svg >points
lines "$limit_colour" alert.svg >alerts
test "$(grep -c . alerts)" -eq 1 || fail "one alert is $(grep -c . alerts) lines"
awk 'FNR == NR { x[FNR] = $2; next }
  { exit !($1 == $3 && $2 - $4 > 300 && $1 - x[2] < .05 && x[2] - $1 < .05) }' points alerts ||
  fail "the alert is drawn as $(cat alerts)"
has_text "sys>50%" alert.svg
has_no_text "command" alert.svg

# --- the heading
has_text './a "b" \c' events.svg
has_text "pid 42  ·  2026-11-21 08:00:00  ·  40 s  ·  ended by SIGKILL (out of memory)" events.svg
sed 's|command="./a |command="/usr/local/bin/a /etc/|' "$fixtures/events.log" >path.log
draw path.log svg path.svg
has_text 'a /etc/"b" \c' path.svg
draw "$fixtures/runs.log" svg runs.svg
has_text "one, two" runs.svg
has_text "2 runs  ·  2026-11-21 08:00:00  ·  32 s" runs.svg
draw "$fixtures/article.log" svg article.svg
has_text "memory over time" article.svg
has_text "2011-01-13 13:46:03  ·  4 min 56 s" article.svg

# --- local time, by the offset in force when the log began
for zone in CET-1CEST,M3.5.0,M10.5.0/3=14:48:00=CET '<-03>3=10:48:00=UTC-03:00' 'IST-5:30=19:18:00=IST'; do
  name=${zone##*=}
  rest=${zone%=*}
  TZ=${rest%=*}
  draw "$fixtures/article.log" svg zone.svg
  has_text "time ($name)" zone.svg
  has_text "${rest##*=}" zone.svg
done
TZ=CET-1CEST,M3.5.0,M10.5.0/3
printf '1310810400 1 2\n1310814000 1 2\n' >summer.log
draw summer.log svg summer.svg
has_text "time (CEST)" summer.svg
has_text "12:00" summer.svg

# --- text from a log is text: neither gnuplot nor the shell runs it
TZ=UTC0
cat >evil.log <<'END'
# memlog 1 pid=1 start=2026-11-21T08:00:00Z interval=1s command="$(touch a)`touch b`'; system('touch c')"
1795248000 4096 8192
# mark '.system("touch d").'
END_OF_BLOCK
# mark END_OF_BLOCK
END_OF_READER
# limit `touch e`
=== second pass ==
1795248001 4096 8192
END
draw evil.log svg evil.svg
for f in a b c d e; do test ! -e $f || fail "text from the log was run: $f"; done
has_text "'.system(\"touch d\").'" evil.svg
finish
