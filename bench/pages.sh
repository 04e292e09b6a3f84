# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # the variables are bench.sh's
# pages.sh - the row that asks for debug pages, so many a second. To be sourced by bench.sh.

# All pages, and profiles alone, which take a server most.
pages_rate=2000
profiles_rate=500
pages_seconds=$measured_seconds
# What Go has, too, and all that there are.
common_pages='/debug/vars /debug/pprof/heap /debug/pprof/heap?debug=1 /debug/pprof/allocs /debug/pprof/cmdline'
all_pages="$common_pages /debug/ /debug/mem /debug/gc /debug/gc?format=json /metrics /debug/memlog
  /debug/memlog/uplot.js /debug/memlog/data /debug/pprof/ /debug/pprof/heap?format=collapsed /debug/pprof/symbol?0x1000"

# with_pages FUNCTION COMMAND...: a server that reads commands; call the function with its url.
with_pages() {
  function=$1
  shift
  rm -f "$work/in"
  mkfifo "$work/in" || exit 1
  "$@" <"$work/in" >"$work/server.out" 2>"$work/server.err" &
  server=$!
  exec 7>"$work/in"
  printf 'start 127.0.0.1:0\nkeep 10000 5000\n' >&7
  url=
  for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    url=$(cat "$work/server.out" "$work/server.err" | sed -n 's/.*\(http:\/\/[0-9.]*:[0-9]*\).*/\1/p' | head -n 1)
    test -z "$url" || break
    sleep 0.2
  done
  if test -n "$url"; then
    "$function" "$url"
  else
    note "no pages: $(tail -n 1 "$work/server.err")"
    failed=1
  fi
  exec 7>&-
  wait "$server" || { note "a server of pages ended with $?"; failed=1; }
}

# load RATE PAGE...: what comes of it as figures.
load() {
  rate=$1
  shift
  ./tests/prog_http_load "$url" "$rate" "$pages_seconds" "$@" >"$work/load" || failed=1
  awk '{ printf "p50 ms\t%s\np99 ms\t%s\n", $6, $8 }' "$work/load"
}
# shellcheck disable=SC2086 # several pages
ask_common() { measure "$who" "pages of both, $profiles_rate/s," load $profiles_rate $common_pages; }
ask_all() {
  ask_common
  measure "$who" "all pages, $pages_rate/s," load $pages_rate $all_pages
}

round_of_pages() {
  if test "$with_go" -eq 1; then
    who=Go
    with_pages ask_common "$programs/bench_pages_go"
  fi
  who=memlog
  with_pages ask_all ./tests/prog_http
  who=run
  with_pages ask_all ./memlog run -o "$work/pages.log" --http 127.0.0.1:0 ./tests/prog_http_plain
}

row_pages() {
  test -x tests/prog_http || { note 'built without pages: the row pages is left out'; return; }
  section pages "debug pages, so many requests a second for $pages_seconds seconds"
  with_go=0
  if need_go pages; then with_go=1; fi
  subjects Go memlog run
  ratios memlog/Go run/Go
  rounds pages round_of_pages
}
