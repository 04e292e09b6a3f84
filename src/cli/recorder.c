/* SPDX-License-Identifier: MIT */
#include "cli/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/reach.h"
#include "cli/summary.h"
#include "cli/system.h"
#include "os/cgroup.h"
#include "os/clock.h"
#include "os/process.h"

struct ml_recorder {
    struct ml_lines lines;
    struct ml_lines_source source;
    struct ml_place place;

    pthread_mutex_t lock; /* of all below: the pages look at the process, too */
    struct ml_reach reach;
    const struct ml_board_numbers *left; /* NULL, or what the process has written itself */
    bool at_exit;   /* the last sample is of its exit */
    int read_error; /* of the last reading */

    struct ml_summary summary;
    uint64_t last_ns;
};

/* ---- the numbers --------------------------------------------------------------- */

static void take_left_numbers(const struct ml_recorder *recorder, struct memlog_memstats *stats,
                              struct memlog_extra *extra)
{
    *stats = recorder->left->stats;
    if (extra == NULL)
        return;
    uint64_t rss = extra->rss, limit = extra->cgroup_limit;
    *extra = recorder->left->extra;
    if (recorder->at_exit) { /* it does not ask the system then: as it was last */
        extra->rss = rss;
        extra->cgroup_limit = limit;
    }
}

static int read_numbers(void *context, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    struct ml_recorder *recorder = context;
    recorder->read_error = 0;
    if (recorder->left != NULL) {
        take_left_numbers(recorder, stats, extra);
        return 0;
    }
    if (recorder->lines.record.without_heap) {
        ml_system_add_numbers(recorder->reach.pid, extra);
        return recorder->read_error = extra->rss == 0 ? -ESRCH : 0; /* it has ended */
    }
    return recorder->read_error = ml_reach_read(&recorder->reach, stats, extra);
}

/* What has ended takes nothing; what it took last stays. A process has always some PSS. */
static void read_usage(void *context, unsigned sources, struct ml_os_usage *usage)
{
    const struct ml_recorder *recorder = context;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d", (int)recorder->reach.pid);
    if (!recorder->at_exit)
        ml_os_usage_read(path, sources, usage);
    if (recorder->lines.record.without_heap && usage->pss == 0)
        usage->pss = usage->swap = ML_OS_USAGE_UNKNOWN;
}

static uint64_t cycles(void *context)
{
    struct ml_recorder *recorder = context;
    return recorder->reach.image == NULL ? 0 : ml_image_cycles(recorder->reach.image);
}

static bool cycle(void *context, uint64_t number, struct ml_gc_record *record)
{
    struct ml_recorder *recorder = context;
    return recorder->reach.image != NULL && ml_image_cycle(recorder->reach.image, number, record);
}

/* What has ended is in no cgroup. */
static uint64_t limit_bytes(void *context)
{
    const struct ml_recorder *recorder = context;
    char path[64];
    if (recorder->at_exit)
        return recorder->lines.limit_bytes;
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)recorder->reach.pid);
    return ml_os_cgroup_limit_under(path, "/sys/fs/cgroup");
}

/* ---- beginning -------------------------------------------------------------------- */

static int refuse(const struct ml_recorder *recorder, int error, const char *bad)
{
    char sequence[3] = { bad != NULL ? bad[0] : '\0', bad != NULL ? bad[1] : '\0', '\0' };
    if (bad != NULL)
        ml_os_complain("\"", sequence, "\" in the log's name ", recorder->place.pattern,
                       " means nothing (%p, %e and %% do)", NULL);
    else
        ml_os_complain("cannot open ", recorder->place.name, ": ", ml_os_error_text(-error), NULL);
    return error;
}

static int open_file(struct ml_recorder *recorder, const char *pattern, const char *name)
{
    const char *bad = NULL;
    const char *base = strrchr(name, '/');
    int error = ml_place_remember(&recorder->place, pattern);
    if (error != 0)
        return refuse(recorder, error, NULL);
    snprintf(recorder->place.program, sizeof(recorder->place.program), "%s",
             base == NULL ? name : base + 1);
    error = ml_place_choose(&recorder->place, recorder->reach.pid, &bad);
    recorder->lines.file.path = recorder->place.path;
    if (error == 0)
        error = ml_file_open(&recorder->lines.file);
    return error == 0 ? 0 : refuse(recorder, error, bad);
}

static int take_columns(struct ml_recorder *recorder, const char *columns)
{
    const char *bad;
    size_t length;
    if (columns == NULL)
        return 0;
    int error = ml_record_add_columns(&recorder->lines.record, columns, &bad, &length);
    if (error == 0)
        return 0;
    const char *before = "", *behind = "";
    if (error == -ENOENT) {
        before = "no field is called ";
        behind = ": it";
    } else if (error == -ENXIO) {
        behind = " is of memlog's heap, and there is no memlog in that process: it";
    }
    fprintf(stderr, "memlog: %s%.*s%s can't be a column of the log\n", before, (int)length, bad,
            behind);
    return -EINVAL;
}

/* The words with a NUL behind each, as the kernel keeps them. */
static void write_command(char *const *arguments, char *line, size_t capacity)
{
    char words[2 * ML_RECORD_COMMAND_BYTES];
    size_t length = 0;
    for (; *arguments != NULL && length < sizeof(words); arguments++) {
        size_t bytes = ml_min(strlen(*arguments) + 1, sizeof(words) - length);
        memcpy(words + length, *arguments, bytes);
        length += bytes;
    }
    ml_os_escape_arguments(words, length, line, capacity);
}

/* The slot is the process's own, and may be about to change. */
static void copy_command(const struct ml_board_slot *slot, char *line, size_t capacity)
{
    snprintf(line, capacity, "%.*s", (int)sizeof(slot->command) - 1, slot->command);
}

static void begin_lines(struct ml_recorder *recorder, bool show_command, char *const *arguments)
{
    char command[ML_RECORD_COMMAND_BYTES];
    const struct ml_board_slot *slot = recorder->reach.slot;
    bool has_said = __atomic_load_n(&slot->images, __ATOMIC_ACQUIRE) != 0 &&
                    slot->first.when_ns != 0;
    struct ml_record_run run = { .pid = recorder->reach.pid };
    run.start_ns = has_said ? slot->first.when_ns : ml_os_realtime_ns();
    if (arguments != NULL)
        write_command(arguments, command, sizeof(command));
    else
        copy_command(slot, command, sizeof(command));
    if (show_command && command[0] != '\0')
        run.command = command;
    ml_lines_begin(&recorder->lines, &run);
}

int ml_recorder_open(struct ml_recorder **made, const struct ml_recorder_settings *settings,
                     const char *name, pid_t pid, char *const *arguments,
                     struct ml_board_slot *slot)
{
    struct ml_recorder *recorder = calloc(1, sizeof(*recorder));
    *made = NULL;
    if (recorder == NULL) {
        ml_os_complain("there is no memory for a log", NULL);
        return -ENOMEM;
    }
    pthread_mutex_init(&recorder->lock, NULL);
    ml_reach_init(&recorder->reach, pid, slot, settings->interval_ns);
    recorder->source = (struct ml_lines_source){ read_numbers, read_usage, cycles, cycle,
                                                  limit_bytes, recorder };
    recorder->lines.source = &recorder->source;
    recorder->lines.tell_cycles = settings->tell_cycles;
    recorder->lines.file.max_bytes = settings->max_bytes;
    recorder->lines.file.fd = -1;
    (settings->without_heap ? ml_record_init_without_heap
                            : ml_record_init)(&recorder->lines.record, settings->interval_ns);
    int error = take_columns(recorder, settings->columns);
    if (error == 0)
        error = open_file(recorder, settings->file, name);
    if (error != 0) {
        free(recorder);
        return error;
    }
    begin_lines(recorder, settings->show_command, arguments);
    *made = recorder;
    return 0;
}

/* ---- samples ----------------------------------------------------------------------- */

static int take_sample(struct ml_recorder *recorder, const struct ml_board_numbers *left,
                       const char *keyword, const char *words)
{
    uint64_t now = left == NULL ? ml_os_realtime_ns() : left->when_ns;
    recorder->left = left;
    int error = ml_lines_sample(&recorder->lines, now, keyword, words);
    if (recorder->read_error != 0)
        return error;
    ml_summary_note(&recorder->summary, &recorder->lines, now);
    recorder->last_ns = now;
    return error;
}

/* The process has written it before its program began. */
static bool take_first_sample(struct ml_recorder *recorder)
{
    if (__atomic_load_n(&recorder->reach.slot->images, __ATOMIC_ACQUIRE) == 0)
        return false;
    ml_reach_tell_of_malloc(&recorder->reach);
    (void)take_sample(recorder, &recorder->reach.slot->first, NULL, NULL);
    (void)ml_reach_has_numbers(&recorder->reach); /* as soon as there is one: it may become another user */
    return true;
}

static bool sample(struct ml_recorder *recorder)
{
    if (recorder->last_ns == 0 && recorder->reach.slot->first.when_ns != 0)
        return take_first_sample(recorder);
    if (!recorder->lines.record.without_heap && !ml_reach_has_numbers(&recorder->reach))
        return false;
    (void)take_sample(recorder, NULL, NULL, NULL);
    return ml_reach_heed(&recorder->reach, recorder->read_error);
}

static void end(struct ml_recorder *recorder, const char *reason)
{
    if (recorder->last_ns == 0 && recorder->reach.slot->first.when_ns != 0)
        (void)take_first_sample(recorder);
    ml_reach_tell_of_malloc(&recorder->reach);
    /* One that took its time to end after that was looked at since. */
    const struct ml_board_numbers *last = &recorder->reach.slot->last;
    recorder->at_exit = __atomic_load_n(&recorder->reach.slot->done, __ATOMIC_ACQUIRE) != 0 &&
                        last->when_ns >= recorder->last_ns;
    if (recorder->at_exit) {
        (void)take_sample(recorder, last, "end ", reason);
        return;
    }
    char line[ML_RECORD_COMMENT_BYTES];
    snprintf(line, sizeof(line), "end %s", reason);
    (void)ml_lines_comment(&recorder->lines, line);
}

bool ml_recorder_sample(struct ml_recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    bool is_taken = sample(recorder);
    pthread_mutex_unlock(&recorder->lock);
    return is_taken;
}

int ml_recorder_read(struct ml_recorder *recorder, struct memlog_memstats *stats,
                     struct memlog_extra *extra)
{
    pthread_mutex_lock(&recorder->lock);
    recorder->left = NULL;
    int error = ml_reach_has_numbers(&recorder->reach) ? read_numbers(recorder, stats, extra) : -EAGAIN;
    extra->log_samples = recorder->lines.file.samples; /* the program itself writes none */
    extra->log_lost = recorder->lines.file.lost;
    pthread_mutex_unlock(&recorder->lock);
    return error;
}

int ml_recorder_use(struct ml_recorder *recorder,
                    int (*use)(struct ml_image *image, pid_t pid, void *argument), void *argument)
{
    pthread_mutex_lock(&recorder->lock);
    int error = !ml_reach_has_numbers(&recorder->reach)    ? -EAGAIN
                : recorder->reach.image == NULL ? -EPERM
                                          : use(recorder->reach.image, recorder->reach.pid, argument);
    pthread_mutex_unlock(&recorder->lock);
    return error;
}

void ml_recorder_end(struct ml_recorder *recorder, const char *reason)
{
    pthread_mutex_lock(&recorder->lock);
    end(recorder, reason);
    pthread_mutex_unlock(&recorder->lock);
}

const char *ml_recorder_path(const struct ml_recorder *recorder) { return recorder->place.path; }

struct ml_lines *ml_recorder_lines(struct ml_recorder *recorder) { return &recorder->lines; }

const struct memlog_memstats *ml_recorder_stats(const struct ml_recorder *recorder)
{
    return recorder == NULL || recorder->last_ns == 0 ? NULL : &recorder->lines.stats;
}

void ml_recorder_sum_up(const struct ml_recorder *recorder)
{
    ml_summary_tell(&recorder->summary, recorder->place.name, &recorder->lines.file,
                    recorder->at_exit);
}

void ml_recorder_close(struct ml_recorder *recorder)
{
    if (recorder == NULL)
        return;
    ml_file_close(&recorder->lines.file);
    ml_reach_close(&recorder->reach);
    free(recorder);
}
