#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_pages.sh - the pages of a program that links libmemlog-http, as curl sees them: what they
# say, their headers, who is refused, that a taken port harms nobody, and where threads and sockets go.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/http_common.sh"

serve 127.0.0.1:0

# --- /debug/gc -----------------------------------------------------------------------------------
get /debug/gc
grep -q '^0 collections' body || fail "without collections: $(cat body)"
for i in 1 2 3; do tell gc; done
get /debug/gc
test "$(awk '$1 ~ /^[0-9]+$/ && NF > 5 { print $1, $4 }' body | tr '\n' ' ')" = '3 forced 2 forced 1 forced ' ||
  fail "three collections: $(cat body)"
get '/debug/gc?format=json'
grep -q '^\[{"number":1,.*"reason":"forced".*{"number":3,' body || fail "as JSON: $(cat body)"

# --- /debug/mem -------------------------------------------------------------------------
tell keep 3 4194304
get /debug/mem
got 200 /debug/mem
has_header Content-Type 'text/plain; charset=utf-8'
test "$(sed -n 's/:.*//p' body | head -5 | tr '\n' ' ')" = 'Alloc TotalAlloc Sys NumGC HeapObjects ' ||
  fail "/debug/mem begins with $(head -5 body)"
grep -qE '^Alloc: 12(\.[0-9]+)? MiB$' body || fail "12 MiB are $(head -1 body)"
tell numbers
mallocs=${told%% *}
get '/debug/mem?unit=bytes'
test "$(sed -n 's/^Alloc: \([0-9]*\) bytes$/\1/p' body)" = "${told##* }" || fail "Alloc is ${told##* }: $(head -1 body)"
get '/debug/mem?unit=stone'
got 400 'a unit that there is not'

# --- reading changes nothing -----------------------------------------------------------------
for path in /debug/ /debug/mem /debug/gc '/debug/gc?format=json' /debug/vars /metrics /debug/memlog /debug/memlog/data \
  /debug/pprof/ /debug/pprof/heap '/debug/pprof/heap?debug=1' /debug/pprof/allocs /debug/pprof/cmdline /debug/pprof/symbol; do
  get "$path"
  got 200 "$path"
  has_header X-Content-Type-Options nosniff
  has_header X-Frame-Options DENY
  has_header Cross-Origin-Resource-Policy same-origin
  has_header Cache-Control no-store
  case $(header Content-Security-Policy) in
    "default-src 'none'; script-src 'self';"*) ;;
    *) fail "$path: the policy is $(header Content-Security-Policy)" ;;
  esac
  size=$(wc -c <body)
  get "$path" -I
  got 200 "HEAD $path"
  test ! -s body || grep -q '^HTTP' body || fail "HEAD $path has a body"
done
tell numbers
test "${told%% *}" = "$mallocs" || fail "Mallocs were $mallocs, and are ${told%% *} after the pages were read"

# --- /debug/vars: variables of the program's, in order ---------------------------------------
tell publish
get /debug/vars
has_header Content-Type 'application/json; charset=utf-8'
test "$(sed -n 's/^"\([a-z]*\)": .*/\1/p' body | tr '\n' ' ')" = 'cmdline load memlog memstats requests state version ' ||
  fail "the variables are $(cut -c1-60 body)"
grep -q '^"memlog": {"LargeMallocs":.*"RSS":.*}},$' body || fail "what Go leaves out: $(grep -a '^"memlog"' body)"
for line in '"load": 0.5,' '"requests": 42,' '"state": {"word":"fine","list":[1,2,3]},' \
  '"version": "1.2 \u003cbeta\u003e"'; do
  grep -qxF "$line" body || fail "no $line in $(cut -c1-80 body)"
done
tell unpublish
get /debug/vars
grep -q '"state"' body && fail "state is still there"

# --- pprof's routes ------------------------------------------------------------------------------
get /debug/pprof
got 301 'pprof without a slash'
has_header Location /debug/pprof/
get /debug/pprof/
grep -q 'href="heap?debug=1"' body || fail "the index: $(cat body)"
get /debug/pprof/heap
has_header Content-Type application/octet-stream
has_header Content-Disposition 'attachment; filename="heap"'
has_header Content-Encoding ''
gzip -t <body || fail "the profile is no gzip file"
get '/debug/pprof/heap?debug=1'
has_header Content-Type 'text/plain; charset=utf-8'
has_header Content-Disposition ''
tail -n 21 body | grep -q '^# HeapAlloc = ' && tail -n 21 body | grep -q '^# DebugGC = false$' ||
  fail "the tail of the text: $(tail -n 21 body | cut -c1-60)"
get /debug/pprof/cmdline
has_header Content-Type 'text/plain; charset=utf-8'
test "$(tr '\0' ' ' <body)" = "$program" || fail "cmdline: $(cat -v body)"
for bad in 'heap?seconds=0' 'heap?seconds=x' 'heap?seconds=-1' 'heap?seconds=1.5' 'heap?seconds=999999' 'heap?seconds=1&debug=1' 'allocs?seconds=1&debug=2' \
  'heap?format=stones' 'heap?format=collapsed&type=stones'; do
  get "/debug/pprof/$bad"
  got 400 "$bad"
  has_header X-Go-Pprof 1
  has_header Content-Type 'text/plain; charset=utf-8'
done
get /debug/pprof/goroutine
got 404 'a profile that there is not'
has_header X-Go-Pprof 1
grep -qi 'unknown profile' body || fail "unknown: $(cat body)"
tell numbers
collections=$(curl -s "$url/debug/gc" | sed -n '1s/ .*//p')
get '/debug/pprof/heap?gc=1'
got 200 'gc=1'
get /debug/gc
test "$(sed -n '1s/ .*//p' body)" = $((collections + 1)) || fail "gc=1 did not collect: $(head -1 body)"
get '/debug/pprof/heap?gc=1'
got 429 'gc=1 again at once'
has_header Retry-After 1

# --- who is refused ---------------------------------------------------------------------------------
get /debug/mem -H 'Host: evil.example'
got 403 'a name that points here'
get /debug/mem -H 'Origin: http://evil.example'
got 403 'another site'
get /debug/mem -H 'Sec-Fetch-Site: cross-site' -H 'Sec-Fetch-Mode: no-cors'
got 403 'an image on another site'
get /debug/mem -H "Host: localhost:${url##*:}"
got 200 localhost
get /debug/mem -X POST -d x
got 405 POST
has_header Allow 'GET, HEAD'
get /debug/mem -X DELETE
got 405 DELETE
for nowhere in /nowhere /debug/memlog/nothing.js /debug/memlog/../../etc/passwd /debug/%2e%2e/%2e%2e/etc/passwd //etc/passwd; do
  get "$nowhere" --path-as-is
  got 404 "$nowhere"
done
get '/debug/mem?unit=%00%ff%zz'
got 400 'a unit of no letters'

# --- threads, forks, ports --------------------------------------------------------------------------
tell threads
for name in memlog-http memlog-pages; do
  case $told in *"$name"*) ;; *) fail "no thread $name: $told" ;; esac
done
grep -q ' SigBlk:\|SigBlk' "/proc/$pid/status" || fail "no signal masks"
for task in "/proc/$pid/task"/*; do
  case $(cat "$task/comm") in
    memlog-http) grep -q '^SigBlk:.fffffff' "$task/status" || fail "memlog-http takes signals: $(grep SigBlk "$task/status")" ;;
  esac
done
tell start 127.0.0.1:0
test "$told" = -114 || fail "twice: $told"
tell start
test "$told" = 0 || fail "where there are pages, NULL is $told"
tell fork
child=$told
test "$child" -gt 0 || fail "a forked child gets no pages of its own: $(cat err)"
other=$(sed -n 's/^memlog: pages at \(http:[^ ]*[0-9]\).*/\1/p' err | tail -1)
test "$other" != "$url" || fail "the child's pages are its parent's"
test "$(curl -s "$other/debug/memlog/data" | sed 's/.*"pid":\([0-9]*\).*/\1/')" = "$child" || fail "the child's pages tell of another"
get /debug/mem
got 200 'the parent, with a child'
tell stop
test "$told" = 0 || fail "stop: $told"
curl -s -m 5 -o /dev/null "$url/debug/mem" && fail "after the stop somebody answers: the child has the socket"
kill "$child"
tell stop
test "$told" = -107 || fail "stop again: $told"
tell threads
case $told in *memlog-http* | *memlog-pages*) fail "threads are left: $told" ;; esac
tell start "${url#http://}"
test "$told" = 0 || fail "the port is not free again: $(cat err)"
get /debug/mem
got 200 'again at the same port'
second_err=$("$program" 2>&1 <<END
start ${url#http://}
numbers
END
)
case $second_err in
  *'Address already in use'*'ok -98'*'ok '*) ;;
  *) fail "a taken port: $second_err" ;;
esac
finish_program

# --- a socket in the file system -----------------------------------------------------------------
begin
tell start unix:pages.sock
test "$told" = 0 || fail "a socket: $(cat err)"
test "$(stat -c %a pages.sock)" = 600 || fail "its mode is $(stat -c %a pages.sock)"
curl -s --unix-socket pages.sock http://anything/debug/mem | grep -q '^Alloc: ' || fail "nothing at the socket"
finish_program
test ! -e pages.sock || fail "the socket is left behind"

# --- settings ----------------------------------------------------------------------------------------
serve 127.0.0.1:0 MEMLOG_HTTP_HOSTS=app.example MEMLOG_COMMAND=0 MEMLOG_HTTP_GO_METRICS=1
get /metrics -H 'Host: app.example:1'
got 200 'a name that is listed'
grep -q '^go_memstats_alloc_bytes ' body || fail "no Go names"
finish_program
begin MEMLOG_HTTP=nowhere
tell start
test "$told" = -22 || fail "MEMLOG_HTTP=nowhere: $told"
grep -q 'no pages at nowhere: ' err || fail "MEMLOG_HTTP=nowhere: $(cat err)"
finish_program
finish
