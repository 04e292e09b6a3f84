#!/bin/sh
# SPDX-License-Identifier: MIT
# test_plot_pixels.sh - the picture of a reduced log is that of all its samples, all but to the pixel:
# spikes, steps, noise, and teeth of every length are there. Only in a full run.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
test "$full" = 1 || { echo "only with MEMLOG_FULL=1"; exit 77; }
need compare imagemagick
rmdir "$work" # plot_common.sh has a folder of its own
. "$top_srcdir/tests/plot_common.sh"
memlog=$(cd "$top_builddir" && pwd)/memlog
mkdir bin && ln -s "$memlog" bin/memlog
PATH=$work/bin:$PATH

# The same picture, but for its points, which are all that the log has.
sed '/^# --- the picture/,$ s/\$memlog_data using/memlog_log using/' "$plot" >all.plot
grep -q 'memlog_log using' all.plot || fail "mem.plot does not draw as it used to: this test has to follow"

# pixels NAME SAMPLES EXPRESSION: that many differ at most from those of all samples, EXPRESSION of i.
pixels() {
  awk -v n="$2" "BEGIN { for (i = 0; i < n; i++) printf \"%d %d %d\n\", 1700000000 + i, $3, 90000000 + i }" >"$1.log"
  "$GNUPLOT" -c all.plot "$1.log" png all.png 2>err || fail "$1: all samples: $(cat err)"
  "$memlog" plot -q -o reduced.png "$1.log" 2>err || fail "$1: $(cat err)"
  different=$(compare -metric AE -fuzz 25% all.png reduced.png null: 2>&1)
  test "${different:-none}" -le 100 2>/dev/null || fail "$1: $different pixels are others"
}
pixels level 300000 30000000
pixels spikes 300000 "i == 1000 || i == 150000 || i == 299998 ? 80000000 : 30000000"
pixels hollows 300000 "i == 12345 || i == 222222 ? 1000 : 60000000"
pixels teeth_100 60000 "10000000 + i % 100 * 600000"
pixels teeth_1000 60000 "10000000 + i % 1000 * 60000"
pixels teeth_9973 200000 "10000000 + i % 9973 * 6000"
pixels steps_1000 60000 "10000000 + int(i / 1000) * 7919 % 60 * 1000000"
pixels steps_30000 300000 "10000000 + int(i / 30000) * 7919 % 60 * 1000000"
pixels ramp 500000 "int(i * 150)"
pixels walk 200000 "(a += (rand() - 0.5) * 200000) + 40000000"
pixels noise 20000 "10000000 + rand() * 60000000"
pixels teeth_2 60000 "10000000 + i % 2 * 30000000"
pixels teeth_7 60000 "10000000 + i % 7 * 5000000"
pixels steps_10 60000 "10000000 + int(i / 10) * 7919 % 60 * 1000000"
finish
