#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_run.sh - memlog run --http: the pages of an unmodified program, from outside. It gets no
# thread, no descriptor and no allocation; it goes on whatever becomes of the pages.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
. "$top_srcdir/tests/http_common.sh"
memlog=$top_builddir/memlog
test -f "$top_builddir/.libs/memlog-tools.so" || { echo "built without pages"; exit 77; }

cp "$top_builddir/tests/prog_http_plain" plain || exit 99

# run ENVIRONMENT... -- OPTIONS...: plain under memlog run; $pid is memlog's, $inner plain's.
run() {
  rm -f in out
  mkfifo in out || exit 99
  variables=
  while [ "$1" != -- ]; do
    variables="$variables $1"
    shift
  done
  shift
  # shellcheck disable=SC2086 # several words
  env $variables "$memlog" run "$@" ./plain <in >out 2>err &
  pid=$!
  exec 3>in 4<out
  tell pid
  inner=$told
}
# Pages begin when the program has.
where() {
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    grep -q pages err && break
    sleep 0.2
  done
  url=$(sed -n 's/^memlog: .*pages at \(http:[^ ]*[0-9]\).*/\1/p' err)
}
# Its first numbers are there when it has said where they are.
until_there() {
  where
  for i in 1 2 3 4 5 6 7 8 9 10; do
    get /debug/mem
    test "$status" = 503 || break
    sleep 0.2
  done
}

run MEMLOG_PROFILE_RATE=1 -- --http 127.0.0.1:0
until_there
got 200 /debug/mem
tell keep 1000 5000
tell numbers
get '/debug/mem?unit=bytes'
test "$(sed -n 's/^Mallocs: //p' body)" = "${told%% *}" || fail "Mallocs are ${told%% *}: $(grep Mallocs body)"
tell threads
test "$told" = 1 || fail "the program has $told threads"
find "/proc/$inner/fd" -lname 'socket:*' | grep -q . && fail "the program has sockets"

# --- all pages, and nothing changes -------------------------------------------------------------
tell numbers
before=$told
for path in /debug/ /debug/mem /debug/gc /debug/vars /metrics /debug/memlog /debug/memlog/data /debug/pprof/ \
  /debug/pprof/heap '/debug/pprof/heap?debug=1' '/debug/pprof/heap?format=collapsed' /debug/pprof/allocs \
  '/debug/pprof/allocs?seconds=1' /debug/pprof/cmdline /debug/pprof/symbol; do
  get "$path"
  got 200 "$path"
done
tell numbers
test "$told" = "$before" || fail "numbers were $before, and are $told after the pages were read"
get /debug/pprof/cmdline
test "$(tr '\0' ' ' <body)" = ./plain || fail "cmdline: $(cat -v body)"
get /metrics
grep -qx "process_start_time_seconds $(curl -s "$url/debug/memlog/data" | sed 's/.*"start":\([0-9]*\).*/\1/')[0-9.]*" body ||
  fail "the process is another's: $(grep '^process_start' body)"
test "$(curl -s "$url/debug/memlog/data" | sed 's/.*"pid":\([0-9]*\),.*/\1/')" = "$inner" || fail "the pid is not $inner"
get '/debug/pprof/heap?gc=1'
got 501 'gc=1 from outside'
get '/debug/pprof/heap?gc=1'
got 501 'gc=1 from outside, once more'
get '/debug/pprof/heap?debug=1'
grep -q '	leak_here+0x.*prog_http_plain.c:[0-9]' body || fail "no names: $(head -20 body)"
get '/debug/pprof/heap?format=collapsed&type=inuse_objects'
grep -q ';main;leak_here 1000$' body || fail "collapsed: $(cat body)"
get /debug/gc
grep -q '^0 collections. A program that only uses malloc' body || fail "/debug/gc: $(cat body)"
if command -v go >/dev/null 2>&1; then
  HOME=$work PPROF_TMPDIR=$work/pprof timeout 120 go tool pprof -top "$url/debug/pprof/heap" >said 2>said.err ||
    fail "pprof: $(cat said.err)"
  test "$(awk 'seen { print $NF; exit } / flat% / { seen = 1 }' said)" = leak_here || fail "pprof: $(cat said)"
fi

# --- it becomes another program; it ends -----------------------------------------------------------
tell exec
until_there
got 200 'after an exec'
tell numbers
get '/debug/mem?unit=bytes'
test "$(sed -n 's/^Mallocs: //p' body)" = "${told%% *}" || fail "after an exec Mallocs are ${told%% *}: $(grep Mallocs body)"
exec 3>&- 4<&-
wait "$pid" || fail "memlog run ends with $?: $(cat err)"
curl -s -m 5 -o /dev/null "$url/debug/mem" && fail "after the end somebody answers"

# --- a port that is taken, an address that is none, no module ------------------------------------
run -- --http 127.0.0.1:0
where
(run -- --http "${url#http://}"
 taken=${url#http://}
 where
 grep -q "no pages at $taken: Address already in use" err || fail "a taken port: $(cat err)"
 exec 3>&- 4<&-
 wait "$pid" || fail "with a taken port the program ends with $?"
 test "$failures" -eq 0) || fail "a taken port"
exec 3>&- 4<&-
wait "$pid" || fail "memlog run ends with $?"

# --- killed: the pages go, and the log says how ---------------------------------------------------
run MEMLOG_HTTP=127.0.0.1:0 -- -o killed.log
until_there
got 200 'by MEMLOG_HTTP'
tell environment
case $told in *MEMLOG_HTTP=*) fail "the program has MEMLOG_HTTP" ;; esac
kill -9 "$inner"
exec 3>&- 4<&-
wait "$pid"
test $? -eq 137 || fail "memlog run of a killed program ends with another status"
grep -q '^# end reason=SIGKILL' killed.log || fail "the log: $(tail -3 killed.log)"

# --- quiet ------------------------------------------------------------------------------------------
run -- -q --http unix:pages.sock
tell numbers
test ! -s err || fail "-q, and it says $(cat err)"
curl -s --unix-socket pages.sock http://x/debug/mem | grep -q '^Alloc: ' || fail "nothing at the socket"
exec 3>&- 4<&-
wait "$pid" || fail "memlog run -q ends with $?"
test ! -e pages.sock || fail "the socket is left behind"
finish
