#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_page.sh - the live page in Chromium: curves that are there and move, zoom, keys,
# fingers, light and dark, a pause, a restart of the program, no word in the console, and no
# request to anybody else.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized 'its program is not one that memlog runs'
test -f "$top_builddir/.libs/memlog-tools.so" || { echo 'built without the debug pages'; exit 77; }
need node nodejs
need chromium chromium
need chromedriver chromium-driver

# What it serves is what it runs, and no proxy stands between.
unset http_proxy HTTP_PROXY all_proxy ALL_PROXY
node "$top_srcdir/tests/page/live.mjs" "$work" "$top_builddir/memlog" \
  "$top_builddir/samples/leak_count" --seconds 600 || fail 'the live page'
finish
