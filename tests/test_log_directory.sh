#!/bin/sh
# SPDX-License-Identifier: MIT
# test_log_directory.sh - the log's directory is removed, and comes back.
. "${top_srcdir:-.}/tests/log_common.sh"

mkdir logs
drive file=logs/memory.log start sample "sh=rm -r logs" '!sample' '!sample' \
        "sh=mkdir logs" sample stop
cp logs/memory.log .
judge memory.log
equal "headers" "$(headers memory.log)" 1
grep -q '^# lost 2 samples (No such file or directory)$' memory.log || fail "losses are not told"
equal "samples" "$(samples memory.log)" 2

# With the thread alone: the directory is found again without anybody's call.
drive file=logs/memory.log interval_ms=1 start "sh=mv logs gone; rm -r gone; sleep 0.02; mkdir logs" \
        "sh=tries=0; until [ -s logs/memory.log ]; do
                tries=\$((tries + 1)); [ \$tries -lt 6000 ] || exit 1; sleep 0.01
        done"
judge logs/memory.log
