#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cli_stat_first.sh - memlog stat, and the log, of a process whose first thread has ended while
# others go on.
. "${top_srcdir:-$(dirname "$0")/..}/tests/script.sh"
. "$top_srcdir/tests/cli_common.sh"
preload=$(cd "$top_builddir" && pwd)/.libs/libmemlog-preload.so

cat >goes_on.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *go_on(void *end)
{
    void *volatile kept = malloc(4000000);
    while (access(end, F_OK) != 0)
        usleep(10000);
    free(kept);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 2 || pthread_create(&thread, NULL, go_on, argv[1]) != 0)
        return 99;
    pthread_exit(NULL);
}
END
$CC -o goes_on goes_on.c -pthread || exit 99
rm -f end
LD_PRELOAD=$preload MEMLOG_FILE=memory.log MEMLOG_INTERVAL=10ms MEMLOG_COLUMNS=RSS,pss,fds ./goes_on end &
program=$!
is_zombie() { grep -q '^State:.Z' "/proc/$program/status"; }
has_alloc() { "$memlog" stat --all --unit bytes $program >text 2>err && grep -q '^Alloc: 40[0-9]* bytes$' text; }
until_true 60 is_zombie || fail "the first thread does not end"
until_true 60 has_alloc || fail "the first thread has ended: $(cat err) $(head -n 1 text)"
grep -q '^RSS: [1-9][0-9]* bytes$' text || fail "the first thread has ended: $(grep RSS text)"
"$memlog" stat --watch 10ms --json $program >watched 2>err &
watch=$!
until_true 60 test -s watched
# The columns that the system knows, in the log that the process writes itself.
sampled() { tail -n 1 memory.log | awk '{ exit !(NF == 6 && $4 > 0 && $5 > 0 && $6 > 0) }'; }
until_true 60 sampled || fail "the first thread has ended: $(tail -n 3 memory.log)"
touch end
wait $watch || fail "the first thread has ended: status $? of --watch: $(cat err)"
grep -qx "memlog: process $program: it has ended" err || fail "the last thread has ended: $(cat err)"
wait $program
finish
