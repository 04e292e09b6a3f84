/* SPDX-License-Identifier: MIT */
/* prog_faults_log.c - the scenarios of prog_faults in which there is a log. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "fault_log.h"
#include "fault_marker.h"
#include "prog_faults.h"

#define IDENTITY_BROKEN WRONG
#include "identities.h"

/* ---- the log ------------------------------------------------------------------------------- */

#define HOUR_NS UINT64_C(3600000000000)

/* 0, or the reason after a line on stderr. */
static int start_log(const char *file, const char *columns, uint64_t interval_ns,
                     uint64_t max_bytes)
{
    const struct memlog_log_options options = { .size = sizeof(options),
                                                .file = file,
                                                .interval_ns = interval_ns,
                                                .columns = columns,
                                                .max_bytes = max_bytes };
    unsigned attempts = 0;
    int error;
    do {
        error = memlog_log_start(&options);
        MUST(error <= 0);
    } while (once_more(error != 0, &attempts));
    return error;
}

static struct memlog_extra read_extra(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    MUST(memlog_read_extra(&extra) == 0);
    return extra;
}

/* Samples of the program's; as many as were refused are lost. */
static void write_samples(int count)
{
    for (int i = 0; i < count; i++) {
        int error = i % 5 == 4 ? memlog_log_mark("here") : memlog_log_sample();
        MUST(error == 0 || error == -EIO);
        kept = push(kept, SCANNED, 3000);
    }
}

static void judge_ended_log(const char *file)
{
    struct memlog_extra extra = read_extra();
    struct log_lines lines = judge_log(file);
    check_log(&lines, extra.log_samples, extra.log_lost);
}

/* The thread takes samples, too: some more than the program has asked for. */
static void wait_for_ticks(uint64_t asked)
{
    struct memlog_extra extra;
    sleep_us(5000);
    count_faults(0);
    while (extra = read_extra(), extra.log_samples + extra.log_lost < asked + 3)
        sleep_us(1000);
    count_faults(1);
}

static void log_once(const char *file, uint64_t interval_ns)
{
    if (start_log(file, "HeapObjects", interval_ns, 0) != 0)
        return;
    write_samples(12);
    if (interval_ns != HOUR_NS)
        wait_for_ticks(1 + 12);
    MUST(memlog_log_stop() == 0);
    MUST(memlog_log_sample() == -ENOTCONN);
    count_faults(0);
    judge_ended_log(file);
    count_faults(1);
}

/* A log of the program's samples, one of its thread's as well, and one with a cap. */
void write_logs(void)
{
    log_once("quiet.log", HOUR_NS);
    log_once("busy.log", 1000000);
    /* These columns are read from /proc. */
    if (start_log("capped.log", "rss,cgroup_limit", HOUR_NS, 600) == 0) {
        write_samples(10);
        MUST(memlog_log_stop() == 0);
    }
    count_faults(0);
    judge_log("capped.log");
    judge_log("capped.log.1");
}

/* ---- children ---------------------------------------------------------------------------------- */

static _Noreturn void be_a_child(void)
{
    check_lists();
    kept = push(kept, SCANNED, 5000);
    memlog_gc();
    check_lists();
    for (int i = 0; i < 20; i++) {
        int error = memlog_log_sample();
        MUST(error == 0 || error == -EIO || error == -ENOTCONN);
        if (error == -ENOTCONN)
            sleep_us(10000);
    }
    sleep_us(3000);
    check_statistics();
    exit(0); /* ends its log */
}

/* A child of its own log, which is there whatever failed for a moment. */
static void judge_child(pid_t child)
{
    char file[64];
    snprintf(file, sizeof(file), "family.log.%d", (int)child);
    struct log_lines lines = judge_log(file);
    MUST(faults_last || lines.samples > 0);
    MUST(lines.samples == 0 || lines.headers > 0);
    unlink(file);
}

void have_children(void)
{
    build();
    bool logs = start_log("family.log", NULL, 2000000, 0) == 0;
    for (int i = 0; i < 2; i++) {
        unsigned attempts = 0;
        pid_t child;
        do {
            child = fork();
            MUST(child >= 0 || errno == EAGAIN || errno == ENOMEM);
        } while (once_more(child < 0, &attempts));
        if (child == 0)
            be_a_child();
        int status = 0;
        if (child < 0)
            continue;
        MUST(waitpid(child, &status, 0) == child);
        MUST(status == 0);
        count_faults(0);
        judge_child(child);
        count_faults(1);
    }
    check_lists();
    if (!logs)
        return;
    MUST(memlog_log_stop() == 0);
    count_faults(0);
    judge_ended_log("family.log");
}

/* ---- until there is no more ------------------------------------------------------------------------- */

static void fill_up(void)
{
    static const size_t sizes[] = { 4000000, 200000, 10000, 500, 16 };
    const size_t MOST = 40000;
    size_t count = 0;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (struct item *before = NULL; before != kept && count < MOST; count++) {
            before = kept;
            kept = push(kept, SCANNED, sizes[i]);
        }
}

/* Full, all let go, and full again: as much as before, about. */
void full(void)
{
    bool logs = start_log("full.log", NULL, 1000000, 0) == 0;
    size_t first = 0;
    for (int round = 0; round < 3; round++) {
        fill_up();
        check_lists();
        struct memlog_memstats stats;
        memlog_read_memstats(&stats);
        check_identities(&stats);
        if (round == 0)
            first = stats.alloc;
        else
            MUST(stats.alloc >= first / 2);
        kept = NULL;
        memlog_gc();
    }
    threads();
    if (logs) {
        MUST(memlog_log_stop() == 0);
        judge_ended_log("full.log");
    }
}
