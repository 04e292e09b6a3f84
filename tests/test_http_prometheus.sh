#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_prometheus.sh - Prometheus itself, with the configuration of samples/fleet, scrapes an
# unmodified program under memlog run and one that links memlog, each second: what it has is what
# memory.log has at the same time, to the byte, and every rule can be evaluated.
# A quarter of a minute; in full mode a minute.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
. "$top_srcdir/tests/http_common.sh"
need prometheus prometheus
need jq jq
memlog=$top_builddir/memlog
test -f "$top_builddir/.libs/memlog-tools.so" || { echo "built without pages"; exit 77; }
plateaus=3
test "$full" = 0 || plateaus=12

cp "$top_builddir/tests/prog_http_plain" plain || exit 99

started=
trap 'for pid in $started; do kill "$pid" 2>/dev/null; done; rm -rf "$work"' EXIT

# waited FILE: until it says where the pages are; that is $address, without http://.
waited() {
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    address=$(sed -n 's/^memlog: .*pages at http:..\([^ ]*:[0-9]*\).*/\1/p' "$1")
    test -z "$address" || return 0
    sleep 0.2
  done
  fail "no pages: $(cat "$1")"
}

# --- two programs ---------------------------------------------------------------------------
serve 127.0.0.1:0 MEMLOG_HTTP_GO_METRICS=1 MEMLOG_MEMORY_LIMIT=1GiB
waited err
linked=$address
tell keep 2000 1000
tell gc
tell numbers
linked_alloc=${told##* }
exec 5>&3 6<&4
linked_pid=$pid

mkfifo plain.in plain.out || exit 99
"$memlog" run --http 127.0.0.1:0 -i 1s -o memory.log ./plain <plain.in >plain.out 2>plain.err &
plain_pid=$!
started="$linked_pid $plain_pid"
exec 3>plain.in 4<plain.out
tell pid
waited plain.err
plain=$address

# --- Prometheus -------------------------------------------------------------------------------
cp "$top_srcdir"/samples/fleet/*.yml . || exit 99
chmod u+w ./*.yml
sed -i 's/_interval: 15s/_interval: 1s/' prometheus.yml
printf -- '- targets: ["%s"]\n  labels: {service: plain}\n- targets: ["%s"]\n  labels: {service: linked}\n' \
  "$plain" "$linked" >targets.yml
prometheus --config.file=prometheus.yml --storage.tsdb.path="$work/data" --web.listen-address=127.0.0.1:0 \
  >prometheus.out 2>&1 &
prometheus_pid=$!
started="$started $prometheus_pid"
api=
for i in $(seq 100); do
  api=$(sed -n 's/.*msg="Listening on" address=\([0-9.:]*\)/\1/p' prometheus.out)
  test -z "$api" || break
  sleep 0.2
done
test -n "$api" || { echo "this prometheus does not say where it listens"; exit 77; }

# ask PATH PARAMETER...: the answer is in the file answer.
ask() {
  path=$1
  shift
  curl -s -S -m 10 -G "http://$api/api/v1/$path" "$@" >answer || fail "Prometheus: $path ends with $?"
  test "$(jq -r .status answer)" = success || fail "Prometheus about $path $*: $(cat answer)"
}
value() {
  ask query --data-urlencode "query=$1"
  jq -r '.data.result[0].value[1] // "none"' answer
}

up=
for i in $(seq 100); do
  up=$(value 'count(memlog_build_info)')
  test "$up" != 2 || break
  sleep 0.2
done
test "$up" = 2 || fail "$up programs are seen: $(cat prometheus.out)"

# --- plateaus that are told apart, each for some seconds ---------------------------------------
begun=$(date +%s)
for i in $(seq "$plateaus"); do
  case $((i % 3)) in
    1) tell keep 40 100000 ;;
    2) tell keep 3000 1000 ;;
    0) tell drop ;;
  esac
  sleep 5
done
ended=$(date +%s)
tell numbers
log_end=${told##* }

# The log's lines in the middle of a plateau: the two before and the one after say the same. What was
# scraped in the second before is of the same plateau.
awk -v begun="$begun" -v ended="$ended" '!/^#/ && NF == 3 { time[++n] = $1; alloc[n] = $2 }
  END { for (i = 3; i < n; i++)
    if (alloc[i - 2] == alloc[i] && alloc[i - 1] == alloc[i] && alloc[i + 1] == alloc[i] &&
        time[i] >= begun && time[i] < ended) print time[i], alloc[i] }' memory.log >expected
ask query_range --data-urlencode 'query=memlog_heap_alloc_bytes{service="plain"}' \
  --data-urlencode "start=$begun" --data-urlencode "end=$ended" --data-urlencode step=1
jq -r '.data.result[0].values[] | "\(.[0]) \(.[1])"' answer >scraped
awk 'NR == FNR { scraped[$1] = $2; next } scraped[$1] != $2 { print "at", $1, "the log has", $2, "and Prometheus", scraped[$1] }' \
  scraped expected >different
test ! -s different || fail "$(cat different)"
test "$(awk '{ print $2 }' expected | sort -u | grep -c .)" -ge 3 ||
  fail "the log has no three plateaus: $(cat memory.log)"
test "$(value 'memlog_heap_alloc_bytes{service="plain"}')" = "$log_end" || fail "the last plateau is $log_end: $(cat answer)"
lines=$(value 'memlog_log_samples_total{service="plain"}')
{ test "$lines" -ge $((ended - begun - 3)) && test "$lines" -le "$(grep -c '^[0-9]' memory.log)"; } ||
  fail "the log has $(grep -c '^[0-9]' memory.log) lines, memlog_log_samples_total was $lines"

# --- the other program: what it said of itself, by both families of names -------------------------
for name in memlog_heap_alloc_bytes go_memstats_alloc_bytes go_memstats_heap_alloc_bytes; do
  test "$(value "$name{service=\"linked\"}")" = "$linked_alloc" || fail "$name is $(cat answer), not $linked_alloc"
done
test "$(value 'memlog_memory_limit_bytes{service="linked"}')" = 1073741824 || fail "the limit: $(cat answer)"
test "$(value 'memlog_cgroup_limit_bytes{service="linked"} > 0')" != none || fail "no limit is no number: $(cat answer)"
test "$(value 'memlog_gc_pause_seconds_bucket{service="linked",le="+Inf"} - ignoring(le) memlog_gc_pause_seconds_count')" = 0 ||
  fail "a histogram: $(cat answer)"
test "$(value 'memlog_gc_cycles_total{service="linked"}')" -ge 1 || fail "collections: $(cat answer)"
test "$(value 'go_gc_duration_seconds{service="linked",quantile=~"1(.0)?"}')" != none || fail "quantiles: $(cat answer)"
for name in process_start_time_seconds process_resident_memory_bytes process_cpu_seconds_total process_open_fds; do
  test "$(value "count($name)")" = 2 || fail "$name: $(cat answer)"
done
# All that was in the answer was taken: no line is of no use to it.
get_lines() { curl -s -H 'Accept: application/openmetrics-text' "http://$1/metrics" | grep -vc '^#'; }
test "$(value 'scrape_samples_scraped{service="plain"}')" = "$(get_lines "$plain")" ||
  fail "$(get_lines "$plain") numbers, Prometheus took $(value 'scrape_samples_scraped{service="plain"}')"
# No scrape failed, and counters never fell.
test "$(value 'min(min_over_time(up[10s]))')" = 1 || fail "a scrape failed: $(cat answer)"
ask label/__name__/values
jq -r '.data[] | select(test("^memlog_.*_total$"))' answer >counters
test "$(grep -c . counters)" -ge 15 || fail "few counters: $(cat counters)"
while read -r name; do
  test "$(value "sum(resets(${name}[2m]))")" = 0 || fail "$name fell: $(cat answer)"
done <counters

# --- the rules ---------------------------------------------------------------------------------------
ask rules
jq -r '.data.groups[].rules[] | select(.health != "ok") | "\(.name): \(.health) \(.lastError)"' answer >ill
test ! -s ill || fail "rules: $(cat ill)"
test "$(jq '[.data.groups[].rules[]] | length' answer)" -ge 15 || fail "few rules: $(cat answer)"
jq -r '.data.groups[].rules[] | select(.state == "firing") | .name' answer >firing
test ! -s firing || fail "alerts where all is well: $(cat firing)"
test "$(value 'memlog:limit_used:ratio{service="linked",limit="memlog"} > 0 < 0.5')" != none || fail "a recorded rule: $(cat answer)"

kill "$prometheus_pid"
wait "$prometheus_pid" || fail "prometheus ends with $?"
exec 3>&- 4<&-
wait "$plain_pid" || fail "the program ends with $?: $(cat plain.err)"
exec 5>&- 6<&-
wait "$linked_pid" || fail "the program ends with $?: $(cat err)"
grep -E 'level=(warn|error)' prometheus.out | grep -vE '127\.0\.0\.1:9093|Received SIGTERM' >complaints
test ! -s complaints || fail "Prometheus says $(cat complaints)"
finish
