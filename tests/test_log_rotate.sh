#!/bin/sh
# SPDX-License-Identifier: MIT
# test_log_rotate.sh - the log is followed through every way of rotating it:
# no sample is lost, each file has a header and no holes.
. "${top_srcdir:-.}/tests/log_common.sh"

# By name: at once, and while the thread goes on writing.
drive start samples=10 "sh=mv memory.log memory.log.1" samples=10
judge memory.log memory.log.1
equal "samples before" "$(samples memory.log.1)" 11
equal "samples after" "$(samples memory.log)" 11
equal "headers after" "$(headers memory.log)" 1
rm memory.log*

drive interval_ms=1 start \
        "sh=for n in 1 2 3 4 5 6 7 8 9; do sleep 0.03; mv memory.log memory.log.\$n; done" sample
judge memory.log*
equal "numbers missing after renaming" "$(missing memory.log*)" ""
for file in memory.log*; do
        equal "headers in $file" "$(headers "$file")" 1
done
rm memory.log*

# By copying and truncating. What is written between the two is the rotation's
# to lose, so nothing is written there.
drive start samples=10 "sh=cp memory.log memory.log.1; : >memory.log" samples=10
judge memory.log memory.log.1
equal "samples copied" "$(samples memory.log.1)" 11
equal "samples after truncating" "$(samples memory.log)" 11
equal "headers after truncating" "$(headers memory.log)" 1
equal "numbers missing after truncating" "$(missing memory.log*)" ""
rm memory.log*

# The same while the thread goes on writing: what it wrote between the two is
# lost, and nothing else; a copy may end inside a line.
drive interval_ms=1 start \
        "sh=for n in 1 2 3 4 5 6 7 8 9; do
                until [ -s memory.log ]; do sleep 0.01; done
                sleep 0.02; cp memory.log memory.log.\$n; : >memory.log
        done; until [ -s memory.log ]; do sleep 0.01; done" sample
for file in memory.log.*; do
        sed -i '$d' "$file"
done
judge memory.log*
for file in memory.log*; do
        equal "headers in $file" "$(headers "$file")" 1
done
equal "numbers that are there twice" "$(cat memory.log* | grep '^[0-9]' | sort | uniq -d)" ""
rm memory.log*

# By its own cap: never larger, and the newest samples are there.
drive max_bytes=2000 start samples=500
judge memory.log memory.log.1
for file in memory.log memory.log.1; do
        [ "$(wc -c <$file)" -le 2000 ] || fail "$file is above the cap"
        equal "headers in $file" "$(headers $file)" 1
done
[ "$(samples memory.log memory.log.1)" -gt 40 ] || fail "hardly anything was kept"
equal "the newest sample" "$(grep '^[0-9]' memory.log | tail -n 1 | cut -d ' ' -f 2)" 502
rm memory.log*

# By logrotate, where it is installed.
logrotate=$(PATH=$PATH:/usr/sbin:/sbin command -v logrotate) || exit 0
for way in create copytruncate; do
        cat >rotation <<END
$scratch/memory.log {
        rotate 3
        $way
        missingok
        notifempty
}
END
        chmod 644 rotation
        rotate="sh=$logrotate -f -s $scratch/state rotation"
        drive start samples=10 "$rotate" samples=10 "$rotate" samples=10
        judge memory.log*
        equal "numbers missing after logrotate with $way" "$(missing memory.log*)" ""
        equal "headers after logrotate with $way" "$(headers memory.log*)" 3
        rm memory.log* state
done
