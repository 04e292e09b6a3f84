#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_parts.sh - the live page's modules, without a browser; and the files of uPlot are what
# their README says.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
page=$top_srcdir/src/http/page

listed=$(grep -cE '^[0-9a-f]{64}  ' "$page/uplot/README")
files=$(find "$page/uplot" -type f ! -name README | wc -l)
test "$listed" -eq 3 || fail "$listed sums are in uplot/README"
test "$files" -eq "$listed" || fail "$files files are beside uplot/README"
grep -E '^[0-9a-f]{64}  ' "$page/uplot/README" >"$work/sums"
(cd "$page/uplot" && sha256sum --check --strict "$work/sums") >"$work/said" 2>&1 ||
  fail "uPlot's files are others: $(cat "$work/said")"
grep -q 'uplot 1\.6\.32' "$page/uplot/README" || fail 'uplot/README names no version'
head -c 100 "$page/uplot/uPlot.iife.min.js" | grep -q 'v1\.6\.32' || fail 'another version of uPlot'

# Nothing is asked of others, and nothing is written in the page that its policy forbids.
grep -nE 'https?://' "$page"/*.js "$page"/*.css "$page"/*.html | grep -v 'www\.w3\.org/2000/svg' &&
  fail 'the page names other places'
grep -nE '<script>|[[:space:]]style=|[[:space:]]on[a-z]+=' "$page"/*.html |
  grep -vE 'plot\.html:[0-9]+:<script>@@[a-z]+\.js@@</script>$' &&
  fail 'script or style in the markup'
grep -nE 'innerHTML|insertAdjacentHTML|document\.write|eval\(' "$page"/*.js &&
  fail 'text becomes markup'

need node nodejs
mkdir "$work/modules" || exit 99
cp "$page"/*.js "$work/modules/" || exit 99
echo '{ "type": "module" }' >"$work/modules/package.json"
node "$top_srcdir/tests/page/parts.mjs" "$work/modules" || fail 'the modules'
finish
