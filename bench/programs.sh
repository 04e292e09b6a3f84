#!/bin/sh
# SPDX-License-Identifier: MIT
# programs.sh - one of the real programs of the row programs, with input that is the same
# each time.
#
#   programs.sh NAME WORK PROGRAMS                 make the input, in WORK; fails when there
#                                                  is no such program here
#   programs.sh NAME WORK PROGRAMS COMMAND...      run it as COMMAND program arguments, and
#                                                  tell what it takes
set -eu
name=$1 work=$2 spend=$3/bench_spend
shift 3

# The interpreters of the system, not those that somebody put before them.
PATH=/usr/bin:/bin:$PATH

need() {
  command -v "$1" >/dev/null 2>&1 || {
    echo "$1 is not installed (Debian: $2)" >&2
    exit 1
  }
}

# --- inputs ---------------------------------------------------------------------

make_sqlite() {
  need sqlite3 sqlite3
  awk 'BEGIN {
    print "PRAGMA journal_mode = OFF; CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, v REAL, note TEXT); BEGIN;"
    for (i = 1; i <= 150000; i++)
      printf "INSERT INTO t VALUES (%d, '\''name %d'\'', %d.5, '\''a note of row %d that is longer'\'');\n",
        i, i * 7919 % 100003, i % 997, i
    print "COMMIT; CREATE INDEX by_name ON t (name); CREATE INDEX by_v ON t (v, name);"
    print "SELECT count(*), sum(v) FROM t WHERE name LIKE '\''name 7%'\'';"
    print "SELECT v, count(*), group_concat(id) FROM t GROUP BY v ORDER BY 2 DESC LIMIT 20;"
    print "SELECT a.id FROM t a JOIN t b ON a.name = b.name AND a.id < b.id ORDER BY a.note LIMIT 5;"
  }' >"$work/sqlite.sql"
}

make_python() {
  need python3 python3
  cat >"$work/objects.py" <<'END'
import json
from collections import defaultdict

def build(n):
    return [{"id": i, "name": "item %d" % (i * 7919 % n), "tags": ["t%d" % (i % k) for k in (3, 7, 11)],
             "point": (i * 0.5, -i * 0.25)} for i in range(n)]

for turn in range(3):
    items = build(60000)
    text = json.dumps(items)
    again = json.loads(text)
    groups = defaultdict(list)
    for item in again:
        for tag in item["tags"]:
            groups[tag].append(item["name"] + tag)
    words = " ".join(sorted(name for names in groups.values() for name in names)).split(" ")
    assert len(words) == 360000 and len(again) == 60000
END
}

make_jq() {
  need jq jq
  awk 'BEGIN {
    printf "["
    for (i = 1; i <= 60000; i++)
      printf "%s{\"id\":%d,\"name\":\"item %d\",\"tags\":[\"a%d\",\"b%d\"],\"v\":%d.25}\n",
        (i > 1 ? "," : ""), i, i * 7919 % 60013, i % 7, i % 11, i % 997
    print "]"
  }' >"$work/items.json"
}

make_perl() {
  need perl perl
  cat >"$work/words.pl" <<'END'
use strict;
my (%count, @all);
for my $turn (1 .. 4) {
    %count = (); @all = ();
    for my $i (1 .. 200000) {
        my $word = join '-', map { chr(97 + ($i * $_) % 26) x (1 + $i % 9) } 1 .. 3;
        $count{$word}++;
        push @all, [$i, $word, { length => length $word }];
    }
    my @sorted = sort { $a->[1] cmp $b->[1] } @all;
    my $text = join ' ', map { $_->[1] } @sorted;
    $text =~ s/(\w)\1+/$1/g;
    die "words are lost\n" unless @sorted == 200000 && split(/ /, $text) == 200000;
}
END
}

make_gcc() {
  need gcc gcc
  awk 'BEGIN {
    print "struct s { int a[8]; double d; struct s *next; };"
    for (i = 0; i < 400; i++) {
      printf "int f%d(struct s *p, int n) {\n  int sum = %d;\n", i, i
      printf "  for (int i = 0; i < n; i++) {\n    p->a[i & 7] += sum * %d + i;\n", i % 17 + 1
      printf "    if (p->a[(i + %d) & 7] > %d) sum ^= p->a[%d];\n", i % 5, i * 3, i % 8
      printf "    switch (sum & 7) { case 0: sum += %d; break; case 3: p->d *= 1.5; break;\n", i
      printf "    case 5: p = p->next ? p->next : p; break; default: sum--; }\n  }\n"
      if (i > 0) printf "  return n > %d ? f%d(p, n - 1) + sum : sum;\n}\n", i % 50, i - 1
      else print "  return sum;\n}"
    }
  }' >"$work/functions.c"
}

make_redis() {
  need redis-server redis-server
  need redis-benchmark redis-tools
}

# --- runs --------------------------------------------------------------------------

run_sqlite() { "$spend" "$@" sqlite3 :memory: ".read $work/sqlite.sql"; }
run_python() { PYTHONMALLOC=malloc "$spend" "$@" python3 -S "$work/objects.py"; }
run_perl() { "$spend" "$@" perl "$work/words.pl"; }
run_gcc() { "$spend" "$@" gcc -O2 -c -o "$work/functions.o" "$work/functions.c"; }
run_jq() {
  "$spend" "$@" jq '[.[] | select(.v > 100) | .tags += ["c"]] | group_by(.tags[0]) |
    map({tag: .[0].tags[0], n: length, sum: (map(.v) | add), names: (map(.name) | sort | unique | length)})' \
    "$work/items.json"
}

# The server's CPU time and memory; the wall time is the client's.
run_redis() {
  socket=$work/redis.socket
  "$spend" "$@" redis-server --port 0 --unixsocket "$socket" --save '' --appendonly no \
    --dir "$work" >"$work/redis.figures" &
  server=$!
  tries=0
  until redis-cli -s "$socket" ping >/dev/null 2>&1; do
    tries=$((tries + 1))
    test "$tries" -lt 200 || { kill "$server"; echo "redis-server does not answer" >&2; exit 1; }
    sleep 0.05
  done
  "$spend" redis-benchmark -s "$socket" -q -n 250000 -r 100000 -P 16 -d 200 -t set,get,lpush,lpop,hset,zadd |
    grep '^wall s' >"$work/redis.wall"
  redis-cli -s "$socket" shutdown nosave >/dev/null 2>&1 || true
  wait "$server"
  cat "$work/redis.wall"
  grep -v '^wall s' "$work/redis.figures"
}

case $name in
  sqlite | python | jq | perl | gcc | redis) ;;
  *)
    echo "there is no program '$name'" >&2
    exit 2
    ;;
esac
if test $# -eq 0; then "make_$name"; else "run_$name" "$@"; fi
