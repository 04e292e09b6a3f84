#!/bin/sh
# SPDX-License-Identifier: MIT
# test_log_full.sh - a full disk: the program goes on, the log says how many
# samples were lost, and no line is half there.
. "${top_srcdir:-.}/tests/log_common.sh"

# A device that is always full.
ln -s /dev/full full.log
drive file=full.log start '!sample' '!mark=x'

# A file size that must not be exceeded: the kernel's signal for that kills
# whoever does not block it. How long the header is depends on the process and
# its path; of two limits side by side at least one ends inside a line.
marked=0
for limit in 500 501; do
        drive start fsize=$limit '!samples=50' fsize=-1 sample stop
        judge memory.log
        lost=$(sed -n 's/^# lost \([0-9]*\) samples (File too large)$/\1/p' memory.log)
        [ -n "$lost" ] || fail "nothing is said of lost samples"
        equal "samples in the log and lost" "$(($(samples memory.log) + lost))" 53
        marked=$((marked + $(grep -c ' ?$' memory.log)))
        rm memory.log
done
[ "$marked" -ge 1 ] || fail "no line is marked as cut"

# A file system that is full, where this user may mount one.
cat >fill_and_drain <<'END'
mount -t tmpfs -o size=64k none disk || exit 77
"$1" file=disk/memory.log start samples=20 \
        "sh=cat /dev/zero >disk/filler 2>/dev/null || :" '!samples=3000' \
        "sh=rm disk/filler" samples=20 stop || exit 1
cp disk/memory.log .
END
mkdir disk
if unshare -m true 2>/dev/null; then
        unshare -m sh fill_and_drain "$driver"
        status=$?
        [ $status -ne 77 ] || exit 0
        equal "status on a full disk" $status 0
        judge memory.log
        lost=$(sed -n 's/^# lost \([0-9]*\) samples (No space left on device)$/\1/p' memory.log)
        [ -n "$lost" ] || fail "nothing is said of samples lost to a full disk"
        equal "samples in the log and lost" "$(($(samples memory.log) + lost))" 3042
fi
