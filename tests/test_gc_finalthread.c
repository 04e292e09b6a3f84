/* SPDX-License-Identifier: MIT */
/* test_gc_finalthread.c - the thread that runs finalizers: when it starts, what
 * it may do, and what becomes of it in a forked child. */
#include "gc/finalthread.h"

#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "finalizers.h"
#include "gc/collect.h"
#include "gc/mutator.h"
#include "gc/stopworld.h"
#include "os/thread.h"
#include "unit.h"

/* ---- starting --------------------------------------------------------------------- */

static unsigned refused; /* times a start is still to fail */
static unsigned starts;

int __real_ml_os_thread_start_for_program(struct ml_os_thread *thread, const char *name,
                                          void (*run)(void *), void *argument);
int __wrap_ml_os_thread_start_for_program(struct ml_os_thread *thread, const char *name,
                                          void (*run)(void *), void *argument);
int __wrap_ml_os_thread_start_for_program(struct ml_os_thread *thread, const char *name,
                                          void (*run)(void *), void *argument)
{
    starts++;
    if (refused != 0) {
        refused--;
        return -EAGAIN;
    }
    return __real_ml_os_thread_start_for_program(thread, name, run, argument);
}

static bool is_named(const char *tid)
{
    char path[300], name[32] = "";
    snprintf(path, sizeof(path), "/proc/self/task/%s/comm", tid);
    FILE *file = fopen(path, "r");
    bool named = file != NULL && fgets(name, sizeof(name), file) != NULL &&
                 strcmp(name, "memlog-final\n") == 0;
    if (file != NULL)
        fclose(file);
    return named;
}

static unsigned count_threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    ck_assert_ptr_nonnull(tasks);
    for (struct dirent *task; (task = readdir(tasks)) != NULL;)
        count += task->d_name[0] != '.' && is_named(task->d_name);
    closedir(tasks);
    return count;
}

START_TEST(it_starts_when_the_first_one_is_due)
{
    static hidden_t hidden[OBJECTS];
    static struct item *volatile item;
    item = new_item(0, sizeof(*item), ML_SCAN);
    collect();
    ck_assert_uint_eq(starts, 0);
    ck_assert_uint_eq(count_threads(), 0);
    make_finalized(hidden, OBJECTS, 48, ML_SCAN);
    wait_for_runs(OBJECTS - SPARED);
    wait_for_runs(OBJECTS - SPARED);
    ck_assert_uint_eq(count_threads(), 1);
    ck_assert_uint_eq(starts, 1);
}
END_TEST

static unsigned count_blocks(void)
{
    unsigned count = 0;
    for (const struct ml_thread *block = ml_thread_list; block != NULL; block = block->next)
        count++;
    return count;
}

START_TEST(what_is_due_waits_until_it_can_be_started)
{
    static hidden_t hidden[OBJECTS];
    enum { TIMES = 3 };
    refused = TIMES;
    make_finalized(hidden, OBJECTS, 48, ML_SCAN);
    unsigned blocks = 0;
    for (unsigned i = 1; i <= TIMES; i++) {
        collect();
        ck_assert_uint_eq(starts, i);
        ck_assert(i == 1 || count_blocks() == blocks); /* nothing is left of the attempt */
        blocks = count_blocks();
    }
    ck_assert_uint_ge(finalizers().queued, OBJECTS - SPARED);
    ck_assert_uint_eq(finalizers().run, 0);
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert(is_alive(hidden[i]));
    wait_for_runs(OBJECTS - SPARED);
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_uint_eq(runs[i].wrong, 0);
}
END_TEST

/* ---- what it is ---------------------------------------------------------------------- */

static sigset_t mask_there;
static bool is_mutator, has_large_stack;

static __attribute__((noinline)) bool use_stack(size_t bytes)
{
    volatile char *frame = __builtin_alloca(bytes);
    for (size_t i = 0; i < bytes; i += 4096)
        frame[i] = 1;
    return frame[0] == 1;
}

static void look_around(void *object, void *data)
{
    pthread_sigmask(SIG_BLOCK, NULL, &mask_there);
    is_mutator = ml_mutator_self != NULL;
    has_large_stack = use_stack(1 << 20);
    note_run(object, data);
}

static __attribute__((noinline)) void make_with(ml_finalizer *finalizer, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(memlog_set_finalizer(memlog_malloc(48), finalizer, (void *)(uintptr_t)i), 0);
}

START_TEST(it_is_a_thread_of_the_programs_with_all_signals_blocked)
{
    make_with(look_around, OBJECTS);
    wait_for_runs(1);
    wait_for_none_queued();
    ck_assert(is_mutator);
    ck_assert(has_large_stack);
    for (int signal = 1; signal < SIGRTMAX; signal++)
        if (signal != SIGKILL && signal != SIGSTOP && (signal < 32 || signal >= SIGRTMIN))
            ck_assert_int_eq(sigismember(&mask_there, signal), signal != ml_stopworld_signal());
}
END_TEST

/* ---- what it may do --------------------------------------------------------------------- */

static sem_t entered, go_on;

static void wait_for_leave(void *object, void *data)
{
    sem_post(&entered);
    while (sem_wait(&go_on) != 0) {
    }
    (void)data;
    note_run(object, (void *)(uintptr_t)NOBODYS);
}

/* One is running now, and does not return; returns how many are due. */
static uint64_t block_thread(void)
{
    sem_init(&entered, 0, 0);
    sem_init(&go_on, 0, 0);
    make_with(wait_for_leave, SPARED + 1);
    collect();
    while (sem_wait(&entered) != 0) {
    }
    return finalizers().queued;
}

START_TEST(one_that_does_not_return_holds_up_others_and_no_collection)
{
    static hidden_t hidden[OBJECTS], garbage[OBJECTS];
    uint64_t blocked = block_thread();
    make_finalized(hidden, OBJECTS, 48, ML_SCAN);
    for (int i = 0; i < 5; i++) {
        make_garbage(garbage, OBJECTS, 300, ML_SCAN);
        collect();
        assert_nearly_all_gone(garbage, OBJECTS);
    }
    ck_assert_uint_eq(finalizers().run, 0);
    ck_assert_uint_ge(finalizers().queued, blocked + OBJECTS - SPARED);
    assert_all_alive(hidden, OBJECTS);
    for (int i = 0; i <= SPARED; i++)
        sem_post(&go_on);
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
}
END_TEST

static void allocate_and_collect(void *object, void *data)
{
    hidden_t *kept = data;
    for (int i = 0; i < 1000; i++)
        memlog_keep_alive(memlog_malloc(1000));
    memlog_gc();
    *kept = hide(object);
    note_run(object, NULL);
}

START_TEST(one_may_allocate_and_collect)
{
    static hidden_t hidden[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_int_eq(memlog_set_finalizer(memlog_malloc(48), allocate_and_collect, &hidden[i]), 0);
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
    for (int i = 0; i < 3; i++)
        collect();
    unsigned alive = 0;
    for (unsigned i = 0; i < OBJECTS; i++)
        alive += hidden[i] != 0 && is_alive(hidden[i]);
    ck_assert_uint_le(alive, SPARED);
    assert_whole();
}
END_TEST

/* What lies in a sleeping thread's registers would keep objects alive for ever. */
static hidden_t in_registers[4];

static void leave_in_vector_registers(void *object, void *data)
{
    static struct { void *words[4]; } from;
    (void)object, (void)data;
    for (int i = 0; i < 4; i++) {
        from.words[i] = memlog_malloc(300);
        in_registers[i] = hide(from.words[i]);
    }
    __asm__ volatile("movups (%0), %%xmm6\n\tmovups 16(%0), %%xmm15" : : "r"(&from) : "xmm6", "xmm15");
    memset(&from, 0, sizeof(from));
}

START_TEST(no_registers_keep_anything_alive_while_it_sleeps)
{
    make_with(leave_in_vector_registers, 1);
    for (int ms = 0; ms < PATIENCE_MS && finalizers().run == 0; ms++) {
        collect();
        usleep(1000);
    }
    usleep(1000);
    for (int i = 0; i < 3; i++)
        collect();
    ck_assert_uint_eq(finalizers().run, 1);
    ck_assert_uint_eq(count_alive(in_registers, 4), 0);
}
END_TEST

/* ---- fork --------------------------------------------------------------------------------- */

/* Until so many have run, or in vain. In a child: no assertions. */
static bool come_to_run(uint64_t at_least)
{
    for (int ms = 0; ms < PATIENCE_MS && finalizers().run < at_least; ms += 5) {
        collect();
        usleep(5000);
    }
    return finalizers().run >= at_least;
}

static void wait_for_child(pid_t child)
{
    int status;
    ck_assert_int_gt(child, 0);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "killed by %d", WTERMSIG(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}

/* With one running, some queued and some registered. */
static int finalize_in_child(uint64_t queued)
{
    if (finalizers().queued != queued - 1 || finalizers().run != 0)
        return 1; /* the running one is not run again */
    for (int i = 0; i <= SPARED; i++)
        sem_post(&go_on);
    if (!come_to_run(2 * OBJECTS - 2 * SPARED))
        return 2;
    for (unsigned i = 0; i < OBJECTS; i++)
        if (runs[i].count > 2) /* once for what was queued, and once for what was registered */
            return 3;
    if (count_threads() != 1)
        return 4;
    return ml_heap_audit() == NULL ? 0 : 5;
}

START_TEST(a_forked_child_runs_what_was_due_and_what_was_registered)
{
    static hidden_t hidden[OBJECTS];
    static struct item *volatile items[OBJECTS];
    block_thread();
    make_finalized(hidden, OBJECTS, sizeof(struct item), ML_SCAN);
    collect();
    uint64_t queued = finalizers().queued;
    for (unsigned i = 0; i < OBJECTS; i++) {
        runs[i].object = 0;
        items[i] = memlog_malloc(48);
        ck_assert_int_eq(memlog_set_finalizer(items[i], note_run, (void *)(uintptr_t)i), 0);
    }
    pid_t child = fork();
    if (child == 0) {
        for (unsigned i = 0; i < OBJECTS; i++)
            items[i] = NULL;
        _exit(finalize_in_child(queued));
    }
    wait_for_child(child);
    /* The parent has its own, undisturbed. */
    ck_assert_uint_eq(finalizers().queued, queued);
    for (int i = 0; i <= SPARED; i++)
        sem_post(&go_on);
    wait_for_runs(OBJECTS - SPARED);
    memlog_keep_alive((const void *)items);
}
END_TEST

/* The child's only thread is a copy of the one that runs finalizers. */
static uint32_t children_well;

static void fork_there(void *object, void *data)
{
    pid_t child = fork();
    if (child == 0) {
        bool well = finalizers().queued >= 1;
        for (int i = 0; i < 10; i++) {
            memlog_keep_alive(memlog_malloc(100));
            memlog_gc();
        }
        _exit(well && ml_heap_audit() == NULL && starts == 1 ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    __atomic_fetch_add(&children_well, status == 0, __ATOMIC_RELAXED);
    note_run(object, data);
}

START_TEST(a_finalizer_may_fork)
{
    make_with(fork_there, SPARED + 2);
    wait_for_runs(2);
    wait_for_none_queued();
    ck_assert_uint_eq(children_well, finalizers().run);
}
END_TEST

/* At any moment: while it starts, runs and sleeps, with locks held. AddressSanitizer's own locks are held
 * too at some of these moments, and in the child no thread of it starts any more: one run in twelve. */
#if !defined(__SANITIZE_ADDRESS__)
START_TEST(children_forked_at_any_moment_finalize)
{
    for (unsigned i = 0; i < 40; i++) {
        static hidden_t hidden[OBJECTS];
        make_with(note_run, OBJECTS);
        collect();
        pid_t child = fork();
        if (child == 0) {
            uint64_t before = finalizers().run;
            make_finalized(hidden, OBJECTS, 48, ML_SCAN);
            _exit(come_to_run(before + OBJECTS - SPARED) ? 0 : 1);
        }
        usleep(i * 13 % 100);
        wait_for_child(child);
    }
}
END_TEST
#endif

UNIT_MAIN("gc finalthread", it_starts_when_the_first_one_is_due,
          what_is_due_waits_until_it_can_be_started,
          it_is_a_thread_of_the_programs_with_all_signals_blocked,
          one_that_does_not_return_holds_up_others_and_no_collection, one_may_allocate_and_collect,
          no_registers_keep_anything_alive_while_it_sleeps,
          a_forked_child_runs_what_was_due_and_what_was_registered,
#if !defined(__SANITIZE_ADDRESS__)
          children_forked_at_any_moment_finalize,
#endif
          a_finalizer_may_fork)
