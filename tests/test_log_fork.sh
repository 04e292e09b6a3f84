#!/bin/sh
# SPDX-License-Identifier: MIT
# test_log_fork.sh - children: silent, with a log of their own, or going on as
# a daemon.
. "${top_srcdir:-.}/tests/log_common.sh"

# A child leaves its parent's log alone, in life and at its exit.
drive start fork '!sample' '!stop'
judge memory.log
equal "files" "$(echo memory.log*)" "memory.log"
equal "samples" "$(samples memory.log)" 2
equal "ends" "$(grep -c '^# end' memory.log)" 1
rm memory.log

case $SANITIZE in
*thread*) exit 0 ;; # refuses to start threads in children of threaded programs
esac

# With MEMLOG_CHILDREN's setting each has a file of its own, a grandchild too.
drive children start fork sample fork sample
judge memory.log*
equal "files" "$(ls | grep -c '^memory.log')" 3
for file in memory.log.*; do
        equal "header of $file" "$(sed -n 's/^# memlog 1 pid=\([0-9]*\) .*/\1/p' "$file")" \
                "${file#memory.log.}"
done
equal "samples of the parent" "$(samples memory.log)" 2
rm memory.log*

# A daemon goes on in FILE.PID, although it has changed its directory. The
# parents end without a word, as daemons' do.
drive start daemon cd=/ poll sample "sh=echo >$scratch/done"
tries=0
until [ -e done ] && grep -q '^# end reason=exit' memory.log.* 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 6000 ] || fail "the daemon did not go on"
        sleep 0.01
done
judge memory.log memory.log.*
equal "samples of the daemon" "$(samples memory.log.*)" 3
equal "samples of its parent" "$(samples memory.log)" 1
