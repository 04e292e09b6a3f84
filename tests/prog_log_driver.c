/* SPDX-License-Identifier: MIT */
/* prog_log_driver.c - a program with a log, told step by step what to do.
 *
 *   prog_log_driver file=memory.log interval_ms=1 start sample "sh=mv a b" stop
 *
 * The steps run in order, in one process, so that a script can let things
 * happen to the file exactly between two samples. The numbers are those of
 * prog_log_fakes.c. Settings (before start): file=, interval_ms=, columns=,
 * max_bytes=, children, hide_command. Steps: start, sample, samples=N, mark=NAME, comment=TEXT,
 * stop, sleep_ms=N, sh=COMMAND, fsize=BYTES (RLIMIT_FSIZE, -1: no limit), cd=DIR,
 * fork (the parent waits for the child, which does the rest), daemon (fork
 * twice, the parents exit), poll (until an orphan's log runs), crash (exit
 * without destructors). A step that fails ends the program with status 1, and
 * a line on stderr; a "!" before it: it has to fail.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log/ticker.h"

static struct ml_log_settings settings = { .file = "memory.log",
                                           .interval_ns = UINT64_C(3600000000000),
                                           .show_command = true };

static void sleep_ms(long ms)
{
    struct timespec span = { ms / 1000, ms % 1000 * 1000000 };
    while (nanosleep(&span, &span) != 0)
        ;
}

/* What stands behind the = of "name=value", or NULL for another step. */
static const char *value_of(const char *step, const char *name)
{
    size_t length = strlen(name);
    return strncmp(step, name, length) == 0 && step[length] == '=' ? step + length + 1 : NULL;
}

/* 0 when the step was a setting. */
static int set(const char *step)
{
    const char *value;
    if ((value = value_of(step, "file")) != NULL)
        settings.file = value;
    else if ((value = value_of(step, "interval_ms")) != NULL)
        settings.interval_ns = strtoull(value, NULL, 10) * 1000000;
    else if ((value = value_of(step, "columns")) != NULL)
        settings.columns = value;
    else if ((value = value_of(step, "max_bytes")) != NULL)
        settings.max_bytes = strtoull(value, NULL, 10);
    else if (strcmp(step, "children") == 0)
        settings.children = true;
    else if (strcmp(step, "hide_command") == 0)
        settings.show_command = false;
    else
        return 1;
    return 0;
}

static int take_samples(long count)
{
    int failed = 0;
    while (count-- > 0)
        failed |= ml_log_sample();
    return failed;
}

static int limit_file_size(const char *bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes[0] == '-' ? limit.rlim_max : strtoull(bytes, NULL, 10);
    return setrlimit(RLIMIT_FSIZE, &limit);
}

/* The child goes on with the rest of the steps; the parent ends as it does. */
static int fork_and_wait(void)
{
    int status = 0;
    pid_t child = fork();
    if (child <= 0)
        return child;
    waitpid(child, &status, 0);
    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static int become_daemon(void)
{
    for (int forks = 0; forks < 2; forks++) {
        pid_t child = fork();
        if (child < 0)
            return 1;
        if (child > 0)
            _exit(0);
        setsid();
    }
    return 0;
}

static int poll_until_logging(void)
{
    uint64_t samples = 0, lost;
    for (int tries = 0; tries < 6000 && samples == 0; tries++) {
        ml_log_poll_orphan();
        ml_log_counts(&samples, &lost);
        if (samples == 0)
            sleep_ms(10);
    }
    return samples == 0;
}

static int act(const char *step)
{
    const char *value;
    if (strcmp(step, "start") == 0)
        return ml_log_start(&settings);
    if (strcmp(step, "sample") == 0)
        return ml_log_sample();
    if (strcmp(step, "stop") == 0)
        return ml_log_stop();
    if (strcmp(step, "fork") == 0)
        return fork_and_wait();
    if (strcmp(step, "daemon") == 0)
        return become_daemon();
    if (strcmp(step, "poll") == 0)
        return poll_until_logging();
    if (strcmp(step, "crash") == 0)
        _exit(0);
    if ((value = value_of(step, "samples")) != NULL)
        return take_samples(atol(value));
    if ((value = value_of(step, "mark")) != NULL)
        return ml_log_mark(value);
    if ((value = value_of(step, "comment")) != NULL)
        return ml_log_comment(value), 0;
    if ((value = value_of(step, "sleep_ms")) != NULL)
        return sleep_ms(atol(value)), 0;
    if ((value = value_of(step, "sh")) != NULL)
        return system(value);
    if ((value = value_of(step, "fsize")) != NULL)
        return limit_file_size(value);
    if ((value = value_of(step, "cd")) != NULL)
        return chdir(value);
    return set(step);
}

int main(int count, char **steps)
{
    pthread_atfork(ml_log_before_fork, ml_log_after_fork_parent, ml_log_after_fork_child);
    atexit(ml_log_at_exit);
    for (int i = 1; i < count; i++) {
        bool must_fail = steps[i][0] == '!';
        int result = act(steps[i] + must_fail);
        if ((result != 0) == must_fail)
            continue;
        fprintf(stderr, "%s: %s gave %d\n", steps[0], steps[i], result);
        return 1;
    }
    return 0;
}
