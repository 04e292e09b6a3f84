/* SPDX-License-Identifier: MIT */
#include "cli/recorder.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "cli/locate.h"
#include "cli/sandbox.h"
#include "cli/space.h"
#include "cli/summary.h"
#include "os/cgroup.h"
#include "os/clock.h"
#include "os/process.h"

struct ml_recorder {
    struct ml_lines lines;
    struct ml_lines_source source;
    struct ml_place place;
    struct ml_raw_stats raw; /* large */

    pthread_mutex_t lock; /* of all below: the pages look at the process, too */
    pid_t pid;
    struct ml_board_slot *slot;
    struct ml_space space;
    struct ml_image *image;
    uint32_t images_seen; /* of the slot, when the image was opened */
    const struct ml_board_numbers *left; /* NULL, or what the process has written itself */
    bool at_exit;         /* the last sample is of its exit */
    bool was_refused;     /* said already */
    uint64_t failing_ns;  /* monotonic: since when memlog can't be read in it; 0: it can */
    uint64_t searched_ns; /* monotonic: when memlog was looked for in it; 0: not */
    int read_error;       /* of the last reading */

    struct ml_summary summary;
    uint64_t last_ns;
};

/* ---- the numbers --------------------------------------------------------------- */

static void add_system_numbers(const struct ml_recorder *recorder, struct memlog_extra *extra)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/statm", (int)recorder->pid);
    extra->rss = ml_os_rss_bytes_of(path);
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)recorder->pid);
    extra->cgroup_limit = ml_os_cgroup_limit_under(path, "/sys/fs/cgroup");
}

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

/* What its thread has written last. One that was killed in the middle leaves nothing whole. */
static int read_inside(const struct ml_recorder *recorder, struct memlog_memstats *stats,
                       struct memlog_extra *extra)
{
    enum { PATIENCE = 1000 };
    const struct ml_board_slot *slot = recorder->slot;
    for (int tries = 0; tries < PATIENCE; tries++) {
        uint32_t before = __atomic_load_n(&slot->inside_sequence, __ATOMIC_ACQUIRE);
        *stats = slot->inside.stats;
        if (extra != NULL)
            *extra = slot->inside.extra;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!(before & 1) && before == __atomic_load_n(&slot->inside_sequence, __ATOMIC_RELAXED)) {
            if (extra != NULL)
                add_system_numbers(recorder, extra);
            return before == 0 ? -EAGAIN : 0;
        }
        sched_yield();
    }
    return -EAGAIN;
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
        add_system_numbers(recorder, extra);
        return recorder->read_error = extra->rss == 0 ? -ESRCH : 0; /* it has ended */
    }
    int error = recorder->read_error =
        recorder->image == NULL ? read_inside(recorder, stats, extra)
                                : ml_image_read(recorder->image, &recorder->raw);
    if (error != 0 || recorder->image == NULL)
        return error;
    ml_stats_from_raw(stats, &recorder->raw);
    if (extra != NULL) {
        ml_extra_from_raw(extra, &recorder->raw);
        add_system_numbers(recorder, extra);
    }
    return 0;
}

/* What has ended takes nothing; what it took last stays. A process has always some PSS. */
static void read_usage(void *context, unsigned sources, struct ml_os_usage *usage)
{
    const struct ml_recorder *recorder = context;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d", (int)recorder->pid);
    if (!recorder->at_exit)
        ml_os_usage_read(path, sources, usage);
    if (recorder->lines.record.without_heap && usage->pss == 0)
        usage->pss = usage->swap = ML_OS_USAGE_UNKNOWN;
}

static uint64_t cycles(void *context)
{
    struct ml_recorder *recorder = context;
    return recorder->image == NULL ? 0 : ml_image_cycles(recorder->image);
}

static bool cycle(void *context, uint64_t number, struct ml_gc_record *record)
{
    struct ml_recorder *recorder = context;
    return recorder->image != NULL && ml_image_cycle(recorder->image, number, record);
}

/* What has ended is in no cgroup. */
static uint64_t limit_bytes(void *context)
{
    const struct ml_recorder *recorder = context;
    char path[64];
    if (recorder->at_exit)
        return recorder->lines.limit_bytes;
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)recorder->pid);
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
    error = ml_place_choose(&recorder->place, recorder->pid, &bad);
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
    const struct ml_board_slot *slot = recorder->slot;
    bool has_said = __atomic_load_n(&slot->images, __ATOMIC_ACQUIRE) != 0 &&
                    slot->first.when_ns != 0;
    struct ml_record_run run = { .pid = recorder->pid };
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
    recorder->pid = pid;
    recorder->slot = slot;
    recorder->source = (struct ml_lines_source){ read_numbers, read_usage, cycles, cycle,
                                                  limit_bytes, recorder };
    recorder->lines.source = &recorder->source;
    recorder->lines.tell_cycles = settings->tell_cycles;
    recorder->lines.file.max_bytes = settings->max_bytes;
    recorder->lines.file.fd = -1;
    recorder->space.memory = recorder->space.maps = -1;
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

/* Between an exec and the next program's first instructions the slot tells of what is not
 * there any more: that passes. */
static void complain_once(struct ml_recorder *recorder, int error)
{
    uint64_t now = ml_os_monotonic_ns();
    if (recorder->failing_ns == 0)
        recorder->failing_ns = now;
    bool may_pass = error != -EPERM && now - recorder->failing_ns < ML_NS_PER_SECOND;
    if (recorder->was_refused || may_pass || error == -ESRCH)
        return;
    recorder->was_refused = true;
    if (error == -ENOTSUP)
        ml_os_complain("the program has another version of memlog in it: nothing is recorded",
                       NULL);
    else if (error == -EFAULT || error == -ESTALE)
        ml_os_complain("the program has become one without memlog (static, or started without "
                       "LD_PRELOAD): nothing is recorded any more", NULL);
    else
        ml_os_complain("cannot read the program's numbers: ", ml_os_error_text(-error), NULL);
}

/* Once, however many processes: a child mostly is the same program. */
static void complain_of_malloc(const struct ml_recorder *recorder)
{
    static bool said;
    if (said || !__atomic_load_n(&recorder->slot->passed_by, __ATOMIC_RELAXED))
        return;
    said = true;
    ml_os_complain("the program has a malloc of its own: what it allocates by that is not counted",
                   NULL);
}

static void close_image(struct ml_recorder *recorder)
{
    ml_image_close(recorder->image);
    ml_space_close(&recorder->space);
    recorder->image = NULL;
}

/* As ml_image_open; what was open before is not any more. */
static int open_image(struct ml_recorder *recorder, uintptr_t root)
{
    const struct ml_memory memory = { ml_space_read, &recorder->space };
    close_image(recorder);
    int error = ml_space_open(&recorder->space, recorder->pid);
    if (error == 0)
        recorder->image = ml_image_open(&memory, root, &error);
    return error;
}

/* Whether memlog can be read there. */
static bool is_root(struct ml_space *space, uintptr_t root)
{
    const struct ml_memory memory = { ml_space_read, space };
    int error = -ENOENT;
    if (root != 0)
        ml_image_close(ml_image_open(&memory, root, &error));
    return error == 0;
}

/* It has become a program that can't get at the board: another user's, or one with an environment
 * of its own. Memlog may be in it all the same, or be there in a moment. */
static bool find_again(struct ml_recorder *recorder)
{
    uint64_t now = ml_os_monotonic_ns();
    struct ml_space space;
    if (recorder->searched_ns != 0 && now - recorder->searched_ns < ML_NS_PER_SECOND)
        return false;
    recorder->searched_ns = now;
    uintptr_t root = ml_space_open(&space, recorder->pid) == 0 ? ml_locate_root(&space) : 0;
    bool is_there = is_root(&space, root);
    ml_space_close(&space);
    return is_there && open_image(recorder, root) == 0;
}

/* The program gets a thread: not while it may still want to be alone (unshare), and not
 * where making one may end it. False: it can't be asked. */
static bool ask_inside(struct ml_recorder *recorder)
{
    enum { ALONE_NS = 100 * ML_NS_PER_MS };
    struct ml_board_slot *slot = recorder->slot;
    bool has_begun = __atomic_load_n(&slot->inside_sequence, __ATOMIC_ACQUIRE) != 0;
    if (has_begun)
        return true;
    if (ml_sandbox_is_around(recorder->pid)) {
        __atomic_store_n(&slot->asks, 0, __ATOMIC_RELEASE);
        return false;
    }
    if (slot->asks == 0 && ml_os_realtime_ns() - slot->first.when_ns >= ALONE_NS) {
        slot->interval_ns = recorder->lines.record.interval_ns;
        __atomic_store_n(&slot->asks, ML_BOARD_NUMBERS, __ATOMIC_RELEASE);
    }
    return true;
}

static bool is_refusal(int error) { return error == -EPERM || error == -ENOSYS; }

/* Whether there is somewhere to read. The slot may tell of another program by now, whose memlog
 * is elsewhere. */
static bool has_numbers(struct ml_recorder *recorder)
{
    uint32_t images = __atomic_load_n(&recorder->slot->images, __ATOMIC_ACQUIRE);
    if (images == recorder->images_seen)
        return recorder->image != NULL;
    int error = open_image(recorder, (uintptr_t)recorder->slot->root);
    if (is_refusal(error) && ask_inside(recorder))
        return true;
    if (error != 0 && (is_refusal(error) || !find_again(recorder))) {
        complain_once(recorder, error);
        return false;
    }
    recorder->images_seen = images;
    complain_of_malloc(recorder);
    uint32_t asked = ML_BOARD_NUMBERS; /* it may be read again: the thread ends */
    (void)__atomic_compare_exchange_n(&recorder->slot->asks, &asked, 0, false, __ATOMIC_RELEASE,
                                      __ATOMIC_RELAXED);
    return true;
}

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
    if (__atomic_load_n(&recorder->slot->images, __ATOMIC_ACQUIRE) == 0)
        return false;
    complain_of_malloc(recorder);
    (void)take_sample(recorder, &recorder->slot->first, NULL, NULL);
    (void)has_numbers(recorder); /* as soon as there is one: it may become another user */
    return true;
}

static bool sample(struct ml_recorder *recorder)
{
    if (recorder->last_ns == 0 && recorder->slot->first.when_ns != 0)
        return take_first_sample(recorder);
    if (!recorder->lines.record.without_heap && !has_numbers(recorder))
        return false;
    (void)take_sample(recorder, NULL, NULL, NULL);
    bool is_found = recorder->read_error == -ESTALE && find_again(recorder);
    if (recorder->read_error == 0 || is_found)
        recorder->failing_ns = recorder->searched_ns = 0;
    else if (recorder->read_error != -EAGAIN)
        complain_once(recorder, recorder->read_error);
    return recorder->read_error == 0;
}

static void end(struct ml_recorder *recorder, const char *reason)
{
    if (recorder->last_ns == 0 && recorder->slot->first.when_ns != 0)
        (void)take_first_sample(recorder);
    complain_of_malloc(recorder);
    recorder->at_exit = __atomic_load_n(&recorder->slot->done, __ATOMIC_ACQUIRE) != 0;
    if (recorder->at_exit) {
        (void)take_sample(recorder, &recorder->slot->last, "end ", reason);
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
    int error = has_numbers(recorder) ? read_numbers(recorder, stats, extra) : -EAGAIN;
    extra->log_samples = recorder->lines.file.samples; /* the program itself writes none */
    extra->log_lost = recorder->lines.file.lost;
    pthread_mutex_unlock(&recorder->lock);
    return error;
}

int ml_recorder_use(struct ml_recorder *recorder,
                    int (*use)(struct ml_image *image, pid_t pid, void *argument), void *argument)
{
    pthread_mutex_lock(&recorder->lock);
    int error = !has_numbers(recorder)    ? -EAGAIN
                : recorder->image == NULL ? -EPERM
                                          : use(recorder->image, recorder->pid, argument);
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
    close_image(recorder);
    free(recorder);
}
