#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_limits.sh - a server of pages under load and under attack: everybody who asks properly is
# answered, nothing is left behind, and the program's own numbers are those of one that nobody asked.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/http_common.sh"
load=$top_builddir/tests/prog_http_load
attack=$top_builddir/tests/prog_http_attack
pages='/debug/ /debug/mem /debug/gc /debug/gc?format=json /debug/vars /metrics /debug/memlog /debug/memlog/uplot.js
  /debug/memlog/data /debug/pprof/ /debug/pprof/heap /debug/pprof/heap?debug=1 /debug/pprof/heap?format=collapsed
  /debug/pprof/allocs /debug/pprof/cmdline /debug/pprof/symbol?0x1000'
rate=500 seconds=4 nonsense=2000 slow=6
test "$full" = 0 || { rate=2000; seconds=60; nonsense=20000; slow=25; }
test -z "$SANITIZE" || rate=100
ulimit -n 4096 2>/dev/null || ulimit -n 2000

# What a program does that nobody asks.
do_work() {
  tell keep 1000 3000
  tell churn 20000
  tell gc
  tell numbers
}
serve 127.0.0.1:0
do_work
control=$told
finish_program

serve 127.0.0.1:0
# shellcheck disable=SC2086 # several paths
"$load" "$url" "$rate" "$seconds" $pages >load.out 2>load.err &
asker=$!
do_work
wait $asker || fail "under load: $(cat load.out load.err)"
# How much of the garbage a collection finds is not always the same; what was allocated is.
test "${told%% *}" = "${control%% *}" || fail "with requests the program's Mallocs are ${told%% *}, without ${control%% *}"
control=$told
tell numbers
test "$told" = "$control" || fail "after the requests they are $told"

# --- attacks: what they take is given back --------------------------------------------------------
descriptors() { find "/proc/$pid/fd" -mindepth 1 | wc -l; }
resident() { sed -n 's/^VmRSS: *\([0-9]*\) kB/\1/p' "/proc/$pid/status"; }
attack_all() {
  "$attack" "$url" huge >attack.out 2>&1 || fail "huge: $(cat attack.out)"
  "$attack" "$url" gone 100 >attack.out 2>&1 || fail "gone: $(cat attack.out)"
  "$attack" "$url" fuzz "$1" "$nonsense" >attack.out 2>&1 || fail "fuzz $1: $(cat attack.out)"
  "$attack" "$url" slow 1000 "$slow" >attack.out 2>&1 || fail "slow: $(cat attack.out)"
}
attack_all 1
before=$(resident)
attack_all 2
sleep 1
test "$(descriptors)" -lt 40 || fail "$(descriptors) descriptors are open when all have gone"
grew=$(($(resident) - before))
test "$grew" -lt 8192 || fail "the second time the same took $grew KiB more"
tell numbers
test "$told" = "$control" || fail "after the attacks Mallocs, Frees, Alloc are $told, not $control"
tell stop
test "$(descriptors)" -lt 10 || fail "$(descriptors) descriptors are open after the stop"

# --- a stop while somebody waits: he gets an answer ---------------------------------------------
tell start 127.0.0.1:0
url=$(sed -n 's/^memlog: pages at \(http:[^ ]*[0-9]\).*/\1/p' err | tail -1)
curl -s -m 20 -o waited -w '%{http_code}' "$url/debug/pprof/heap?seconds=60" >waited.status &
waiter=$!
sleep 0.5
tell stop
wait $waiter
case $(cat waited.status) in
  503 | 000) ;;
  *) fail "who waits for 60 seconds gets $(cat waited.status) at the stop" ;;
esac

# --- a function of the program's takes its time ---------------------------------------------------
tell start 127.0.0.1:0
url=$(sed -n 's/^memlog: pages at \(http:[^ ]*[0-9]\).*/\1/p' err | tail -1)
tell publish_late
curl -s -m 20 -o waited "$url/debug/vars"
grep -q '^"late": -35,' waited || fail "a function that stops the pages is not told -EDEADLK: $(head -c 300 waited)"
tell start
curl -s -m 20 -o waited "$url/debug/vars" &
waiter=$!
sleep 0.2
tell stop
wait $waiter
tell start "${url#http://}"
test "$told" = 0 || fail "a child that was forked during the stop has the port: $told"
tell stop
finish_program

# --- a function that does not come back: the program ends all the same, and its socket's file goes ---
begin
tell start unix:endless.sock
tell publish_endless
curl -s -m 30 -o waited --unix-socket endless.sock http://x/debug/vars &
waiter=$!
sleep 0.5
finish_program
wait $waiter
test ! -e endless.sock || fail "the socket is left behind"

# --- no descriptor is left, and somebody wants in: the processor is left alone ---------------------
ulimit -S -n 64
serve 127.0.0.1:0
tell fill
ticks() { awk '{ print $14 + $15 }' "/proc/$pid/stat"; }
before=$(ticks)
curl -s -m 3 -o waited "$url/debug/mem"
took=$(($(ticks) - before))
test "$took" -lt 50 || fail "$took ticks of the processor in three seconds without a descriptor"
tell free
get /debug/mem
got 200 "when there are descriptors again"
finish_program
finish
