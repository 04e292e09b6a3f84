/* SPDX-License-Identifier: MIT */
/* log_running.h - a running log with the numbers of prog_log_fakes.c, for unit
 * tests: start it, wait for samples, judge its lines.
 */
#ifndef MEMLOG_TESTS_LOG_RUNNING_H
#define MEMLOG_TESTS_LOG_RUNNING_H

#include <dirent.h>
#include <time.h>

#include "log/ticker.h"
#include "log_scratch.h"
#include "os/process.h"
#include "prog_log_fakes.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define HOUR (3600 * SECOND)

static struct ml_log_settings settings;

static inline void prepare(uint64_t interval_ns)
{
    scratch_begin();
    settings = (struct ml_log_settings){ .file = scratch_log, .interval_ns = interval_ns };
}

static inline void start(uint64_t interval_ns)
{
    prepare(interval_ns);
    ck_assert_int_eq(ml_log_start(&settings), 0);
}

static inline uint64_t samples_now(void)
{
    uint64_t samples, lost;
    ml_log_counts(&samples, &lost);
    return samples;
}

static inline void sleep_ms(uint64_t ms)
{
    struct timespec span = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };
    nanosleep(&span, NULL);
}

/* However loaded the machine is; check ends the case that waits in vain. */
static inline void wait_for_samples(uint64_t count)
{
    while (samples_now() < count)
        sleep_ms(1);
}

struct count {
    size_t samples, headers, others;
};

/* Every line is a header, a comment, blank, or a whole sample of the fakes. */
static inline struct count count_lines(const char *path)
{
    struct count count = { 0, 0, 0 };
    char *text = strdup(scratch_contents(path));
    char *rest = text, *line;
    ck_assert(text[0] == '\0' || text[strlen(text) - 1] == '\n');
    while ((line = strsep(&rest, "\n")) != NULL) {
        unsigned long long alloc, sys;
        double when;
        char more;
        if (strncmp(line, "# memlog 1 ", 11) == 0)
            count.headers++;
        else if (line[0] == '#' || line[0] == '\0')
            count.others++;
        else if (sscanf(line, "%lf %llu %llu%c", &when, &alloc, &sys, &more) == 3 &&
                 sys == FAKE_SYS_BASE + alloc)
            count.samples++;
        else
            ck_abort_msg("a bad line: %s", line);
    }
    free(text);
    return count;
}

static inline bool log_has(const char *path, const char *text)
{
    return strstr(scratch_contents(path), text) != NULL;
}

/* Whether a thread of that name is there: one that has been joined may still
 * be listed for a moment. */
static inline bool has_thread(const char *wanted)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    bool found = false;
    while (!found && (entry = readdir(tasks)) != NULL) {
        char path[64], name[32] = "";
        snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", entry->d_name);
        ssize_t length = ml_os_read_file(path, name, sizeof(name));
        found = length > 0 && strncmp(name, wanted, (size_t)length - 1) == 0;
    }
    closedir(tasks);
    return found;
}

/* Until the log's thread runs code of ours. A process that forks before has
 * children that hang in the address sanitizer, which takes a lock of its own
 * in every new thread. */
static inline void wait_for_thread(void)
{
    while (!has_thread("memlog-log"))
        sleep_ms(1);
}

/* A thread's body. */
static inline void *sample_once(void *unused)
{
    ml_log_sample();
    return unused;
}

enum { WRITES = 200 };

static inline void *write_samples(void *unused)
{
    for (int i = 0; i < WRITES; i++)
        ck_assert_int_eq(i % 10 == 0 ? ml_log_mark("here") : ml_log_sample(), 0);
    return unused;
}

#endif
