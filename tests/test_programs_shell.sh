#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_shell.sh - bash under memlog run: subshells, pipelines, traps, job control; and jq on an
# array of 8 MB.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need bash bash
need jq jq
unless_full bash -c 'echo "[1, 2, 3]" | jq "map(. + 1)"'

cat >work.bash <<'END'
set -m -o pipefail
declare -A count; declare -a list
while read -r key word; do count[$key]+=$word; list+=("$word$key"); done < <(seq 1 8000 | awk '{ print $1 * 7919 % 997, "w" $1 }')
echo "${#count[@]} ${#list[@]} ${list[4711]} ${#count[500]}"
text=$(printf '%s ' "${list[@]}"); echo "${#text}"; text=${text//w/WW}; echo "${#text}"
nested() { (( $1 == 0 )) && { echo bottom; return; }; (nested $(( $1 - 1 )) | sed "s/\$/ $1/"); }
nested 25
for i in {1..60}; do (exit $(( i % 7 ))); echo -n "$? "; done; echo
false | true | (exit 3) | cat; echo "pipe ${PIPESTATUS[*]}"
trapped=0
trap 'trapped=$(( trapped + 1 ))' USR1
for i in {1..50}; do kill -USR1 $$; : "$(echo "$i")"; done
echo "trapped $trapped"
trap 'echo leaving "$(echo a subshell)"' EXIT
sleep 0.2 & sleep 0.1 & jobs | sed 's/^\[\(.\)\].*Running.*/job \1 runs/'; wait; echo "jobs $(jobs -r | wc -l)"
# What a shell says of a job that is killed, and when, differs from run to run.
bash -mc 'sleep 60 & job=$!; until grep -qx sleep /proc/$job/comm; do :; done; kill -STOP $job
  until grep -q "^State:.T" /proc/$job/status; do :; done; kill -CONT $job; kill -TERM $job
  while kill -0 $job; do sleep 0.01; done; wait; echo ended' 2>/dev/null
coproc worker { while read -r line; do echo "got $line"; done; }
for i in {1..20}; do echo "$i" >&"${worker[1]}"; read -r answer <&"${worker[0]}"; echo -n "$answer, "; done; echo
exec {worker[1]}>&-; wait
eval "$(for i in {1..200}; do echo "f$i() { local x=$i; echo \$(( x * x )); }"; done)"
sum=0; for i in {1..200}; do (( sum += $(f$i) )); done; echo "sum $sum"
cat <<HERE | tr a-z A-Z | md5sum
$(for i in {1..500}; do echo "line $i of $(( i * i ))"; done)
HERE
exec {file}<"$0"; mapfile -t -u "$file" lines; exec {file}<&-; echo "${#lines[@]}"
printf '%s\n' "${!count[@]}" | sort -n | tail -n 3
END
for where in without with; do
  $where bash bash work.bash
done
same bash

seq 1 70000 | awk 'BEGIN { print "[" } { printf "%s{\"id\":%d,\"name\":\"item %d\",\"tags\":[\"a%d\",\"b%d\",null],\"x\":{\"y\":%d.5,\"z\":\"\\u00e9%s\"}}\n",
  (NR > 1 ? "," : ""), $1, $1 * 7919 % 70001, $1 % 7, $1 % 11, $1, substr("abcdefghijklmnopqrstuvwxyz", 1, $1 % 27) } END { print "]" }' >array.json
test "$(wc -c <array.json)" -gt 6000000 || fail "the array is too small"
for where in without with; do
  $where jq jq -c 'map(select(.id % 3 == 0) | .x.y += 1 | .tags |= map(select(. != null)))
    | (group_by(.tags[0])[] | [length, (map(.x.y) | add), (sort_by(.name)[0:3])]), (map(.x.z) | unique | join(",")),
      ([.[] | tostring | ascii_downcase | test("item 1+")] | map(select(.)) | length), (tojson | length)' array.json
  $where stream sh -c "jq -cn --stream 'reduce (inputs | select(length == 2)) as [\$p, \$v] (0; . + 1)' array.json"
done
same jq
same stream
finish
