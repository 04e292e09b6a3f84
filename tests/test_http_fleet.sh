#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_fleet.sh - the configurations for many processes: promtool takes them, the alerts' own
# tests pass, and each metric that a rule, a dashboard or the documentation names is in /metrics.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/http_common.sh"
need promtool prometheus
need jq jq
fleet=$top_srcdir/samples/fleet

promtool check config "$fleet/prometheus.yml" >said 2>&1 || fail "prometheus.yml: $(cat said)"
promtool check rules "$fleet/memlog.rules.yml" >said 2>&1 || fail "memlog.rules.yml: $(cat said)"
promtool test rules "$fleet/memlog.rules.test.yml" >said 2>&1 || fail "the alerts' tests: $(cat said)"
# In full mode: they can fail. Each alert's threshold matters to a test of it.
test "$full" = 1 && for change in 's/> 1\.01 \* (memlog:heap_floor_bytes:min10m offset 10m)/> 1.9 * (memlog:heap_floor_bytes:min10m offset 10m)/' \
  's/3600) > 1$/3600) > 9/' 's/{limit="cgroup"} > 0\.9/{limit="cgroup"} > 0.99/' 's/{limit="memlog"} > 0\.98/{limit="memlog"} > 0.5/' \
  's/held_cycle\[15m\]/held_cycle[90m]/' 's/ratio5m > 0\.25 and/ratio5m > 0.5 and/' 's/ratio5m > 0\.05$/ratio5m > 0.5/' \
  's/samples_total\[15m\]) > 0/samples_total[15m]) > 99999/' 's/\[1h\]) > 2/[1h]) > 5/' 's/"memlog"} == 0/"memlog"} == 7/'; do
  mkdir -p changed
  sed "$change" "$fleet/memlog.rules.yml" >changed/memlog.rules.yml
  cmp -s changed/memlog.rules.yml "$fleet/memlog.rules.yml" && fail "nothing to change by $change"
  cp -f "$fleet/memlog.rules.test.yml" changed/
  promtool test rules changed/memlog.rules.test.yml >said 2>&1 && fail "no test notices $change"
done
grep -o 'alert: [A-Za-z]*' "$fleet/memlog.rules.yml" | sed 's/.* //' | sort >alerts
grep -o 'alertname: [A-Za-z]*' "$fleet/memlog.rules.test.yml" | sed 's/.* //' | sort -u | cmp -s - alerts ||
  fail "an alert has no test: $(cat alerts)"
while read -r alert; do
  grep -q "^| $alert |" "$top_srcdir/doc/fleet.md" || fail "doc/fleet.md does not tell of $alert"
done <alerts

# --- the dashboard: JSON, and each of its expressions is one -------------------------------------
jq -e '.panels | length > 5' "$fleet/grafana-dashboard.json" >said 2>&1 || fail "the dashboard: $(cat said)"
# shellcheck disable=SC2016 # jq's and Grafana's names
jq -r '{groups: [{name: "dashboard", rules: [
    [.. | .expr? // empty] | to_entries[] | {
      record: "panel:\(.key):all",
      expr: .value | gsub("\\$__rate_interval"; "5m") | gsub("\\$(job|instance)"; ".*") }
  ]}]}' "$fleet/grafana-dashboard.json" >expressions.json || fail "no expressions"
promtool check rules expressions.json >said 2>&1 || fail "expressions of the dashboard: $(cat said)"
test "$(jq '.groups[0].rules | length' expressions.json)" -ge 20 || fail "few expressions: $(cat expressions.json)"
jq -e '[.panels[].id] | length == (unique | length)' "$fleet/grafana-dashboard.json" >/dev/null || fail "panels of the same id"

# --- every metric that is named is there ------------------------------------------------------------
serve 127.0.0.1:0
tell keep 100 1000
tell gc
get '/metrics?go=1'
got 200 /metrics
sed -n 's/^# TYPE \([a-z_]*\) \([a-z]*\)$/\1 \2/p' body |
  awk '{ print $1 } $2 == "histogram" || $2 == "summary" { print $1 "_bucket"; print $1 "_sum"; print $1 "_count" }' >there
finish_program
# What only some machines have.
echo memlog_cgroup_current_bytes >>there
for file in memlog.rules.yml memlog.rules.test.yml grafana-dashboard.json; do
  grep -v '^ *# ' "$fleet/$file" | grep -oE '(^|[^:A-Za-z_])(memlog|process|go)_[a-z0-9_]+' | sed 's/^[^a-z]//' | sort -u >named
  test "$(grep -c . named)" -ge 10 || fail "$file names few: $(cat named)"
  grep -vxFf there named >missing && fail "$file names what is not in /metrics: $(cat missing)"
done
grep -oE '`(memlog|process)_[a-z_]*[a-z]' "$top_srcdir/doc/fleet.md" | tr -d '`' | grep -vxF memlog_http_start | sort -u >named
grep -vxFf there named >missing && fail "doc/fleet.md names what is not in /metrics: $(cat missing)"
# Names with a colon are recorded by the rules.
sed -n 's/.*record: //p' "$fleet/memlog.rules.yml" | sort -u >recorded
grep -ohE 'memlog:[a-z0-9_:]+' "$fleet/memlog.rules.yml" "$fleet/grafana-dashboard.json" | sort -u >named
grep -vxFf recorded named >missing && fail "nobody records $(cat missing)"
finish
