#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_plot_harm.sh - memlog plot where something is wrong with the place, with gnuplot or with
# the log: nothing is lost, a picture that is none is told, and no log is drawn for minutes.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"
memlog=$(cd "${top_builddir:-$top_srcdir}" && pwd)/memlog
test -x "$memlog" || { echo "no memlog here"; exit 77; }

# refused WORDS ARGUMENT...: exit status 125, and those words on stderr.
refused() {
  words=$1
  shift
  "$memlog" plot "$@" >stdout 2>stderr
  status=$?
  test $status -eq 125 || fail "plot $* ended with $status"
  grep -qF -e "$words" stderr || fail "plot $* does not say '$words': $(cat stderr)"
}
header='# memlog 1 pid=4 start=2026-11-21T08:00:00Z interval=1s command="x"'
printf '%s\n# timestamp Alloc Sys\n1294926363 1 2\n1294926364 5701632 6000000\n' "$header" >good.log

# --- where it goes
for format in png svg pdf html term dumb; do
  refused 'No space left on device' -q -f $format -o /dev/full good.log
done
"$memlog" plot --gnuplot-data good.log >/dev/full 2>stderr && fail "numbers for a full disk were taken"
grep -q 'No space left' stderr || fail "numbers for a full disk: $(cat stderr)"
printf '1294926363 5 6\n1294926364 5 6\n' >bare.png && cp bare.png bare.was
refused 'is the log' -f png -o bare.png - <bare.png
refused 'is the log' -f html -o bare.png - <bare.png
cmp -s bare.png bare.was || fail "the log on the standard input was written over"
cp good.log both.log
"$memlog" plot -q -f term both.log >>both.log 2>stderr && fail "a picture was put into the log"
cmp -s good.log both.log || fail "a picture stands in the log"

# --- gnuplot
echo before >kept.png
GNUPLOT=/bin/true refused 'drew no picture' -q -o kept.png good.log
GNUPLOT=/bin/false refused 'drew no picture' -q -o kept.png good.log
GNUPLOT=$work/none refused 'apt-get install gnuplot-nox' -q -o kept.png good.log
test "$(cat kept.png)" = before || fail "a picture that could not be drawn is gone"

# --- the log
printf '%s\n# timestamp c1 c2\n1294926363 1 2\n1294926364 1 2\n' "$header" >other.log
refused 'it has c1 c2' other.log
"$GNUPLOT" -c "$plot" other.log png other.png 2>stderr && fail "mem.plot draws c1 as Alloc"
grep -q 'no samples' stderr || fail "mem.plot of other columns: $(cat stderr)"
"$memlog" plot -q --columns c1 other.log >stdout || fail "c1 is not drawn"
printf '%s\n# timestamp Alloc Sys\n1294926363 - -\n1294926364 - -\n' "$header" >dashes.log
refused 'has no number' dashes.log
printf '%s\n# timestamp Alloc Sys\n1294926363 1 2\n1294926364 5701632 -\n' "$header" >peak.log
"$memlog" plot -q peak.log 2>stderr || fail "no picture where the peak has no Sys: $(cat stderr)"
test ! -s stderr || fail "the peak has no Sys, and gnuplot says: $(cat stderr)"
printf '%s\n# timestamp Alloc Sys\n1294926363 1 2\n# mark b\302\23331m\342\200\256\n1294926364 1 2\n' "$header" >escape.log
for format in term dumb; do
  "$memlog" plot -q -f $format escape.log | LC_ALL=C grep -q "$(printf '\302\233\|\342\200\256')" && fail "$format: an escape of the log's"
done
PATH=/usr/bin:/bin "$GNUPLOT" -c "$plot" escape.log dumb 2>&1 | LC_ALL=C grep -q "$(printf '\302\233\|\342\200\256')" &&
  fail "mem.plot: an escape of the log's"

# --- as many limits as there are samples become as many as can be seen
awk -v header="$header" 'BEGIN {
  print header "\n# timestamp Alloc Sys"
  for (i = 0; i < 50000; i++) printf "%d 4000000 11000000\n# limit %d\n", 1294926363 + i, 20000000 + i % 7
}' >limits.log
"$memlog" plot --gnuplot-data limits.log >stdout || fail "no numbers of many limits"
lines=$(sed -n '/^.memlog_limits/,/^END/p' stdout | wc -l)
test "$lines" -lt 2500 || fail "$lines lines of limits"
grep -q ' 20000000.0$' stdout || fail "the lowest limit is lost"
finish
