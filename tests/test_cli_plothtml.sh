#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_plothtml.sh - memlog plot's page: the log's numbers are in it, names of others are only
# words, and in Chromium, from the file, it draws, zooms and asks nobody for anything.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
test -f "$top_builddir/.libs/memlog-tools.so" || { echo 'built without the debug pages'; exit 77; }
memlog=$top_builddir/memlog
TZ=UTC
export TZ

# Three runs, the first with a limit that changes; what ends markup and strings in its names.
hostile='</script><img src=x onerror=a()>'
cat >"$work/three.log" <<END
# memlog 1 pid=4242 start=2011-01-13T13:46:00Z interval=1s command="./leak $hostile"
# timestamp Alloc Sys
# limit 30000000
1294926360 4433792 11118840
1294926361 9375280 17537272
# mark $hostile
1294926362 10375280 17537272
# limit 40000000
1294926363 20375280 28537272
# mark \\"quoted\\" '@@data@@'
1294926364 10375280 28537272
# end reason=exit

# memlog 1 pid=4243 start=2011-01-13T13:46:30Z interval=1s command="./leak two"
# timestamp Alloc Sys
1294926390 1000000 2000000
# alert Alloc>1000000 value=1000000

# memlog 1 pid=4244 start=2011-01-13T13:47:00Z interval=1s command="./leak three"
# timestamp Alloc Sys
1294926420 1000000 2000000
1294926421 1500000 2000000
# end reason=SIGKILL oom_kill=1
END
cat >"$work/other.log" <<'END'
# memlog 1 pid=77 start=2011-01-14T13:46:00Z interval=500ms command="other"
# timestamp Alloc Sys
1295012760.0 3000000 4000000
1295012760.5 - 4000000
1295012761.0 3500000.5 4100000
END
printf '1294926360 5000000 9000000\n' >"$work/single.log"
printf '# timestamp Alloc Sys bad\377name Mallocs\n1 2 3 4 5\n2 3 4 5 50\n' >"$work/columns.log"
printf '# memlog 1 pid=1 start=2011-01-13T13:46:00Z interval=1s command="x"\n# timestamp Alloc Sys\n' \
  >"$work/damaged.log"
printf '10 2 3\nnothing\n11 3 4\n' >>"$work/damaged.log"
# One sample of many stands out.
awk 'BEGIN {
  for (i = 0; i < 200000; i++)
    print 1294926363 + i, i == 123456 ? 77777777 : 1000 + i % 97, 88888888
}' >"$work/long.log"

page() {
  name=$1
  shift
  "$memlog" plot -q -f html -o "$work/$name.html" "$@" >"$work/said" 2>&1 ||
    fail "memlog plot $*: $(cat "$work/said")"
  tail -n 1 "$work/$name.html" | grep -q '^</html>$' || fail "$name.html is not whole"
  grep -n '@@' "$work/$name.html" | grep -v '"marks"' | cut -c1-80 | grep . &&
    fail "$name.html has holes"
}
page three "$work/three.log"
page both "$work/three.log" "$work/other.log"
page single "$work/single.log"
page zone -z Asia/Kolkata "$work/three.log"
page columns -c Alloc,Mallocs,bad?name "$work/columns.log"
page damaged "$work/damaged.log"
page long "$work/long.log"
"$memlog" plot -q -f html -o - "$work/three.log" | cmp - "$work/three.html" ||
  fail 'another page on stdout'

# What it holds ends where the page says, and nowhere else.
test "$(grep -o '</script' "$work/three.html" | wc -l)" -eq 3 || fail 'a name ends a script'
grep -qi '<img' "$work/three.html" && fail 'a name is markup'
grep -q 'Copyright (c) .* Leon Sorokin' "$work/three.html" || fail "uPlot's licence is not there"
test "$(wc -c <"$work/long.html")" -lt 1500000 || fail 'the page of a long log is large'

# Without the module there is no page, and what was there stays; unless one is installed.
mkdir "$work/alone"
cp "$memlog" "$work/alone/"
echo kept >"$work/kept.html"
if "$work/alone/memlog" plot -q -f html -o "$work/kept.html" "$work/three.log" >"$work/said" 2>&1; then
  grep -q '^</html>$' "$work/kept.html" || fail 'a page without parts'
else
  test "$(cat "$work/kept.html")" = kept || fail 'the page that was there is gone'
  grep -q 'memlog-tools.so' "$work/said" || fail "without the module: $(cat "$work/said")"
fi

test "$failures" -eq 0 || exit 1
need node nodejs
node "$top_srcdir/tests/page/plot-data.mjs" "$work" || fail 'the numbers in the pages'

test "$failures" -eq 0 || exit 1
need chromium chromium
need chromedriver chromium-driver
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
node "$top_srcdir/tests/page/plot.mjs" "$work" || fail 'the pages'
finish
