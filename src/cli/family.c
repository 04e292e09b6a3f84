/* SPDX-License-Identifier: MIT */
#include "cli/family.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/answers.h"
#include "cli/words.h"
#include "log/lines.h"
#include "os/clock.h"
#include "os/process.h"

struct member {
    struct ml_recorder *recorder; /* NULL: it could not be opened, or has ended */
    pid_t pid;
    struct ml_answerer *answerer;
    int pidfd; /* readable when it has ended; -1: it had by then */
    bool lives;
};

struct ml_family {
    struct ml_board *board;
    struct ml_recorder_settings settings;
    char pattern[PATH_MAX]; /* of the members' logs */
    struct member members[ML_BOARD_SLOTS]; /* as the slots */

    bool is_ending;

    struct ml_lines lines; /* of all together */
    struct ml_lines_source source;
    char path[PATH_MAX];
};

/* ---- all together --------------------------------------------------------------- */

static int sum_numbers(void *context, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    const struct ml_family *family = context;
    (void)extra;
    memset(stats, 0, sizeof(*stats));
    for (uint32_t i = 0; i < ML_BOARD_SLOTS; i++) {
        const struct member *member = &family->members[i];
        const struct memlog_memstats *own =
            member->lives ? ml_recorder_stats(member->recorder) : NULL;
        if (own != NULL) {
            stats->alloc += own->alloc;
            stats->sys += own->sys;
        }
    }
    return 0;
}

static void sum_usage(void *context, unsigned sources, struct ml_os_usage *usage)
{
    const struct ml_family *family = context;
    char proc[32];
    usage->pss = 0;
    for (uint32_t i = 0; i < ML_BOARD_SLOTS; i++) {
        struct ml_os_usage own = { .pss = 0 };
        snprintf(proc, sizeof(proc), "/proc/%d", (int)family->members[i].pid);
        if (family->members[i].lives)
            ml_os_usage_read(proc, sources, &own);
        usage->pss += own.pss;
    }
}

static uint64_t no_cycles(void *unused) { return (void)unused, 0; }
static bool no_cycle(void *unused, uint64_t number, struct ml_gc_record *record)
{
    return (void)unused, (void)number, (void)record, false;
}

/* All of them are in the program's cgroup, unless one has been moved. */
static uint64_t limit_bytes(void *context)
{
    const struct ml_family *family = context;
    return ml_recorder_lines(family->members[0].recorder)->limit_bytes;
}

static int open_total(struct ml_family *family, const char *first_path)
{
    const char *bad;
    size_t length;
    family->source = (struct ml_lines_source){ sum_numbers, sum_usage, no_cycles,
                                               no_cycle, limit_bytes, family };
    family->lines.source = &family->source;
    family->lines.file.fd = -1;
    family->lines.file.path = family->path;
    family->lines.file.max_bytes = family->settings.max_bytes;
    ml_record_init(&family->lines.record, family->settings.interval_ns);
    if (snprintf(family->path, sizeof(family->path), "%s.total", first_path) >=
            (int)sizeof(family->path) ||
        ml_record_add_columns(&family->lines.record, "pss", &bad, &length) != 0)
        return -ENAMETOOLONG;
    int error = ml_file_open(&family->lines.file);
    if (error != 0)
        return error;
    struct ml_record_run run = { .pid = (pid_t)family->board->first_pid,
                                 .start_ns = ml_os_realtime_ns() };
    ml_lines_begin(&family->lines, &run);
    return 0;
}

struct ml_family *ml_family_open(struct ml_board *board,
                                 const struct ml_recorder_settings *settings,
                                 struct ml_recorder *first)
{
    struct ml_family *family = calloc(1, sizeof(*family));
    const char *path = ml_recorder_path(first);
    int error = -ENOMEM;
    if (family != NULL) {
        family->board = board;
        family->settings = *settings;
        family->members[0] = (struct member){
            .recorder = first, .pid = (pid_t)board->first_pid, .pidfd = -1, .lives = true
        };
        error = open_total(family, path);
    }
    if (error == 0)
        return family;
    ml_os_complain("cannot open ", path, ".total: ", ml_os_error_text(-error), NULL);
    free(family);
    return NULL;
}

/* ---- one that has come -------------------------------------------------------------- */

static bool has_ended(const struct member *member)
{
    struct pollfd end = { .fd = member->pidfd, .events = POLLIN };
    return member->pidfd < 0 || (poll(&end, 1, 0) == 1 && (end.revents & POLLIN));
}

/* A percent sign in the program's log's name is no pattern any more. */
static bool make_pattern(struct ml_family *family, const char *path)
{
    size_t length = 0;
    for (; *path != '\0' && length + 6 < sizeof(family->pattern); path++) {
        if (*path == '%')
            family->pattern[length++] = '%';
        family->pattern[length++] = *path;
    }
    strcpy(family->pattern + length, ".%p");
    return *path == '\0';
}

static void take_in(struct ml_family *family, uint32_t place)
{
    static struct ml_words words; /* large */
    struct member *member = &family->members[place];
    struct ml_board_slot *slot = &family->board->slots[place];
    struct ml_recorder_settings settings = family->settings;
    *member = (struct member){ .pid = (pid_t)family->board->pids[place], .lives = true };
    member->pidfd = (int)syscall(SYS_pidfd_open, member->pid, 0);
    settings.file = family->pattern;
    if (!make_pattern(family, ml_recorder_path(family->members[0].recorder)))
        return;
    ml_words_read(&words, member->pid);
    if (ml_recorder_open(&member->recorder, &settings, "", member->pid,
                         words.list[0] == NULL || has_ended(member) ? NULL : words.list, slot) != 0)
        member->recorder = NULL;
    else
        member->answerer = ml_answers_add(member->pid, member->recorder);
}

/* What a shell starts is a shell first, for a moment, and its log would be called after
 * that. */
static bool has_settled(const struct ml_family *family, uint32_t place)
{
    enum { SETTLED_NS = 30 * ML_NS_PER_MS };
    const struct ml_board_slot *slot = &family->board->slots[place];
    return family->is_ending || __atomic_load_n(&slot->done, __ATOMIC_ACQUIRE) != 0 ||
           ml_os_realtime_ns() - slot->first.when_ns >= SETTLED_NS;
}

/* A slot is told of when the process has memlog in it. One that is killed before that
 * keeps it. */
static void look_for_new(struct ml_family *family)
{
    for (uint32_t i = 1; i < ML_BOARD_SLOTS; i++)
        if (!family->members[i].lives &&
            __atomic_load_n(&family->board->pids[i], __ATOMIC_ACQUIRE) != 0 &&
            __atomic_load_n(&family->board->slots[i].images, __ATOMIC_ACQUIRE) != 0 &&
            has_settled(family, i))
            take_in(family, i);
}

/* ---- samples ------------------------------------------------------------------------- */

/* Nobody writes there any more: the next process may. */
static void free_slot(struct ml_board *board, uint32_t place)
{
    struct ml_board_slot *slot = &board->slots[place];
    slot->done = slot->asks = slot->inside_sequence = 0;
    __atomic_store_n(&slot->images, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&board->pids[place], 0, __ATOMIC_RELEASE);
}

static void see_off(struct member *member, const char *reason)
{
    member->lives = false;
    if (member->pidfd >= 0)
        close(member->pidfd);
    member->pidfd = -1;
    ml_answers_remove(member->answerer);
    member->answerer = NULL;
    if (member->recorder != NULL) {
        ml_recorder_end(member->recorder, reason);
        ml_recorder_close(member->recorder);
    }
    member->recorder = NULL;
}

struct ml_lines *ml_family_lines(struct ml_family *family) { return &family->lines; }

void ml_family_sample(struct ml_family *family)
{
    look_for_new(family);
    for (uint32_t i = 1; i < ML_BOARD_SLOTS; i++) {
        struct member *member = &family->members[i];
        if (!member->lives)
            continue;
        if (has_ended(member)) { /* nobody but its parent hears how */
            see_off(member, "reason=exit");
            free_slot(family->board, i);
        } else if (member->recorder != NULL) {
            (void)ml_recorder_sample(member->recorder);
        }
    }
    (void)ml_lines_sample(&family->lines, ml_os_realtime_ns(), NULL, NULL);
}

static void leave_all_alone(struct ml_board *board)
{
    __atomic_store_n(&board->ended, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 1; i < ML_BOARD_SLOTS; i++)
        if (__atomic_load_n(&board->pids[i], __ATOMIC_SEQ_CST) != 0)
            __atomic_store_n(&board->slots[i].asks, ML_BOARD_LEAVE, __ATOMIC_RELEASE);
}

void ml_family_close(struct ml_family *family)
{
    if (family == NULL)
        return;
    family->is_ending = true;
    ml_family_sample(family);
    leave_all_alone(family->board);
    for (uint32_t i = 1; i < ML_BOARD_SLOTS; i++)
        if (family->members[i].lives)
            see_off(&family->members[i], "reason=left");
    (void)ml_lines_comment(&family->lines, "end reason=exit");
    ml_file_close(&family->lines.file);
    free(family);
}
