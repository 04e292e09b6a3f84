#!/bin/sh
# SPDX-License-Identifier: MIT
# test_log_start.sh - a program that ends at once has two samples; a log that
# can't be had says why, and the program goes on.
. "${top_srcdir:-.}/tests/log_common.sh"

drive start
judge memory.log
equal "samples of a program that ends at once" "$(samples memory.log)" 2
equal "the last line" "$(tail -n 1 memory.log)" "# end reason=exit"
equal "the second line" "$(sed -n 2p memory.log)" "# timestamp Alloc Sys"
grep -q "^# memlog 1 pid=[0-9]* start=20[0-9-]*T[0-9:]*Z interval=60m\( gc=[a-z]*\)\{0,1\} command=\".*prog_log_driver start\"$" \
        memory.log || fail "the header"
rm memory.log
drive hide_command start
grep -q "interval=60m$" memory.log || fail "the command was not hidden"

# It goes where it was started, and is found there after a chdir.
drive start cd=/ "sh=rm $scratch/memory.log" sample
equal "samples after chdir" "$(samples memory.log)" 2

"$driver" file=gone/memory.log '!start' '!sample' 2>said || fail "went down with its log"
equal "the message" "$(cat said)" "memlog: cannot open gone/memory.log: No such file or directory"
"$driver" columns=HeapInuse,Heapidle '!start' 2>said || fail "went down with its columns"
equal "the message" "$(cat said)" \
        "memlog: no field is called Heapidle: it can't be a column of the log"

drive file=%e.%p.log start
[ -f prog_log_driver.*.log ] || fail "%e.%p was not filled in: $(ls)"
