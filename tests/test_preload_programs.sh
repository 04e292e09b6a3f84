#!/bin/sh
# SPDX-License-Identifier: MIT
# test_preload_programs.sh - real programs do with the preload library what they do
# without. Those that are not installed are left out.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
preload=$top_builddir/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
cd "$work" || exit 99

ran=0
# same PROGRAM ARGUMENTS...: with and without, from standard input.
same() {
  program=$(command -v "$1") || return 0
  shift
  "$program" "$@" <in >expected 2>&1
  status=$?
  LD_PRELOAD=$preload timeout 60 "$program" "$@" <in >out 2>&1
  test "$?" = "$status" || fail "$program $*: ends with $?, not $status: $(tail -n 3 out)"
  cmp -s expected out || fail "$program $*: $(diff expected out | head -n 5)"
  ran=$((ran + 1))
}

seq 1 20000 | awk '{ print $1 * 7919 % 10007, "line", $1 }' >in
same sort -n
same awk '{ n[$1] = n[$1] " " $3 } END { for (k = 0; k < 10007; k += 501) print k, n[k] }'
same bash -c 'a=(); while read -r x y z; do a[$x]+=$z; done; echo "${#a[@]} ${a[77]}"; echo {1..2000} | wc -w
  f() { local i; for i in $(seq 50); do (echo $i) | cat; done; }; f | sort | md5sum'
same perl -ne '@f = split; $n{$f[0]} .= $_; END { print join "", map { length($n{$_}), "\n" } sort { $a <=> $b } keys %n }'
same /usr/bin/python3 -c 'import sys, json, threading, subprocess, re
d = {}
for l in sys.stdin: d.setdefault(l.split()[0], []).append(l)
def f(i): d[str(i) * 3] = json.loads(json.dumps(d[str(i + 1)]))
t = [threading.Thread(target=f, args=(i,)) for i in range(10)]
[x.start() for x in t]; [x.join() for x in t]
print(len(d), sum(map(len, d.values())), subprocess.run(["echo", "x" * 10], capture_output=True).stdout)
print(len(re.sub("[0-9]+", lambda m: m.group() * 3, "".join(sum(d.values(), [])))))
b = bytearray()
for i in range(200000): b += b"abc"
print(len(b))'
same sqlite3 :memory: "create table t(a integer primary key, b text);
  with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
  insert into t select i, '' || i * 7919 % 10007 from n;
  create index x on t(b); select count(*), sum(length(b)), max(b) from t where b > 5000;
  select b, count(*) from t group by b order by 2 desc, 1 limit 5;"
same jq -n '[range(20000) | {a: ., b: (. * 7919 % 10007 | tostring)}] | group_by(.b[0:2]) | map(length)'
same git -c core.pager=cat diff --no-index --stat /etc/passwd in
same gzip -c
same xz -T2 -c
same sed -E 's/([0-9]+) line ([0-9]+)/\2 \1/'
same node -e 'const m = new Map(); for (let i = 0; i < 100000; i++) m.set("k" + i, [i, "" + i]);
  console.log(m.size, JSON.stringify([...m.values()]).length)'
same gdb -batch -ex 'print 6 * 7' -ex 'info functions main' /bin/true
printf '#include <stdio.h>\nint main(void) { return printf("%%d\\n", 42) < 0; }\n' >program.c
same gcc -O2 -Wall program.c -o program
same ./program
test "$ran" -ge 5 || { echo "only $ran programs are here"; exit 77; }
finish
