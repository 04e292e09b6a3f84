/* SPDX-License-Identifier: MIT */
/* test_gc_mutator.c - other threads' stacks, registers and thread-local blocks
 * are roots, whatever the thread is doing, until it ends by whatever door. */
#include "gc/mutator.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gc_objects.h"
#include "heap/metadata.h"
#include "os/process.h"
#include "os/thread.h"
#include "unit.h"

enum { BYTES = 48 };

static unsigned count_mutators(void)
{
    unsigned count = 0;
    ml_lock(&ml_mutators_lock);
    for (struct ml_mutator *mutator = ml_mutators; mutator != NULL; mutator = mutator->next)
        count++;
    ml_unlock(&ml_mutators_lock);
    return count;
}

static void wait_until_gone(pid_t tid)
{
    while (ml_os_signal_thread(ml_os_pid(), tid, 0) == 0)
        usleep(1000);
}

/* ---- what a thread holds, in each state -------------------------------------------- */

static __thread void *volatile in_tls[OBJECTS];

struct holder {
    pthread_t thread;
    void (*wait)(struct holder *);
    void **(*other_slots)(void);
    hidden_t on_stack[OBJECTS], in_block[OBJECTS];
    sem_t ready;
    uint32_t released;
    int pipe[2];
};

static bool is_released(struct holder *holder)
{
    return __atomic_load_n(&holder->released, __ATOMIC_ACQUIRE) != 0;
}

static void compute(struct holder *holder)
{
    while (!is_released(holder)) {
    }
}

static void sleep_in_read(struct holder *holder)
{
    char byte;
    while (read(holder->pipe[0], &byte, 1) != 1) {
    }
}

static void sleep_in_nanosleep(struct holder *holder)
{
    while (!is_released(holder))
        nanosleep(&(struct timespec){ .tv_nsec = 500 * 1000 * 1000 }, NULL);
}

static void sleep_on_futex(struct holder *holder)
{
    while (!is_released(holder))
        syscall(SYS_futex, &holder->released, FUTEX_WAIT_PRIVATE, 0, NULL);
}

static void allocate(struct holder *holder)
{
    while (!is_released(holder))
        memlog_keep_alive(memlog_malloc(64));
}

static void *hold(void *argument)
{
    struct holder *holder = argument;
    void *volatile slots[OBJECTS];
    fill(slots, holder->on_stack, OBJECTS, BYTES, ML_SCAN);
    fill(holder->other_slots == NULL ? in_tls : holder->other_slots(), holder->in_block, OBJECTS, BYTES,
         ML_SCAN);
    clear_stack();
    sem_post(&holder->ready);
    holder->wait(holder);
    return NULL;
}

static void start_holder(struct holder *holder)
{
    ck_assert_int_eq(pipe(holder->pipe), 0);
    sem_init(&holder->ready, 0, 0);
    ck_assert_int_eq(pthread_create(&holder->thread, NULL, hold, holder), 0);
    while (sem_wait(&holder->ready) != 0) {
    }
    usleep(10 * 1000); /* so that it is asleep, most likely */
}

static void release_holder(struct holder *holder)
{
    __atomic_store_n(&holder->released, 1, __ATOMIC_RELEASE);
    syscall(SYS_futex, &holder->released, FUTEX_WAKE_PRIVATE, 1);
    ck_assert_int_eq(write(holder->pipe[1], "x", 1), 1);
    pthread_join(holder->thread, NULL);
}

static void holds_while(void (*wait)(struct holder *), void **(*other_slots)(void))
{
    static struct holder holder;
    holder = (struct holder){ .wait = wait, .other_slots = other_slots };
    start_holder(&holder);
    for (int round = 0; round < 3; round++) {
        collect();
        assert_all_alive(holder.on_stack, OBJECTS);
        assert_all_alive(holder.in_block, OBJECTS);
    }
    /* The C library puts static thread-local blocks on the thread's stack. */
    collect_without(ML_ROOT_STACKS);
    assert_nearly_all_gone(holder.on_stack, OBJECTS);
    assert_all_alive(holder.in_block, OBJECTS);
    collect_without(ML_ROOT_STACKS | ML_ROOT_TLS);
    assert_nearly_all_gone(holder.in_block, OBJECTS);
    release_holder(&holder);
    assert_whole();
}

START_TEST(a_thread_that_computes) { holds_while(compute, NULL); }
END_TEST
START_TEST(a_thread_asleep_in_read) { holds_while(sleep_in_read, NULL); }
END_TEST
START_TEST(a_thread_asleep_in_nanosleep) { holds_while(sleep_in_nanosleep, NULL); }
END_TEST
START_TEST(a_thread_asleep_on_a_futex) { holds_while(sleep_on_futex, NULL); }
END_TEST

START_TEST(a_threads_block_of_a_loaded_library)
{
    void *library = dlopen(LIBRARIES "/library_roots.so", RTLD_NOW);
    ck_assert_msg(library != NULL, "%s", dlerror());
    holds_while(sleep_on_futex, (void **(*)(void))dlsym(library, "library_tls"));
}
END_TEST

START_TEST(a_thread_that_allocates)
{
    static struct holder holder = { .wait = allocate };
    start_holder(&holder);
    for (int round = 0; round < 20; round++) {
        collect();
        assert_all_alive(holder.on_stack, OBJECTS);
        assert_all_alive(holder.in_block, OBJECTS);
    }
    release_holder(&holder);
    /* The first may end a cycle that the thread began: what it has marked there, addresses next to each
     * other, this thread has on its own stack when the next cycle looks at that. */
    collect();
    collect();
    assert_nearly_all_gone(holder.on_stack, OBJECTS);
    assert_nearly_all_gone(holder.in_block, OBJECTS);
    assert_whole();
}
END_TEST

/* ---- registers of another thread ------------------------------------------------------ */

enum { REGISTERS = 9 };

static hidden_t in_registers[REGISTERS];
static uint32_t spinning, stop_spinning;

/* The addresses stand in registers only, one of them in a vector register. */
static void *spin_with_registers(void *unused)
{
    (void)unused;
    make_garbage(in_registers, REGISTERS, BYTES, ML_SCAN);
    clear_stack();
    __asm__ volatile("lea %[hidden], %%rax\n\t"
                     "mov 0(%%rax), %%rcx\n\tnot %%rcx\n\tmovq %%rcx, %%xmm9\n\t"
                     "mov 8(%%rax), %%rcx\n\tnot %%rcx\n\t"
                     "mov 16(%%rax), %%rdx\n\tnot %%rdx\n\t"
                     "mov 24(%%rax), %%rsi\n\tnot %%rsi\n\t"
                     "mov 32(%%rax), %%rdi\n\tnot %%rdi\n\t"
                     "mov 40(%%rax), %%r8\n\tnot %%r8\n\t"
                     "mov 48(%%rax), %%r11\n\tnot %%r11\n\t"
                     "mov 56(%%rax), %%r12\n\tnot %%r12\n\t"
                     "mov 64(%%rax), %%r15\n\tnot %%r15\n\t"
                     "movl $1, %[spinning]\n"
                     "1:\tpause\n\t"
                     "cmpl $0, %[stop]\n\t"
                     "je 1b"
                     : [spinning] "+m"(spinning)
                     : [hidden] "m"(in_registers), [stop] "m"(stop_spinning)
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r11", "r12", "r15", "xmm9", "cc",
                       "memory");
    return NULL;
}

START_TEST(registers_of_a_running_thread)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, spin_with_registers, NULL), 0);
    while (!__atomic_load_n(&spinning, __ATOMIC_ACQUIRE))
        usleep(1000);
    collect();
    collect();
    assert_all_alive(in_registers, REGISTERS);
    collect_without(ML_ROOT_STACKS);
    ck_assert_uint_le(count_alive(in_registers, REGISTERS), 2);
    __atomic_store_n(&stop_spinning, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- coming and going ------------------------------------------------------------------ */

static void *nothing(void *argument) { return argument; }

START_TEST(a_thread_is_known_before_it_runs_and_forgotten_when_it_ends)
{
    ck_assert_uint_eq(count_mutators(), 1);
    for (int i = 0; i < 200; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, nothing, NULL), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    ck_assert_uint_eq(count_mutators(), 1);
    assert_whole();
}
END_TEST

static void *see_myself(void *unused)
{
    (void)unused;
    struct ml_mutator *self = ml_mutator_self;
    ck_assert_ptr_nonnull(self);
    ck_assert_int_eq(memlog_register_thread(), 0); /* twice is harmless */
    ck_assert_ptr_eq(ml_mutator_self, self);
    ck_assert_int_eq(memlog_unregister_thread(), 0);
    ck_assert_ptr_null(ml_mutator_self);
    ck_assert_int_eq(memlog_unregister_thread(), 0);
    ck_assert_ptr_nonnull(memlog_malloc(1)); /* and registers again */
    ck_assert_ptr_nonnull(ml_mutator_self);
    return NULL;
}

START_TEST(registering_and_unregistering_by_hand)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, see_myself, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(count_mutators(), 1);
    assert_whole();
}
END_TEST

/* A destructor that allocates, in the last round too: its thread comes back
 * after it had taken its leave. */
static pthread_key_t allocating_key;
static unsigned destructor_runs;

static void allocate_in_destructor(void *argument)
{
    struct { void *inner; } *outer = memlog_malloc(sizeof(*outer));
    outer->inner = memlog_malloc(200);
    memlog_gc();
    memset(outer->inner, 1, 200);
    memlog_free(outer->inner);
    __atomic_fetch_add(&destructor_runs, 1, __ATOMIC_RELAXED);
    pthread_setspecific(allocating_key, argument);
}

static void *set_key(void *tid)
{
    *(pid_t *)tid = ml_os_tid();
    pthread_setspecific(allocating_key, tid);
    return NULL;
}

START_TEST(destructors_that_allocate)
{
    pthread_key_create(&allocating_key, allocate_in_destructor);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        pid_t tid;
        ck_assert_int_eq(pthread_create(&thread, NULL, set_key, &tid), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    ck_assert_uint_eq(destructor_runs, 20 * PTHREAD_DESTRUCTOR_ITERATIONS);
    memlog_gc(); /* those who came back once more are noticed to be gone */
    memlog_gc();
    ck_assert_uint_eq(count_mutators(), 1);
    assert_whole();
}
END_TEST

/* A destructor has its argument, and may use it, until the last round. */
static sem_t in_destructor, collected;
static bool argument_lived;

static void use_argument(void *argument)
{
    hidden_t hidden = hide(argument);
    clear_stack();
    sem_post(&in_destructor);
    while (sem_wait(&collected) != 0) {
    }
    argument_lived = is_alive(hidden);
    memlog_keep_alive(argument);
}

static void *leave_with_value(void *key)
{
    pthread_setspecific(*(pthread_key_t *)key, memlog_malloc(100));
    return NULL;
}

START_TEST(in_its_destructors_a_thread_is_known)
{
    pthread_t thread;
    pthread_key_t key;
    sem_init(&in_destructor, 0, 0);
    sem_init(&collected, 0, 0);
    pthread_key_create(&key, use_argument);
    ck_assert_int_eq(pthread_create(&thread, NULL, leave_with_value, &key), 0);
    while (sem_wait(&in_destructor) != 0) {
    }
    collect();
    collect();
    sem_post(&collected);
    pthread_join(thread, NULL);
    ck_assert(argument_lived);
}
END_TEST

/* What C++ calls for a thread_local object with a destructor. */
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;

static void *allocate_at_thread_exit(void *tid)
{
    *(pid_t *)tid = ml_os_tid();
    __cxa_thread_atexit_impl(allocate_in_destructor, tid, &__dso_handle);
    return NULL;
}

START_TEST(thread_local_destructors_that_allocate)
{
    pthread_key_create(&allocating_key, NULL);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        pid_t tid;
        ck_assert_int_eq(pthread_create(&thread, NULL, allocate_at_thread_exit, &tid), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    ck_assert_uint_eq(destructor_runs, 20);
    ck_assert_uint_eq(count_mutators(), 1);
    assert_whole();
}
END_TEST

/* A thread that ends by the bare system call says goodbye to nobody. */
static void *end_without_a_word(void *tid)
{
    void *volatile object = memlog_malloc(100);
    (void)object;
    __atomic_store_n((pid_t *)tid, ml_os_tid(), __ATOMIC_RELEASE);
    syscall(SYS_exit, 0);
    return NULL;
}

START_TEST(a_thread_that_ends_without_a_word_is_noticed)
{
    pthread_t thread;
    pid_t tid = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, end_without_a_word, &tid), 0);
    while (__atomic_load_n(&tid, __ATOMIC_ACQUIRE) == 0)
        usleep(1000);
    wait_until_gone(tid);
    ck_assert_uint_eq(count_mutators(), 2);
    collect();
    ck_assert_uint_eq(count_mutators(), 1);
    assert_whole();
}
END_TEST

/* It may also end while its answer is waited for. */
static void *end_without_an_answer(void *tid)
{
    uint64_t all = ~(uint64_t)0;
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof(all));
    __atomic_store_n((pid_t *)tid, ml_os_tid(), __ATOMIC_RELEASE);
    usleep(200 * 1000);
    syscall(SYS_exit, 0);
    return NULL;
}

START_TEST(a_thread_that_ends_while_it_is_waited_for)
{
    struct memlog_memstats stats;
    pthread_t thread;
    pid_t tid = 0;
    ck_assert_int_eq(pthread_create(&thread, NULL, end_without_an_answer, &tid), 0);
    while (__atomic_load_n(&tid, __ATOMIC_ACQUIRE) == 0)
        usleep(1000);
    memlog_gc();
    memlog_read_memstats(&stats);
    ck_assert_uint_eq(stats.num_gc, 1);
    ck_assert_uint_eq(count_mutators(), 1);
    assert_whole();
}
END_TEST

/* Its number may be given to the next thread, which must not answer for it. */
START_TEST(a_later_thread_with_the_number_of_a_vanished_one_takes_its_place)
{
    struct ml_mutator *ghost = ml_metadata_alloc(ML_POOL_GC, sizeof(*ghost));
    ck_assert_int_eq(ml_mutator_register(), 0);
    ml_mutator_unregister();
    ghost->tid = ml_os_tid();
    ck_assert_int_eq(ml_thread_attach(true), 0);
    ghost->thread = ml_thread_self;
    ml_thread_self = &ml_thread_none;
    ghost->next = ml_mutators;
    ml_mutators = ghost;
    ck_assert_int_eq(memlog_register_thread(), 0);
    ck_assert_uint_eq(count_mutators(), 1);
    ck_assert_ptr_eq(ml_mutators, ml_mutator_self);
    collect();
    assert_whole();
}
END_TEST

static void *exit_main(void *main_thread)
{
    pthread_join(*(pthread_t *)main_thread, NULL);
    memlog_gc();
    bool fine = count_mutators() == 1;
    _exit(fine ? 0 : 1);
}

START_TEST(the_first_thread_may_end_before_the_others)
{
    static pthread_t first;
    pthread_t thread;
    first = pthread_self();
    ck_assert_int_eq(pthread_create(&thread, NULL, exit_main, &first), 0);
    pthread_exit(NULL);
}
END_TEST

/* The kernel takes signals for a first thread that has ended so, for as long as
 * there are others. */
static void *outlive_first(void *unused)
{
    struct memlog_memstats stats;
    (void)unused;
    usleep(50 * 1000);
    memlog_gc();
    memlog_read_memstats(&stats);
    _exit(stats.num_gc == 1 && count_mutators() == 1 ? 0 : 1);
}

START_TEST(the_first_thread_may_end_without_a_word)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        memlog_keep_alive(memlog_malloc(100));
        pthread_create(&thread, NULL, outlive_first, NULL);
        syscall(SYS_exit, 0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

UNIT_MAIN("gc mutator", a_thread_that_computes, a_thread_asleep_in_read,
          a_thread_asleep_in_nanosleep, a_thread_asleep_on_a_futex,
          a_threads_block_of_a_loaded_library, a_thread_that_allocates,
          registers_of_a_running_thread,
          a_thread_is_known_before_it_runs_and_forgotten_when_it_ends,
          registering_and_unregistering_by_hand, destructors_that_allocate,
          in_its_destructors_a_thread_is_known, a_thread_that_ends_while_it_is_waited_for,
          thread_local_destructors_that_allocate, a_thread_that_ends_without_a_word_is_noticed,
          a_later_thread_with_the_number_of_a_vanished_one_takes_its_place,
          the_first_thread_may_end_before_the_others, the_first_thread_may_end_without_a_word)
