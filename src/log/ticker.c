/* SPDX-License-Identifier: MIT */
#include "log/ticker.h"

#include <errno.h>
#include <unistd.h>

#include "base/publish.h"
#include "log/answerer.h"
#include "log/entry.h"
#include "log/lines.h"
#include "log/own.h"
#include "log/place.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"

enum { ORPHAN_POLL_NS = 100 * ML_NS_PER_MS, PATIENCE_STEP_NS = 5 * ML_NS_PER_MS };
/* How long exit() waits for a lock before the last lines are given up. */
#define EXIT_PATIENCE_NS (UINT64_C(2) * ML_NS_PER_SECOND)

/* What the thread is to do. It waits on this word. */
enum { PARKED, TICKING, ENDING };

static struct ml_lock control; /* starting, stopping, forking; outside of `writing` */
static struct ml_lock writing; /* everything that goes to the file */

/* What the one log of this process is. Everything but `phase` and `pid` is
 * guarded by `writing` while the log is running, by `control` while it is not. */
static struct {
    uint32_t phase;
    pid_t pid; /* of the process whose log is running; 0: none */
    bool children;
    bool control;
    bool show_command;
    const char *gc;
    uint64_t first_ns; /* monotonic: the ticks' origin */
    struct ml_os_thread thread;
    struct ml_place place;
    struct ml_lines lines;
} log_state;
ML_PUBLISH_ENTRY(samples, "log.samples", &log_state.lines.file.samples, sizeof(uint64_t));
ML_PUBLISH_ENTRY(lost, "log.lost", &log_state.lines.file.lost, sizeof(uint64_t));

/* In a forked child: this process goes on with the log when its parent is
 * gone, or, where it is to have one anyway, as soon as it can. */
static struct {
    uint32_t watching;
    pid_t parent; /* -1: do not wait for its end */
    uint64_t looked_ns; /* monotonic; 0: not yet */
} family;

/* Also false in a child that came from a raw clone() or vfork() and so has
 * seen none of the fork functions below. */
static bool is_running_here(void)
{
    pid_t pid = __atomic_load_n(&log_state.pid, __ATOMIC_ACQUIRE);
    return pid != 0 && pid == ml_os_pid();
}

/* ---- the thread ------------------------------------------------------- */

uint64_t ml_log_next_tick(uint64_t first_ns, uint64_t interval_ns, uint64_t now_ns)
{
    if (now_ns < first_ns)
        return first_ns;
    return first_ns + ((now_ns - first_ns) / interval_ns + 1) * interval_ns;
}

static void set_phase(uint32_t phase)
{
    __atomic_store_n(&log_state.phase, phase, __ATOMIC_RELEASE);
    ml_os_futex_wake(&log_state.phase, 1);
}

static void take_tick(void)
{
    ml_lock(&writing);
    if (is_running_here())
        ml_lines_sample(&log_state.lines, ml_os_realtime_ns(), NULL, NULL);
    ml_unlock(&writing);
}

static void tick_until_the_end(void)
{
    /* Neither changes while the thread lives. */
    uint64_t first = log_state.first_ns;
    uint64_t interval = log_state.lines.record.interval_ns;
    uint64_t due = first + interval;

    while (__atomic_load_n(&log_state.phase, __ATOMIC_ACQUIRE) == TICKING) {
        uint64_t now = ml_os_monotonic_ns();
        if (now < due) {
            ml_os_futex_wait(&log_state.phase, TICKING, ml_min(due, ml_answerer_look(now)));
            continue;
        }
        /* From the moment of waking, not from when the line is written: a
         * tick that came due meanwhile is late, and still taken once. */
        due = ml_log_next_tick(first, interval, now);
        take_tick();
    }
}

static void run_thread(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&log_state.phase, __ATOMIC_ACQUIRE) == PARKED)
        ml_os_futex_wait(&log_state.phase, PARKED, 0);
    tick_until_the_end();
}

/* ---- starting --------------------------------------------------------- */

static int refuse_pattern(const char *bad)
{
    char sequence[3] = { bad[0], bad[1], '\0' };

    ml_os_complain("\"", sequence, "\" in the log's name ", log_state.place.pattern,
                   " means nothing (%p, %e and %% do)", NULL);
    return -EINVAL;
}

static int refuse_column(const char *bad, size_t length, int error)
{
    char name[64];
    struct ml_text text;

    ml_text_init(&text, name, sizeof(name));
    ml_text_bytes(&text, bad, length);
    ml_text_finish(&text);
    if (error == -ENOENT)
        ml_os_complain("no field is called ", name, ": it can't be a column of the log", NULL);
    else
        ml_os_complain(name, " can't be a column of the log", NULL);
    return -EINVAL;
}

static int refuse_file(int error)
{
    ml_os_complain("cannot open ", log_state.place.name, ": ", ml_os_error_text(-error), NULL);
    return error;
}

/* The lines' shape, from the settings. */
static int take_record(const struct ml_log_settings *settings)
{
    const char *bad;
    size_t bad_length;

    if (settings->interval_ns == 0) {
        ml_os_complain("the log's interval is zero", NULL);
        return -EINVAL;
    }
    ml_record_init(&log_state.lines.record, settings->interval_ns);
    if (settings->columns == NULL)
        return 0;
    int error = ml_record_add_columns(&log_state.lines.record, settings->columns, &bad,
                                      &bad_length);
    return error == 0 ? 0 : refuse_column(bad, bad_length, error);
}

static int take_settings(const struct ml_log_settings *settings)
{
    int error = take_record(settings);

    if (error != 0)
        return error;
    log_state.children = settings->children;
    log_state.control = settings->control;
    log_state.show_command = settings->show_command;
    log_state.gc = settings->gc;
    log_state.lines.tell_cycles = settings->tell_cycles;
    log_state.lines.file.max_bytes = settings->max_bytes;
    error = ml_place_remember(&log_state.place, settings->file);
    return error == 0 ? 0 : refuse_file(error);
}

/* Open this process's file; says nothing. *bad as ml_place_expand. */
static int open_file(const char **bad)
{
    int error = ml_place_choose(&log_state.place, ml_os_pid(), bad);

    if (error != 0)
        return error;
    log_state.lines.file.path = log_state.place.path;
    return ml_file_open(&log_state.lines.file);
}

static int open_loudly(void)
{
    const char *bad = NULL;
    int error = open_file(&bad);

    if (bad != NULL)
        return refuse_pattern(bad);
    return error == 0 ? 0 : refuse_file(error);
}

/* In a child: its copies of a running log are gone, without a line. Most come
 * here through fork(); one from a raw clone() only when it starts a log. */
static void leave_parents_log(void)
{
    log_state.pid = 0;
    ml_file_close(&log_state.lines.file);
    ml_answerer_close();
    ml_os_thread_forget(&log_state.thread);
    ml_place_leave_to_parent(&log_state.place);
}

static void begin_lines(uint64_t now_ns)
{
    static char command[ML_RECORD_COMMAND_BYTES];
    struct ml_record_run run = { .pid = ml_os_pid(), .start_ns = now_ns, .gc = log_state.gc };

    if (log_state.show_command && ml_os_command_line(command, sizeof(command)) > 0)
        run.command = command;
    log_state.lines.source = &ml_own_numbers;
    ml_lines_begin(&log_state.lines, &run);
}

/* The thread comes first, and waits: nothing is written when it can't be had,
 * and it is made while `writing` is free, since making it may allocate. */
static int start_writing(void)
{
    ml_file_reset_counts(&log_state.lines.file);
    __atomic_store_n(&log_state.phase, PARKED, __ATOMIC_RELEASE);
    int error = ml_os_thread_start(&log_state.thread, "memlog-log", run_thread, NULL);
    if (error != 0)
        return error;
    ml_lock(&writing);
    uint64_t now = ml_os_realtime_ns();
    log_state.first_ns = ml_os_monotonic_ns();
    begin_lines(now);
    ml_lines_sample(&log_state.lines, now, NULL, NULL);
    __atomic_store_n(&log_state.pid, ml_os_pid(), __ATOMIC_RELEASE);
    ml_unlock(&writing);
    if (log_state.control)
        ml_answerer_open();
    set_phase(TICKING);
    return 0;
}

static int start_loudly(const struct ml_log_settings *settings)
{
    if (is_running_here()) {
        ml_os_complain("the log is already running", NULL);
        return -EALREADY;
    }
    if (log_state.pid != 0)
        leave_parents_log();
    /* From here on the program has taken it into its own hands. */
    __atomic_store_n(&family.watching, 0, __ATOMIC_RELAXED);
    int error = take_settings(settings);
    if (error == 0)
        error = open_loudly();
    if (error != 0)
        return error;
    error = start_writing();
    if (error != 0) {
        ml_file_close(&log_state.lines.file);
        ml_os_complain("cannot start the log's thread: ", ml_os_error_text(-error), NULL);
    }
    return error;
}

int ml_log_start(const struct ml_log_settings *settings)
{
    struct ml_entry entry = ml_log_enter();

    ml_lock(&control);
    int error = start_loudly(settings);
    ml_unlock(&control);
    ml_log_leave(&entry);
    return error;
}

/* A child's own log, with the settings of its parent's. False when it can't
 * be had now. */
static bool start_in_child(void)
{
    const char *bad;

    if (open_file(&bad) != 0)
        return false;
    if (start_writing() == 0)
        return true;
    ml_file_close(&log_state.lines.file);
    return false;
}

/* ---- what others add -------------------------------------------------- */

/* With `writing` taken, or -ENOTCONN. */
static int lock_running(void)
{
    ml_log_poll_orphan();
    if (!is_running_here())
        return -ENOTCONN;
    ml_lock(&writing);
    if (is_running_here())
        return 0;
    ml_unlock(&writing);
    return -ENOTCONN;
}

static int sample_with(const char *keyword, const char *words)
{
    struct ml_entry entry = ml_log_enter();
    int error = lock_running();

    if (error == 0) {
        error = ml_lines_sample(&log_state.lines, ml_os_realtime_ns(), keyword, words);
        error = error == 0 ? 0 : -EIO;
        ml_unlock(&writing);
    }
    ml_log_leave(&entry);
    return error;
}

int ml_log_sample(void)
{
    return sample_with(NULL, NULL);
}

int ml_log_mark(const char *name)
{
    return name == NULL ? -EINVAL : sample_with("mark ", name);
}

void ml_log_comment(const char *words)
{
    struct ml_entry entry = ml_log_enter();

    if (lock_running() == 0) {
        ml_lines_comment(&log_state.lines, words);
        ml_unlock(&writing);
    }
    ml_log_leave(&entry);
}

void ml_log_counts(uint64_t *samples, uint64_t *lost)
{
    *samples = __atomic_load_n(&log_state.lines.file.samples, __ATOMIC_RELAXED);
    *lost = __atomic_load_n(&log_state.lines.file.lost, __ATOMIC_RELAXED);
}

/* ---- the end ---------------------------------------------------------- */

/* With `writing` and `control` taken; gives `writing` back. */
static void end_log(const char *reason)
{
    ml_lines_sample(&log_state.lines, ml_os_realtime_ns(), "end reason=", reason);
    __atomic_store_n(&log_state.pid, 0, __ATOMIC_RELEASE);
    ml_file_close(&log_state.lines.file);
    ml_unlock(&writing);
    set_phase(ENDING);
    ml_os_thread_join(&log_state.thread);
    ml_answerer_close();
}

int ml_log_stop(void)
{
    struct ml_entry entry = ml_log_enter();

    ml_lock(&control);
    int error = lock_running();
    if (error == 0)
        end_log("stop");
    ml_unlock(&control);
    ml_log_leave(&entry);
    return error;
}

static bool lock_before(struct ml_lock *lock, uint64_t deadline_ns)
{
    static const uint32_t nobody_wakes;

    while (!ml_trylock(lock)) {
        uint64_t now = ml_os_monotonic_ns();
        if (now >= deadline_ns)
            return false;
        ml_os_futex_wait(&nobody_wakes, 0, now + PATIENCE_STEP_NS);
    }
    return true;
}

void ml_log_at_exit(void)
{
    if (!is_running_here())
        return;
    struct ml_entry entry = ml_log_enter();
    uint64_t deadline = ml_os_monotonic_ns() + EXIT_PATIENCE_NS;
    if (lock_before(&control, deadline)) {
        if (lock_before(&writing, deadline)) {
            if (is_running_here())
                end_log("exit");
            else
                ml_unlock(&writing);
        }
        ml_unlock(&control);
    }
    ml_log_leave(&entry);
}

/* ---- fork ------------------------------------------------------------- */

/* Of the forking thread, between before and after: guarded by `control`. */
static struct ml_entry forking;
static pid_t forking_pid;

void ml_log_before_fork(void)
{
    struct ml_entry entry = ml_log_enter();

    ml_lock(&control);
    ml_lock(&writing);
    forking = entry;
    forking_pid = ml_os_pid();
}

void ml_log_after_fork_parent(void)
{
    struct ml_entry entry = forking;

    ml_unlock(&writing);
    ml_unlock(&control);
    ml_log_leave(&entry);
}

void ml_log_after_fork_child(void)
{
    struct ml_entry entry = forking;
    bool was_logging = log_state.pid == forking_pid;

    ml_file_reset_counts(&log_state.lines.file);
    if (was_logging)
        leave_parents_log();
    /* The parent's threads that waited for them are not here to be woken. */
    writing.word = 0;
    bool started = was_logging && log_state.children && start_in_child();
    if (!started && (was_logging || family.watching)) {
        /* A parent outside of our pid namespace is 0 for ever. */
        family.parent = log_state.children ? -1 : getppid() == 0 ? 0 : forking_pid;
        family.looked_ns = 0;
        __atomic_store_n(&family.watching, 1, __ATOMIC_RELAXED);
    }
    control.word = 0;
    ml_log_leave(&entry);
}

static void go_on_as_orphan(void)
{
    struct ml_entry entry = ml_log_enter();

    /* Whoever comes second finds the watch over. What is in the log's way now
     * (no descriptor is free, no process) may be gone at the next look. */
    if (ml_trylock(&control)) {
        if (__atomic_load_n(&family.watching, __ATOMIC_RELAXED) != 0 && start_in_child())
            __atomic_store_n(&family.watching, 0, __ATOMIC_RELAXED);
        ml_unlock(&control);
    }
    ml_log_leave(&entry);
}

static ML_COLD void look_for_parent(void)
{
    uint64_t now = ml_os_monotonic_ns();
    uint64_t looked = __atomic_load_n(&family.looked_ns, __ATOMIC_RELAXED);

    if (looked != 0 && now - looked < ORPHAN_POLL_NS)
        return;
    __atomic_store_n(&family.looked_ns, now, __ATOMIC_RELAXED);
    if (getppid() != family.parent)
        go_on_as_orphan();
}

void ml_log_poll_orphan(void)
{
    if (ml_unlikely(__atomic_load_n(&family.watching, __ATOMIC_RELAXED) != 0))
        look_for_parent();
}
