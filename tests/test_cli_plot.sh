#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_plot.sh - memlog plot: each kind of picture is one, and shows what mem.plot shows; where it
# goes; several logs, other columns, a part of the time, zones.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"
memlog=$(cd "${top_builddir:-$top_srcdir}" && pwd)/memlog
test -x "$memlog" || { echo "no memlog here"; exit 77; }
plot() { "$memlog" plot "$@" >stdout 2>stderr </dev/null || fail "plot $* ended with $?: $(cat stderr)"; }
quiet() { plot "$@"; test ! -s stderr || fail "plot $* said: $(cat stderr)"; }
head_of() { dd if="$1" bs=1 count="$2" 2>/dev/null | od -An -c | tr -d ' \n'; }

# --- the same picture as mem.plot's own, whether that reads with awk or with memlog
# A memlog that knows no plot is as good as none.
mkdir bin && ln -s "$memlog" bin/memlog
mkdir old && printf '#!/bin/sh\necho usage >&2\nexit 2\n' >old/memlog && chmod +x old/memlog
mkdir logs
for log in article collections events fraction resident runs; do cp "$fixtures/$log.log" logs; done
# Names that are cut, before a character of two bytes and behind one.
awk 'BEGIN { for (i = 0; i < 300; i++) { print 1795248000 + i, 30000000, 50000000
  if (i % 9 == 0) print "# mark a very long name, " substr("xyz", 1, 1 + i / 9 % 2) "\303\274\303\274\303\274\303\274\303\274\303\274\303\274\303\274" } }' >logs/names.log
# Limits of many runs, of which some are alike.
awk 'BEGIN { for (run = 0; run < 300; run++) {
  printf "# memlog 1 pid=%d start=2026-11-21T08:00:00Z interval=1s command=\"x\"\n# timestamp Alloc Sys\n", run + 1
  printf "# limit %d\n", 60000000 + run % 100 * (run > 150) * 100000
  for (i = 0; i < 4; i++) printf "%.3f 30000000 50000000\n", 1795248000 + 4 * run + 1.2 * i
  print "" } }' >logs/limits.log
for log in article collections events fraction resident runs names limits; do
  PATH=$work/old:$PATH "$GNUPLOT" -c "$plot" "logs/$log.log" svg awk.svg 2>stderr || fail "mem.plot by awk"
  test ! -s stderr || fail "mem.plot by awk says: $(cat stderr)"
  PATH=$work/bin:$PATH "$GNUPLOT" -c "$plot" "logs/$log.log" svg memlog.svg || fail "mem.plot by memlog"
  quiet -o plot.svg "logs/$log.log"
  cmp -s awk.svg memlog.svg || fail "$log.log: mem.plot draws another picture by memlog than by awk"
  cmp -s awk.svg plot.svg || fail "$log.log: memlog plot draws another picture than mem.plot"
done
# --- formats: by name, by the output's ending; where the picture goes
cp "$fixtures/article.log" logs/it\'s.log
mkdir newest && cp "$fixtures/events.log" newest/it\'s.log
(cd newest && "$memlog" plot) >stdout 2>stderr || fail "plot of the newest log: $(cat stderr)"
test "$(cat stdout)" = "it's.png" || fail "the picture is called '$(cat stdout)'"
test "$(head_of "newest/it's.png" 8)" = '211PNG\r\n032\n' || fail "it's.png is no PNG"
for format in svg pdf html; do
  quiet -f $format "logs/it's.log"
  test -s "logs/it's.$format" || fail "no it's.$format"
  cp "logs/it's.$format" x.$format
done
test "$(head_of x.svg 5)" = '<?xml' || fail "no SVG"
test "$(head_of x.pdf 5)" = '%PDF-' || fail "no PDF"
grep -q '<html' x.html || fail "no HTML"
if command -v pdftotext >/dev/null 2>&1; then
  pdftotext x.pdf - | grep -q 'peak 11.0 MiB' || fail "the PDF does not say the peak"
fi
quiet -o y.svg "logs/it's.log"
cmp -s x.svg y.svg || fail "the ending .svg is not followed"
quiet -q -f svg -o - "logs/it's.log"
cmp -s x.svg stdout || fail "the standard output is not the picture"
"$memlog" plot -f svg -o z.svg - <"logs/it's.log" >/dev/null 2>&1 || fail "a log on the standard input"
cmp -s x.svg z.svg || fail "a log on the standard input gives another picture"
quiet -f dumb "logs/it's.log"
grep -q 'peak 11.0 MiB' stdout || fail "dumb does not say the peak: $(cat stdout)"
if "$GNUPLOT" -e 'print GPVAL_TERMINALS' 2>&1 </dev/null | grep -qw sixelgd; then
  quiet -f sixel "logs/it's.log"
  test "$(head_of stdout 2)" = '033P' || fail "no sixels: $(head_of stdout 20)"
fi
quiet --width 640 --height 320 -o small.png "logs/it's.log"
test "$(dd if=small.png bs=1 skip=16 count=8 2>/dev/null | od -An -tu1 | tr -s ' ')" = ' 0 0 2 128 0 0 1 64' ||
  fail "not of 640 by 320 pixels"

# --- a window is gnuplot's own matter: there is no file that anything could be in
printf '#!/bin/sh\necho "$*" >windowed\n' >bin/window && chmod +x bin/window
GNUPLOT=$work/bin/window quiet -f window "logs/it's.log"
grep -q '^-p -e .*-c .* logs/it.s.log' windowed || fail "a window is asked for with: $(cat windowed)"

# --- in characters of its own
LC_ALL=C.UTF-8 plot -f term --width 60 "logs/it's.log"
test "$(grep -c . stdout)" -eq 3 || fail "term: not three lines: $(cat stdout)"
grep -q '^Alloc .*█\|^Alloc .*▂' stdout || fail "term has no bars: $(cat stdout)"
grep -q '^Sys .*█  min 10.6 MiB  max 26.6 MiB  last 26.6 MiB$' stdout || fail "term's numbers: $(cat stdout)"
LC_ALL=C plot -f term --width 60 "logs/it's.log"
! LC_ALL=C grep -q '[^ -~]' stdout || fail "term in the C locale: $(cat stdout)"
grep -q '^Alloc .*[-:=].*min 4.2 MiB  max 11.0 MiB' stdout || fail "term in the C locale: $(cat stdout)"
awk 'length($0) > 75 { exit 1 }' stdout || fail "term is wider than it should be: $(cat stdout)"
# A long command leaves room for what stands behind it.
{ echo '# memlog 1 pid=1 start=2026-11-21T08:00:00Z interval=1s command="./server --with many --words and more --of them"'
  printf '1795248000 1 2\n1795248030 1 2\n# end reason=SIGKILL\n'; } >words.log
LC_ALL=C plot -q -f term --width 80 words.log
grep -qx './server [-a-z ]*[.][.][.], 2026-11-21 08:00:00 UTC, 30 s, ended by SIGKILL' stdout ||
  fail "a long heading: $(cat stdout)"

# --- one sample is two dots, by all of them
{ echo '# memlog 1 pid=1 start=2026-11-21T08:00:00Z interval=1s command="x"'; echo '1795248000 4194304 8388608'; } >one.log
quiet -o one.svg one.log
has_text "peak 4 MiB" one.svg
PATH=$work/old:$PATH "$GNUPLOT" -c "$plot" one.log svg awk.svg || fail "mem.plot of one sample"
cmp -s one.svg awk.svg || fail "one sample: mem.plot draws another picture"
quiet -f term one.log
grep -q 'max 4.0 MiB' stdout || fail "term of one sample: $(cat stdout)"

# --- several logs, by the clock where they overlap
awk 'BEGIN { print "# memlog 1 pid=1 start=x interval=1s command=\"first\"\n# timestamp Alloc Sys RSS Mallocs"
  for (i = 0; i < 60; i++) print 1795248000 + i, 1000000 * i, 90000000, 70000000 + i, 1000 * i }' >a.log
sed 's/^17952480/17952481/; s/first/second/' a.log >b.log
sed 's/^17952480/17953480/; s/first/third/' a.log >c.log
mkdir sub && cp c.log sub/a.log
quiet -o two.svg a.log c.log
has_text "2 logs  ·  each from its start  ·  59 s" two.svg
has_text "a.log Alloc, peak 56.3 MiB" two.svg
has_text "c.log Sys, peak 85.8 MiB" two.svg
has_text "first, third" two.svg
quiet --align=clock -o two.svg a.log c.log
has_text "2 logs  ·  2026-11-21 08:00:00  ·  1 d 4 h" two.svg
sed 's/^17952480/17952480/; s/^\(179524800\)\([0-9]\)/\1\2/' a.log >d.log
quiet -o two.svg a.log sub/a.log d.log
has_text "sub/a.log Alloc, peak 56.3 MiB" two.svg
quiet -o two.svg a.log d.log
has_text "2 logs  ·  2026-11-21 08:00:00  ·  59 s" two.svg

# --- other columns: bytes on the left, counts on the right
quiet -c RSS,Mallocs -o columns.svg a.log
has_text "RSS, peak 66.8 MiB" columns.svg
has_text "Mallocs, peak 59 k (right)" columns.svg
has_text "60 k" columns.svg
quiet -c rss -o columns.svg a.log
has_text "rss, peak 66.8 MiB" columns.svg
# One that is not there is told, once for all logs.
plot -c rss,HeapObject -o columns.svg a.log
grep -qx 'memlog: --columns: there is no HeapObject in a.log' stderr || fail "an absent column: $(cat stderr)"
has_text "rss, peak 66.8 MiB" columns.svg
awk '/^#/ { print; next } { print $1, $2, $3 }' a.log | sed 's/\(Alloc Sys\).*/\1/' >few.log
quiet -c Mallocs,Alloc -o columns.svg a.log few.log
plot -c rsss,Alloc -o columns.svg a.log few.log
grep -qx 'memlog: --columns: there is no rsss in any of the logs' stderr || fail "an absent column: $(cat stderr)"
quiet -q -c rsss,Alloc -o columns.svg a.log

# --- a part of the time; zones
quiet --from +10s --to 08:00:20 -o part.svg a.log
has_text "in use (Alloc), peak 19.1 MiB" part.svg
has_text "pid 1  ·  2026-11-21 08:00:10  ·  10 s" part.svg
quiet -z +05:30 -o zone.svg a.log
has_text "time (UTC+05:30)" zone.svg
has_text "pid 1  ·  2026-11-21 13:30:00  ·  59 s" zone.svg
quiet -z Z -o zone.svg a.log
has_text "time (UTC)" zone.svg
quiet -z CET-1 -o zone.svg a.log
has_text "time (CET)" zone.svg

# --- what is damaged is told, not with --quiet
plot -o cut.svg "$fixtures/cut.log"
grep -q 'lines cut off' stderr || fail "the damage is not told: $(cat stderr)"
quiet -q -o cut.svg "$fixtures/cut.log"
test ! -s stdout || fail "-q says: $(cat stdout)"

# --- --open
printf '#!/bin/sh\nprintf "%%s\\n" "$1" >"%s/opened"\n' "$work" >bin/browser && chmod +x bin/browser
BROWSER=$work/bin/browser quiet --open -f html -o page.html a.log
tries=100
until test -s opened || test "$tries" -eq 0; do sleep 0.05; tries=$((tries - 1)); done
test "$(cat opened)" = page.html || fail "the browser was not started with the page"
finish
