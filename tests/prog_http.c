/* SPDX-License-Identifier: MIT */
/* prog_http.c - a program with pages, for the scripts that fetch them. It does what it reads,
 * a line each, and says "ok" with what came of it:
 *
 *   start ADDRESS   memlog_http_start          stop       memlog_http_stop
 *   publish         variables of each kind     unpublish
 *   publish_late    a function that takes a second, then forks a child and tries to stop the pages itself
 *   keep N BYTES    objects that stay          drop       they don't
 *   churn N         objects that are garbage   gc
 *   fill            no descriptor is left   free   ten are
 *   numbers         "ok MALLOCS FREES ALLOC", read without a page
 *   threads         "ok" and the names of all
 *   fork            a child that has no pages and starts its own: "ok PID" when it has them,
 *                   and it ends when its input does
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memlog.h"
#include "memlog_http.h"

static void **kept; /* the collector looks here */
static int64_t requests = 42;
static double load = 0.5;

__attribute__((noinline)) static void leak_here(long count, size_t bytes)
{
    for (long i = 0; i < count; i++) {
        void **object = memlog_malloc(bytes < sizeof(void *) ? sizeof(void *) : bytes);
        if (object == NULL)
            abort();
        *object = kept;
        kept = object;
    }
}

__attribute__((noinline)) static void churn_here(long count)
{
    for (long i = 0; i < count; i++) {
        char *volatile garbage = memlog_malloc_noscan(1000);
        *garbage = 1;
    }
}

/* As a program's own code may: it allocates from the collected heap. */
static int describe(char *json, size_t n, void *word)
{
    char *copy = memlog_strdup(word);
    return snprintf(json, n, "{\"word\":\"%s\",\"list\":[1,2,3]}", copy);
}

static pid_t late_child;

/* A second is enough for somebody to ask for a stop. */
static int fork_late(char *json, size_t n, void *unused)
{
    (void)unused;
    sleep(1);
    late_child = fork();
    if (late_child == 0) {
        alarm(60);
        pause();
        _exit(0);
    }
    return snprintf(json, n, "%d", memlog_http_stop());
}

static void end_late_child(void)
{
    if (late_child <= 0)
        return;
    kill(late_child, SIGKILL);
    waitpid(late_child, NULL, 0);
    late_child = 0;
}

static void fill_descriptors(void)
{
    int fd;
    do
        fd = dup(STDERR_FILENO);
    while (fd >= 0);
}

static void free_descriptors(void)
{
    int highest = (int)sysconf(_SC_OPEN_MAX) - 1;
    for (int fd = highest; fd > highest - 10; fd--)
        close(fd);
}

/* As one that waits for what whoever calls exit holds. */
static int never_end(char *json, size_t n, void *unused)
{
    (void)json, (void)n, (void)unused;
    while (pause() != 0) {
    }
    return -1;
}

static void publish(void)
{
    (void)memlog_http_publish_int("requests", &requests);
    (void)memlog_http_publish_float("load", &load);
    (void)memlog_http_publish_string("version", "1.2 <beta>");
    (void)memlog_http_publish_function("state", describe, "fine");
}

static void say_threads(void)
{
    char command[64];
    snprintf(command, sizeof(command), "cat /proc/%d/task/*/comm | sort | tr '\\n' ' '", (int)getpid());
    FILE *names = popen(command, "r");
    char line[400] = "";
    if (names != NULL && fgets(line, sizeof(line), names) == NULL)
        line[0] = '\0';
    if (names != NULL)
        pclose(names);
    printf("ok %s\n", line);
}

/* The child's pages are at any port, told on stderr. */
static void fork_one(void)
{
    int ready[2];
    char byte = 0;
    if (pipe(ready) != 0)
        abort();
    pid_t pid = fork();
    if (pid == 0) {
        int error = memlog_http_stop() == -107 /* it has none */ ? memlog_http_start("127.0.0.1:0") : 1;
        byte = error == 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    if (read(ready[0], &byte, 1) != 1 || byte != 'y')
        pid = -1;
    close(ready[0]);
    close(ready[1]);
    printf("ok %d\n", (int)pid);
}

static void obey(const char *line)
{
    char word[200] = "", address[200] = "";
    long count = 0, bytes = 0;
    struct memlog_memstats stats;
    sscanf(line, "%199s %199s", word, address);
    sscanf(line, "%*s %ld %ld", &count, &bytes);
    if (strcmp(word, "start") == 0) {
        printf("ok %d\n", memlog_http_start(address[0] == '\0' ? NULL : address));
        end_late_child();
    } else if (strcmp(word, "stop") == 0) {
        printf("ok %d\n", memlog_http_stop());
    } else if (strcmp(word, "numbers") == 0) {
        memlog_read_memstats(&stats);
        printf("ok %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", stats.mallocs, stats.frees, stats.alloc);
    } else if (strcmp(word, "threads") == 0) {
        say_threads();
    } else if (strcmp(word, "fork") == 0) {
        fork_one();
    } else {
        if (strcmp(word, "keep") == 0)
            leak_here(count, (size_t)bytes);
        else if (strcmp(word, "drop") == 0)
            kept = NULL;
        else if (strcmp(word, "churn") == 0)
            churn_here(count);
        else if (strcmp(word, "gc") == 0)
            memlog_gc();
        else if (strcmp(word, "publish") == 0)
            publish();
        else if (strcmp(word, "fill") == 0)
            fill_descriptors();
        else if (strcmp(word, "free") == 0)
            free_descriptors();
        else if (strcmp(word, "publish_late") == 0)
            (void)memlog_http_publish_function("late", fork_late, NULL);
        else if (strcmp(word, "publish_endless") == 0)
            (void)memlog_http_publish_function("endless", never_end, NULL);
        else if (strcmp(word, "unpublish") == 0)
            (void)memlog_http_unpublish("state");
        printf("ok\n");
    }
    fflush(stdout);
}

int main(void)
{
    char line[500];
    signal(SIGCHLD, SIG_DFL);
    while (fgets(line, sizeof(line), stdin) != NULL)
        obey(line);
    return 0;
}
