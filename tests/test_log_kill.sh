#!/bin/sh
# SPDX-License-Identifier: MIT
# test_log_kill.sh - kill -9 at any moment: at most the last line is cut, and
# the next run begins on a line of its own. Every fifth time the end of the log
# is cut off by hand as well, since the kernel cuts a write so seldom that the
# repair would not be seen at work.
. "${top_srcdir:-.}/tests/log_common.sh"

kills=60
victim=
clean_up() { [ -z "$victim" ] || kill -9 "$victim" 2>/dev/null; }

wait_for_file() {
        tries=0
        until [ -e "$1" ]; do
                tries=$((tries + 1))
                [ $tries -lt 6000 ] || fail "$1 did not appear"
                sleep 0.01
        done
}

round=0
while [ $round -lt $kills ]; do
        round=$((round + 1))
        rm -f begun
        # Both write: the thread, and the program.
        "$driver" interval_ms=1 start "sh=: >begun" samples=100000000 &
        victim=$!
        wait_for_file begun
        sleep "0.0$((round * 7 % 29 + 10))"
        kill -9 $victim
        wait $victim 2>/dev/null
        victim=
        [ $((round % 5)) -ne 0 ] || truncate -s "-$((round / 5))" memory.log
done
drive start

judge memory.log
equal "headers" "$(headers memory.log)" $((kills + 1))
equal "blank lines" "$(grep -c '^$' memory.log)" $kills
[ "$(grep -c ' ?$' memory.log)" -ge $((kills / 5)) ] || fail "cut lines are not marked"
