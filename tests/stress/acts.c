/* SPDX-License-Identifier: MIT */
/* acts.c - what takes a moment of its own: pointers that stand only in a
 * register or on the stack, threads whose argument and result are objects,
 * forked children, forced collections. */
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

enum { CHILD_SECONDS = 100, CHILD_STEPS = 100 };

/* ---- stack -------------------------------------------------------------------------- */

static __attribute__((noinline)) const void *new_behind(size_t offset, size_t size, uint64_t seed,
                                                        uint64_t *random)
{
    char *object = take(size, one_in(random, 2) ? NOSCAN : SCANNED, random);
    if (object == NULL)
        return NULL;
    fill(object, size, seed);
    return object + offset;
}

/* An object that only a stack word refers to: at its beginning, somewhere inside
 * or just past its end. */
static void hold_on_stack(uint64_t *random)
{
    size_t size = 16 * (1 + random_below(random, one_in(random, 8) ? 3000 : 40));
    size_t offset = one_in(random, 3) ? 0 : one_in(random, 2) ? size : random_below(random, size);
    uint64_t seed = random_next(random);
    const void *volatile held = new_behind(offset, size, seed, random);
    if (held == NULL)
        return;
    litter(random, 100);
    if (one_in(random, 20))
        memlog_gc();
    check_filled((const char *)held - offset, size, seed, "an object that the stack refers to");
}

/* Past the end of an object from within another. */
static void hold_behind_in_object(uint64_t *random)
{
    size_t size = settings.pad_all ? 16 : 272;
    size += 16 * random_below(random, 100);
    uint64_t seed = random_next(random);
    const void **volatile holder = take(sizeof(void *), SCANNED, random);
    if (holder == NULL)
        return;
    *holder = new_behind(size, size, seed, random);
    if (*holder == NULL)
        return;
    litter(random, 100);
    check_filled((const char *)*holder - size, size, seed,
                 "an object whose end another refers to");
}

/* ---- registers ------------------------------------------------------------------------ */

/* Overwrite what calls have left below. */
static __attribute__((noinline)) void clear_stack(void)
{
    volatile char waste[8192];
    for (size_t i = 0; i < sizeof(waste); i++)
        waste[i] = 0;
}

/* The address goes from the slot into one register, where it stands while the
 * thread runs and while it is in sched_yield, and back. */
static __attribute__((noinline)) void hold_in_register(const void *volatile *slot, unsigned rounds)
{
    __asm__ volatile("mov (%0), %%r12\n\t"
                     "movq $0, (%0)\n\t"
                     "mov %1, %%r13d\n"
                     "1:\n\t"
                     "mov $24, %%eax\n\t" /* sched_yield */
                     "syscall\n\t"
                     "mov $2000, %%ecx\n"
                     "2:\n\t"
                     "pause\n\t"
                     "dec %%ecx\n\t"
                     "jnz 2b\n\t"
                     "dec %%r13d\n\t"
                     "jnz 1b\n\t"
                     "mov %%r12, (%0)\n\t"
                     "xor %%r12d, %%r12d\n\t"
                     :
                     : "r"(slot), "r"(rounds)
                     : "rax", "rcx", "r11", "r12", "r13", "cc", "memory");
}

static void hold_in_registers(uint64_t *random)
{
    size_t size = 16 + random_below(random, 500);
    uint64_t seed = random_next(random);
    const void *volatile held = new_behind(0, size, seed, random);
    if (held == NULL)
        return;
    clear_stack();
    hold_in_register(&held, 20);
    check_filled((const void *)held, size, seed, "an object that a register refers to");
}

/* ---- threads ---------------------------------------------------------------------------- */

struct errand {
    uint64_t seed, result_seed;
    size_t size;
    uint64_t taken; /* the thread runs */
    char bytes[];
};

/* AddressSanitizer stands in front of pthread_create too, and nearer to the
 * program than a shared library: memlog gets a block of its own for an argument,
 * and the program's lies where no collector looks until the thread runs. And in
 * a forked child it takes the stacks of memlog's threads, which are gone, for
 * stacks still when their addresses are used for something else. */
#ifdef __SANITIZE_ADDRESS__
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

/* The argument is an object that nothing else refers to; the result too. */
static void *run_errand(void *argument)
{
    struct errand *errand = argument;
    uint64_t random = errand->seed;
    __atomic_store_n(&errand->taken, 1, __ATOMIC_RELEASE);
    doing = "running an errand";
    litter(&random, 50);
    check_filled(errand->bytes, errand->size, errand->seed, "a thread's argument");
    struct errand *result = take(sizeof(*result) + errand->size, SCANNED, &random);
    if (result != NULL) {
        result->seed = errand->result_seed;
        result->size = errand->size;
        fill(result->bytes, result->size, result->seed);
    }
    __atomic_fetch_sub(&sums.errands, 1, __ATOMIC_RELEASE);
    return result;
}

static __attribute__((noinline)) bool start_errand(pthread_t *thread, uint64_t seed, uint64_t *random)
{
    size_t size = random_below(random, 400);
    struct errand *errand = take(sizeof(*errand) + size, SCANNED, random);
    if (errand == NULL)
        return false;
    *errand = (struct errand){ seed, ~seed, size, 0 };
    fill(errand->bytes, size, seed);
    add(&sums.errands, 1);
    int error = pthread_create(thread, NULL, run_errand, errand);
    if (error == 0) {
        add(&sums.threads, 1);
        while (SANITIZED && !__atomic_load_n(&errand->taken, __ATOMIC_ACQUIRE))
            sched_yield();
        return true;
    }
    if (!settings.limited)
        failed("no thread, error %d", error);
    __atomic_fetch_sub(&sums.errands, 1, __ATOMIC_RELEASE);
    return false;
}

static void send_on_errand(uint64_t *random)
{
    pthread_t thread;
    void *result = NULL;
    uint64_t seed = random_next(random) >> 1;
    if (!start_errand(&thread, seed, random))
        return;
    if (one_in(random, 4)) {
        pthread_detach(thread);
        return;
    }
    litter(random, 50); /* the thread may be over, and its result waiting */
    pthread_join(thread, &result);
    const struct errand *errand = result;
    if (errand != NULL)
        check_filled(errand->bytes, errand->size, ~seed, "a thread's result");
}

/* ---- forks -------------------------------------------------------------------------------- */

static void live_in_child(struct place *place, uint64_t *random)
{
    doing = "living in a forked child";
    alarm(CHILD_SECONDS); /* what hangs is ended */
    for (int i = 0; i < ROOMS; i++)
        check_room(&place_rooms(place)[i]);
    work(place, random, CHILD_STEPS, true);
    memlog_gc();
    for (int i = 0; i < ROOMS; i++)
        check_room(&place_rooms(place)[i]);
    _exit(0);
}

static void have_a_child(struct place *place, uint64_t *random)
{
    static __thread bool is_child;
    int status = 0;
    if (is_child || SANITIZED)
        return;
    pthread_mutex_lock(&loading);
    pid_t child = fork();
    pthread_mutex_unlock(&loading);
    if (child == 0) {
        is_child = true;
        live_in_child(place, random);
    }
    if (child < 0) {
        if (!settings.limited)
            failed("no child");
        return;
    }
    add(&sums.forks, 1);
    doing = "waiting for a child";
    while (waitpid(child, &status, 0) != child) {
    }
    if (status != 0)
        failed("a forked child has ended with status %#x", (unsigned)status);
}

/* ---- one of them ------------------------------------------------------------------------------ */

void act(struct place *place, uint64_t *random)
{
    uint64_t choice = random_below(random, 1000);
    if (choice < 200)
        watch(random);
    else if (choice < 400)
        hold_on_stack(random);
    else if (choice < 700)
        hold_behind_in_object(random);
    else if (choice < 800)
        hold_in_registers(random);
    else if (choice < 900)
        send_on_errand(random);
    else if (choice < 910)
        memlog_free_os_memory();
    else if (choice < 930)
        memlog_gc();
    else if (choice < 940)
        have_a_child(place, random);
    else if (choice < 960)
        clear_stack();
    else
        sched_yield();
}
