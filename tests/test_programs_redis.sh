#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_redis.sh - a redis server under memlog run: filled and asked from many sides, saved
# by a fork of it, loaded again, and what it says of its own memory.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need redis-server redis-server
need redis-benchmark redis-tools
unless_full redis-server --version

ask() { timeout 60 redis-cli -s socket "$@"; }
# says WORDS COMMAND...
says() {
  wanted=$1
  shift
  ask "$@" >said 2>&1
  grep -q -e "$wanted" said || fail "$*: no \"$wanted\" but: $(head -n 3 said)"
}
is_up() { ask info persistence | grep -q '^loading:0'; }
begin() {
  timeout "$patience" "$memlog" run -q -i 100ms -o redis.log --columns rss -- redis-server --port 0 --unixsocket "$work/socket" \
    --dir "$work" --save '' --enable-debug-command yes --io-threads 2 --io-threads-do-reads yes \
    >>redis.out 2>&1 &
  run=$!
  until_true 60 is_up || { fail "the server does not begin: $(cat redis.out)"; finish; }
}
end() {
  ask shutdown "$1" >/dev/null 2>&1
  wait_for_end "$run" redis
  test "$(tail -n 1 redis.log)" = '# end reason=exit status=0' || fail "its end: $(tail -n 1 redis.log)"
}

begin
timeout 120 redis-benchmark -s "$work/socket" -q -n 20000 -r 20000 -c 20 -P 8 -d 200 \
  -t set,get,incr,lpush,rpop,sadd,hset,zadd,spop,lrange_100,mset >benchmark 2>&1 ||
  fail "redis-benchmark: $(tail -n 5 benchmark)"
test "$(grep -c 'requests per second' benchmark)" -ge 10 || fail "redis-benchmark: $(cat benchmark)"
says OK debug populate 100000 key 500
says '[1-9]' eval 'local n = 0
  for i = 1, 2000 do redis.call("rpush", "list:" .. i % 50, string.rep(tostring(i), i % 90)); n = n + i end
  return n' 0
says '[1-9]' memory usage list:7
says OK config set activedefrag no
says 'used_memory:' info memory
says . memory doctor
says . memory malloc-stats
says OK memory purge

# Loaded again, it is the same; a child writes it meanwhile.
digest=$(ask debug digest)
says 'Background saving started' bgsave
timeout 60 redis-benchmark -s "$work/socket" -q -n 2000 -r 20000 -t get >/dev/null 2>&1
saved() { ask info persistence | grep -q 'rdb_bgsave_in_progress:0'; }
until_true 60 saved || fail "it goes on saving"
says 'rdb_last_bgsave_status:ok' info persistence
says OK debug reload
test "$(ask debug digest)" = "$digest" || fail "other data after debug reload"
says OK config set appendonly yes
rewritten() { ask info persistence | grep -q 'aof_rewrite_in_progress:0'; }
until_true 60 rewritten || fail "it goes on rewriting"
says OK config set appendonly no

# What it says is in use is what the log has, within what it does not count itself.
used=$(ask info memory | sed -n 's/^used_memory:\([0-9]*\).*/\1/p')
near() { alloc=$(column redis.log last 2); test "$alloc" -gt "$((used * 9 / 10))" && test "$alloc" -lt "$((used * 11 / 10))"; }
until_true 10 near || fail "redis says $used bytes, memory.log $(tail -n 1 redis.log)"
says OK flushall sync
small() { test "$(column redis.log last 2)" -lt $((used / 5)); }
until_true 10 small || fail "after flushall: $(tail -n 1 redis.log)"
ask debug populate 1000 key 50 >/dev/null
digest=$(ask debug digest)
end save

# Again, from the file.
begin
test "$(ask debug digest)" = "$digest" || fail "other data after a restart"
end nosave
test "$(grep -c '^# memlog 1 ' redis.log)" = 2 || fail "not two runs in the log"
finish
