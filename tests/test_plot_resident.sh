#!/bin/sh
# SPDX-License-Identifier: MIT
# test_plot_resident.sh - a log of a process without memlog: pss and rss are drawn, and are
# called so.
. "${top_srcdir:-$(dirname "$0")/..}/tests/plot_common.sh"

# as_drawn LOG: its samples as time, pss, rss.
as_drawn() { awk '/^[0-9]/ { print $1, $3, $2 }' "$1"; }

draw "$fixtures/resident.log" svg resident.svg
as_drawn "$fixtures/resident.log" >samples
has_text 'proportional (pss), peak 5 MiB' resident.svg
has_text 'resident (rss), peak 8 MiB' resident.svg
has_no_text 'Alloc' resident.svg
proportional 'proportional (pss)' 2 samples resident.svg
proportional 'resident (rss)' 3 samples resident.svg

# Another user's process: rss alone.
sed 's/^\([0-9]* [0-9]*\) .*/\1 - -/' "$fixtures/resident.log" >rss.log
draw rss.log svg rss.svg
has_text 'resident (rss), peak 8 MiB' rss.svg
has_no_text 'pss' rss.svg
awk '/^[0-9]/ { print $1, $2, $2 }' rss.log >samples
proportional 'resident (rss)' 2 samples rss.svg

# A line that was cut is none.
{ cat "$fixtures/resident.log"; printf '1795314486 99999999999 ?\n'; } >cut.log
draw cut.log svg cut.svg
has_text 'resident (rss), peak 8 MiB' cut.svg

# It has become a program with memlog.
cat >both.log <<'END'
# memlog 1 pid=812 start=2026-11-22T02:28:03Z interval=1s command="sh start"
# timestamp rss pss swap
1795314483 4194304 2097152 0
1795314484 4194304 2097152 0
# end reason=exec

# memlog 1 pid=812 start=2026-11-22T02:28:05Z interval=1s command="./server"
# timestamp Alloc Sys
1795314485 10485760 20971520
1795314486 15728640 20971520
# end reason=gone
END
draw both.log svg both.svg
has_text 'in use (Alloc, pss), peak 15 MiB' both.svg
has_text 'system (Sys, rss), peak 20 MiB' both.svg
has_no_text 'ended by' both.svg
sed 's/reason=gone/& oom_kill=1/' both.log >oom.log
draw oom.log dumb oom.txt
grep -q 'ended by the kernel (out of memory)' oom.txt || fail "the text: $(cat oom.txt)"
finish
