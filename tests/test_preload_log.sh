#!/bin/sh
# SPDX-License-Identifier: MIT
# test_preload_log.sh - the log of an unchanged program: only where MEMLOG_FILE asks
# for it, of one process, from a thread that is not there at the start.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
not_sanitized "two that stand before malloc don't go together"
preload=$top_builddir/.libs/libmemlog-preload.so
test -f "$preload" || { echo "built without shared libraries"; exit 77; }
cd "$work" || exit 99

# A program that allocates for so many milliseconds, and until BUSY_LOG is written, in
# one of the acts of main.
cat >busy.c <<'END'
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
/* There are BUSY_BYTES in BUSY_LOG: however long that takes. */
static int is_logged(void)
{
    struct stat status;
    const char *log = getenv("BUSY_LOG"), *bytes = getenv("BUSY_BYTES");
    return log == NULL || (stat(log, &status) == 0 &&
                           status.st_size >= (bytes == NULL ? 1 : atol(bytes)));
}
static void work(long ms)
{
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        static void *volatile kept[1000];
        for (int i = 0; i < 1000; i++) {
            free(kept[i]);
            kept[i] = malloc((size_t)i * 100);
        }
        usleep(1000);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000 < ms ||
             (!is_logged() && now.tv_sec - begin.tv_sec < 30));
}
static void *work_there(void *ms)
{
    work((long)ms);
    return NULL;
}
int main(int argc, char **argv)
{
    const char *act = argv[1];
    long ms = argc > 2 ? atol(argv[2]) : 400;
    if (strcmp(act, "unshare") == 0) {
        work(1);
        if (unshare(CLONE_FS | CLONE_THREAD | CLONE_VM) != 0) /* refused where there are two threads */
            return 3;
    } else if (strcmp(act, "daemon") == 0) {
        char *file = getenv("MEMLOG_FILE"); /* as daemons write their titles over it */
        memset(file, 'x', strlen(file));
        if (daemon(0, 1) != 0)
            return 3;
        work(ms);
        return 0;
    } else if (strcmp(act, "child") == 0) {
        int status;
        if (fork() == 0) {
            work(ms);
            exit(0);
        }
        wait(&status);
    } else if (strcmp(act, "spawn") == 0) {
        char command[200];
        snprintf(command, sizeof(command), "./busy work %ld", ms);
        work(ms);
        if (system(command) != 0)
            return 3;
    } else if (strcmp(act, "small") == 0) { /* the smallest stack there is */
        pthread_attr_t attributes;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setstacksize(&attributes, 16384);
        if (pthread_create(&thread, &attributes, work_there, (void *)ms) != 0)
            return 3;
        pthread_join(thread, NULL);
        return 0;
    } else if (strcmp(act, "exec") == 0) {
        work(ms);
        execl("./busy", "busy", "work", argv[2], (char *)NULL);
    }
    work(ms);
    return 0;
}
END
$CC -O1 busy.c -o busy || exit 99

# run ARGUMENTS...: the program, with the library.
run() { timeout 60 env LD_PRELOAD="$preload" "$@" >out 2>&1 || fail "$*: $? $(cat out)"; }
# good LOG: two samples at least, nothing odd.
good() {
  awk '!/^#/ && NF { n++; if (NF != 3 || $2 > $3 || $1 < last) bad = 1; last = $1 }
    END { exit !(n >= 2 && !bad) }' "$1" || fail "$1: $(cat "$1")"
}
runs() { grep -c '^# memlog 1 ' "$1"; }

run ./busy work 200
test -z "$(find . -name '*.log')" || fail "a log nobody asked for"
MEMLOG_INTERVAL=100ms MEMLOG_COLUMNS=RSS run ./busy work 200
test -z "$(find . -name '*.log')" || fail "a log nobody asked for by name"

# The usual case: samples while it runs, the numbers of the program, an end.
BUSY_LOG=usual.log BUSY_BYTES=500 MEMLOG_FILE=usual.log MEMLOG_INTERVAL=50ms run \
  ./busy work 300
good usual.log
test "$(grep -vc '^#' usual.log)" -ge 5 || fail "few samples: $(cat usual.log)"
awk '!/^#/ && NF && $2 > 10000000 { seen = 1 } END { exit !seen }' usual.log ||
  fail "50 MB are not seen: $(cat usual.log)"
grep -q '^# memlog 1 .* gc=off .*command="./busy work 300"' usual.log || fail "header: $(cat usual.log)"
tail -n 1 usual.log | grep -qx '# end reason=exit' || fail "no end: $(cat usual.log)"

# The shortest program has two points.
MEMLOG_FILE=short.log run /bin/true
good short.log
tail -n 1 short.log | grep -qx '# end reason=exit' || fail "no end: $(cat short.log)"

# No thread in the first moments; those may last, where the machine has much to do.
for _ in 1 2 3 4 5; do
  MEMLOG_FILE=unshare.log timeout 60 env LD_PRELOAD="$preload" ./busy unshare 200 >out 2>&1
  status=$?
  test "$status" = 3 || break
done
test "$status" = 0 || fail "unshare: $status $(cat out)"
good unshare.log

# It begins wherever somebody allocates.
BUSY_LOG=small.log BUSY_BYTES=250 MEMLOG_FILE=small.log MEMLOG_INTERVAL=50ms run ./busy small 200
good small.log
awk '!/^#/ && NF { n++ } END { exit n < 3 }' small.log || fail "few samples: $(cat small.log)"

# One log of one process: children write none, forked, or of another program.
BUSY_LOG=family.log MEMLOG_FILE=family.log run ./busy spawn 200
good family.log
test "$(runs family.log)" = 1 || fail "children log: $(cat family.log)"
MEMLOG_FILE=family2.log run ./busy child 300
good family2.log
test "$(runs family2.log)" = 1 || fail "children log: $(cat family2.log)"
test -z "$(find . -name 'family*.log.*')" || fail "children have logs: $(ls)"
BUSY_LOG=children.log MEMLOG_CHILDREN=1 MEMLOG_FILE=children.log run ./busy spawn 200
good children.log
test "$(runs children.log)" = 1 || fail "children are in it: $(cat children.log)"
count=0
for log in children.log.*; do
  count=$((count + 1))
  good "$log"
done
test "$count" -ge 1 || fail "no log of a child: $(ls)"

# A program that only starts others leaves it to them, and adds nothing.
BUSY_LOG=launcher.log MEMLOG_FILE=launcher.log LD_PRELOAD=$preload timeout 60 ./busy work 200 || fail "launcher: $?"
good launcher.log
test "$(runs launcher.log)" = 1 || fail "not one: $(cat launcher.log)"
grep -q 'command="./busy work 200"' launcher.log || fail "not the program's: $(cat launcher.log)"

# Each of its own, where the name says so.
MEMLOG_CHILDREN=1 MEMLOG_FILE=%e.own.log run ./busy work 200
good busy.own.log

# exec goes on in the same file.
BUSY_LOG=exec.log MEMLOG_FILE=exec.log run ./busy exec 200
good exec.log
test "$(runs exec.log)" = 2 || fail "exec: $(cat exec.log)"
tail -n 1 exec.log | grep -qx '# end reason=exit' || fail "no end after exec: $(cat exec.log)"

# A daemon, in another directory by then and with another command line, logs where it
# was meant to.
BUSY_LOG=$work/daemon.log MEMLOG_FILE=daemon.log run ./busy daemon 200
for _ in $(seq 300); do
  test ! -f daemon.log || ! grep -q '^# end' daemon.log || break
  sleep 0.1
done
test -f daemon.log && good daemon.log

# A stranger's file stays the stranger's.
MEMLOG_FILE=lock.log LD_PRELOAD=$preload ./busy work 30000 &
first=$!
for _ in $(seq 100); do
  test ! -s lock.log || break
  sleep 0.1
done
MEMLOG_FILE=lock.log run ./busy work 300
kill "$first"
wait "$first" 2>/dev/null
test "$(runs lock.log)" = 1 || fail "two in one file: $(cat lock.log)"
# And is free when it has gone.
MEMLOG_FILE=lock.log run ./busy work 200
test "$(runs lock.log)" = 2 || fail "the file is not free again: $(cat lock.log)"

# What can't be written is said once, and the program goes on.
MEMLOG_FILE=/nowhere/at/all.log run ./busy work 200
test "$(grep -c 'cannot open /nowhere/at/all.log' out)" = 1 || fail "it says: $(cat out)"
finish
