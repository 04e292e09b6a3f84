#!/bin/sh
# SPDX-License-Identifier: MIT
# test_log_tail.sh - tail -F sees each sample when it is taken, and follows a
# rotation.
. "${top_srcdir:-.}/tests/log_common.sh"

reader=
clean_up() { [ -z "$reader" ] || kill "$reader" 2>/dev/null; }

: >memory.log
tail -n +1 -F memory.log >seen 2>/dev/null &
reader=$!

# Wait until tail has shown the n-th reading.
see='see() {
        tries=0
        until grep -q "^[0-9]* $1 1" seen; do
                tries=$((tries + 1)); [ $tries -lt 3000 ] || exit 1; sleep 0.02
        done
}'
drive start "sh=$see; see 1" sample "sh=$see; see 2" mark=here "sh=$see; see 3" \
        "sh=mv memory.log memory.log.1" sample "sh=$see; see 4" stop
grep -q '^# mark here$' seen || fail "the mark was not seen"
