#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_postgres.sh - PostgreSQL under memlog run: initdb, a server with shared memory and a
# process for each connection, pgbench, an emergency stop and what it recovers after it.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
binaries=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
PATH=$PATH${binaries:+:$binaries}
need initdb postgresql
need pgbench postgresql
unless_full initdb --version

# It does not run as root.
as=
if test "$(id -u)" = 0; then
  need setpriv util-linux
  for_others
  as='setpriv --reuid=nobody --regid=nogroup --clear-groups'
  chown nobody "$work"
fi
HOME=$work LC_ALL=C PGHOST=$work PGUSER=somebody PGDATABASE=postgres PGPORT=5432
export HOME LC_ALL PGHOST PGUSER PGDATABASE PGPORT

# shellcheck disable=SC2086 # several words or none
{
  run() { timeout -k 10 "$patience" $as "$@"; }
  run "$memlog" run -q -o initdb.log -- initdb -D data -U somebody -A trust --no-sync >initdb.out 2>&1 ||
    { fail "initdb: $? $(tail -n 5 initdb.out)"; finish; }
  good_log initdb.log 'reason=exit status=0'

  begin() {
    run "$memlog" run -q -i 100ms --children -o "$1" -- postgres -D data -k "$work" -c listen_addresses= \
      -c fsync=off -c shared_buffers=16MB -c max_parallel_workers_per_gather=2 -c min_parallel_table_scan_size=0 \
      -c parallel_setup_cost=0 -c parallel_tuple_cost=0 -c log_min_messages=warning >>server.out 2>&1 &
    server=$!
    until_true 60 pg_isready -q || { fail "the server does not begin: $(tail -n 5 server.out)"; finish; }
  }
  dump() { run pg_dump -t t | grep -v restrict; } # with a key that is new each time
  begin server.log
  run "$memlog" run -q -o pgbench.log -- pgbench -q -i -s 3 >pgbench.out 2>&1 || fail "pgbench -i: $(tail -n 5 pgbench.out)"
  run "$memlog" run -q -o pgbench.log -- pgbench -n -c 6 -j 2 -t 300 >>pgbench.out 2>&1 || fail "pgbench: $(tail -n 5 pgbench.out)"
  run pgbench -n -S -C -c 3 -t 20 >>pgbench.out 2>&1 || fail "pgbench -C: $(tail -n 5 pgbench.out)"
  grep -q 'number of transactions actually processed: 1800/1800' pgbench.out || fail "pgbench: $(tail -n 12 pgbench.out)"
  test "$(tail -n 1 pgbench.log)" = '# end reason=exit status=0' || fail "pgbench: $(tail -n 1 pgbench.log)"

  cat >work.sql <<'END'
\set ON_ERROR_STOP on
create table t as select i, md5(i::text) as m, (i * 7919) % 10007 as n from generate_series(1, 60000) i;
create index on t(m); create index on t using gin (to_tsvector('simple', m)); analyze t;
select count(*), sum(a.n), min(a.m), max(b.m) from t a join t b using (i);
select n % 10, count(*), array_length(array_agg(m order by m desc), 1) from t group by 1 order by 1;
set work_mem = '64kB'; select count(*) from (select m from t order by m || 'x' offset 100) x;
create function f(k int) returns int language plpgsql as $$
  begin if k = 0 then raise exception 'deep'; end if;
  begin return f(k - 1); exception when others then return k; end; end $$;
select sum(f(i % 20 + 1)) from t where i < 500;
select jsonb_object_agg(i, m) -> '77' from t where i < 2000;
with recursive r(k) as (select 1 union all select k + 1 from r where k < 5000) select sum(k), xmlparse(document '<a>1</a>') from r;
select count(*) from regexp_split_to_table(repeat('ab,cd;', 20000), '[,;]') x;
update t set m = m || 'y' where i % 3 = 0; delete from t where i % 5 = 0; vacuum full t; reindex table t;
select sum(abalance) = (select sum(bbalance) from pgbench_branches) from pgbench_accounts;
END
  run psql -qXAt -f work.sql >work.out 2>&1 || fail "psql: $(tail -n 3 work.out)"
  test "$(tail -n 1 work.out)" = t || fail "the balances: $(tail -n 3 work.out)"
  dump >first.sql || fail "pg_dump: $?"

  # At once, as after a fault: what was begun is recovered at the next start.
  kill -QUIT "$(sed -n 1p data/postmaster.pid)"
  wait "$server"
  begin again.log
  dump >second.sql || fail "pg_dump: $?"
  cmp -s first.sql second.sql || fail "other data after recovery"
  kill -INT "$(sed -n 1p data/postmaster.pid)"
  wait "$server"
  status=$?
}
test "$status" = 0 || fail "the server ends with $status: $(tail -n 5 server.out)"
good_log again.log 'reason=exit status=0'
grep -E 'terminated by signal|memlog: ' server.out && fail "the server says so"

# Each process has a log to its end.
backends=0
for log in server.log.[0-9]* again.log.[0-9]*; do
  test "$(tail -n 1 "$log")" = '# end reason=exit' || fail "$log: $(tail -n 1 "$log")"
  test "$(samples "$log")" -ge 2 && backends=$((backends + 1))
done
test "$backends" -ge 60 || fail "only $backends processes have whole logs"
finish
