#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_sqlite.sh - sqlite3 under memlog run: a database filled from a long script, changed,
# indexed, compacted and checked is the same as without.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need sqlite3 sqlite3
unless_full sqlite3 :memory: 'create table t(a); insert into t values (1); select * from t'

awk 'BEGIN {
  print "create table t(id integer primary key, name text, n real, b blob); begin;"
  for (i = 1; i <= 60000; i++)
    printf "insert into t values(%d, \047name %d %s\047, %d.25, x\047%08x%s\047);\n", i, i * 7919 % 60013,
      substr("abcdefghijklmnopqrstuvwxyz", 1, i % 27), i * 31 % 1000, i, i % 3 ? "" : "0102030405060708"
  print "commit;"
}' >fill.sql
cat >work.sql <<'END'
.read fill.sql
create index by_name on t(name);
create index by_n on t(n, name);
create virtual table words using fts5(name);
insert into words select name from t where id % 5 = 0;
select count(*) from words where words match 'abc*';
create trigger copy after update on t begin insert into words values(new.name); end;
with recursive c(x) as (select 1 union all select x + 1 from c where x < 20000)
  update t set name = name || x, b = zeroblob(x % 900) from c where t.id = x * 3;
delete from t where id % 7 = 0;
select count(*), sum(n), max(length(name)), sum(length(b)) from t;
select a.n, count(*), group_concat(substr(a.name, 6, 3)) from t a join t b on a.name = b.name
  where a.id < 20000 group by a.n order by 2 desc, 1 limit 20;
select json_group_array(json_object('k', name, 'v', n)) from (select * from t order by name limit 500);
savepoint s; delete from t where n > 500; rollback to s; release s;
vacuum;
reindex;
pragma integrity_check;
analyze;
.backup copy.db
.dump
END
for where in with without; do
  rm -f test.db copy.db
  $where sqlite sqlite3 test.db '.read work.sql'
  sqlite3 copy.db '.sha3sum' >"$where.sum" 2>&1
done
same sqlite
cmp -s with.sum without.sum || fail "the databases differ: $(cat with.sum without.sum)"
grep -qx ok sqlite.with || fail "integrity_check: $(grep -v '^INSERT' sqlite.with | tail -n 5)"
finish
