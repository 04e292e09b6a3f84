#!/bin/sh
# SPDX-License-Identifier: MIT
# test_programs_nginx.sh - nginx under memlog run --children: a master and two workers serve
# files, are reloaded under load, open their logs anew and end in good order; as an ordinary user, and
# as root with workers that become another one.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/programs_common.sh"
need nginx nginx
need curl curl
unless_full nginx -v

chmod 755 "$work"
mkdir -m 755 html
for n in 1 2 3 4 5; do
  head -c "$((n * n * 40000))" /dev/urandom >"html/file$n"
done
seq 1 30000 >html/lines.txt
chmod 644 html/*

# configuration FOLDER USER-LINE
configuration() {
  cat <<END
$2
daemon off; worker_processes 2; error_log $1/error.log notice; pid $1/pid;
events { worker_connections 256; }
http {
  access_log $1/access.log; gzip on; gzip_types *; gzip_min_length 100; default_type text/plain;
  client_body_temp_path $1/body; proxy_temp_path $1/proxy; fastcgi_temp_path $1/fastcgi;
  uwsgi_temp_path $1/uwsgi; scgi_temp_path $1/scgi; client_max_body_size 20m;
  server { listen unix:$1/socket; root $work/html; location /through/ { proxy_pass http://unix:$1/socket:/; } }
}
END
}
get() { curl -s --fail --max-time 60 --unix-socket "$where/socket" "$@"; }
# Everything, plain, packed and by way of nginx itself.
fetch_all() {
  for file in html/*; do
    name=${file#html/}
    get "http://here/$name" | cmp -s - "$file" || { echo "$name"; return 1; }
    get --compressed "http://here/$name" | cmp -s - "$file" || { echo "$name packed"; return 1; }
    get "http://here/through/$name" | cmp -s - "$file" || { echo "$name through"; return 1; }
  done
}
is_up() { get http://here/lines.txt; }
# workers: their pids.
workers() { cat "/proc/$master/task/$master/children"; }
master_logs() { master=$(cat "$where/pid"); }

# serve NAME USER-LINE COMMAND...: memlog run and nginx behind the command.
serve() {
  where=$work/$1 user=$2
  shift 2
  configuration "$where" "$user" >"$where/nginx.conf"
  timeout "$patience" "$@" "$memlog" run -q -i 50ms --children -o "$where/memory.log" -- \
    nginx -p "$where" -e "$where/error.log" -c "$where/nginx.conf" >"$where.out" 2>&1 &
  run=$!
  until_true 60 is_up || { fail "$where: it does not begin: $(cat "$where.out" "$where/error.log")"; return; }
  master_logs
  bad=$(fetch_all) || fail "$where: $bad is not what was served"
  first_workers=$(workers)
  test "$(echo "$first_workers" | wc -w)" = 2 || fail "$where: workers: $first_workers"

  # New workers while files are fetched.
  (for _ in 1 2 3 4 5 6; do fetch_all || exit 1; done) >"$where.bad" 2>&1 &
  fetching=$!
  for _ in 1 2 3; do
    kill -HUP "$master"
    sleep 0.3
  done
  kill -USR1 "$master"
  wait "$fetching" || fail "$where: while it was reloaded: $(cat "$where.bad")"
  replaced() { for one in $first_workers; do case " $(workers) " in *" $one "*) return 1 ;; esac; done; }
  until_true 60 replaced || fail "$where: the first workers go on: $(workers)"
  test "$(wc -l <"$where/access.log")" -gt 150 || fail "$where: few lines in the access log"
  grep -E 'alert|crit|emerg|signal 6|signal 11|core dumped' "$where/error.log" && fail "$where: in the error log"

  kill -QUIT "$master"
  wait_for_end "$run" "$where"
  good_log "$where/memory.log" 'reason=exit status=0'
}

# The ordinary user. Root becomes one.
mkdir plain
if test "$(id -u)" = 0; then
  need setpriv util-linux
  for_others
  chown nobody "$work/plain"
  serve plain '' setpriv --reuid=nobody --regid=nogroup --clear-groups
else
  serve plain '' env
fi
grep -q '^# memlog 1 .*command="nginx: worker process"' plain/memory.log.[0-9]* ||
  fail "no worker by its name: $(head -qn 1 plain/memory.log.[0-9]*)"
# The master, two workers for each of four configurations, the one that is told to reload.
complete=0
for log in plain/memory.log.[0-9]*; do
  test "$(tail -n 1 "$log")" = '# end reason=exit' && test "$(samples "$log")" -ge 2 && complete=$((complete + 1))
done
test "$complete" -ge 4 || fail "only $complete workers have whole logs: $(tail -qn 1 plain/memory.log.*)"
test "$(tail -n 1 plain/memory.log.total)" = '# end reason=exit' || fail "the total: $(tail -n 1 plain/memory.log.total)"

# Root's workers become another user. Whether memlog may read them then is the system's to say.
if test "$(id -u)" = 0; then
  mkdir -m 755 root
  serve root 'user nobody nogroup;' env
fi
finish
