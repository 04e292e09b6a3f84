/* SPDX-License-Identifier: MIT */
/* test_gc_roots.c - every kind of root keeps its objects alive, and it is that
 * kind that does it. Threads' stacks are in test_gc_mutator.c. */
#include "gc/roots.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "gc_objects.h"
#include "os/thread.h"
#include "unit.h"

enum { BYTES = 48 };

static hidden_t hidden[OBJECTS];

/* ---- data ------------------------------------------------------------------- */

static void *volatile in_data[OBJECTS] = { &hidden };
static void *volatile in_bss[OBJECTS];

START_TEST(static_data_is_a_root)
{
    fill(in_data, hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_SEGMENTS, hidden, OBJECTS);
}
END_TEST

START_TEST(bss_is_a_root)
{
    fill(in_bss, hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_SEGMENTS, hidden, OBJECTS);
}
END_TEST

START_TEST(what_is_no_longer_referred_to_goes)
{
    fill(in_bss, hidden, OBJECTS, BYTES, ML_SCAN);
    collect();
    assert_all_alive(hidden, OBJECTS);
    memset((void *)in_bss, 0, sizeof(in_bss));
    collect();
    assert_nearly_all_gone(hidden, OBJECTS);
    assert_whole();
}
END_TEST

START_TEST(of_many_objects_just_those_held_live)
{
    enum { EVERY = 8, ALL = OBJECTS * EVERY };
    static hidden_t all[ALL], others[ALL];
    unsigned count = 0;
    make_garbage(all, ALL, BYTES, ML_SCAN);
    for (unsigned i = 0; i < ALL; i++)
        if (i % EVERY == 0)
            in_bss[i / EVERY] = reveal(hidden[i / EVERY] = all[i]);
        else
            others[count++] = all[i];
    collect();
    collect();
    assert_all_alive(hidden, OBJECTS);
    ck_assert_uint_le(count_alive(others, count), SPARED);
    assert_whole();
}
END_TEST

typedef void **slots_function(void);

static void **library_slots(const char *function)
{
    void *library = dlopen(LIBRARIES "/library_roots.so", RTLD_NOW);
    ck_assert_msg(library != NULL, "%s", dlerror());
    slots_function *slots = (slots_function *)dlsym(library, function);
    ck_assert_ptr_nonnull(slots);
    return slots();
}

START_TEST(data_of_a_loaded_library_is_a_root)
{
    fill(library_slots("library_data"), hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_SEGMENTS, hidden, OBJECTS);
    fill(library_slots("library_bss"), hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_SEGMENTS, hidden, OBJECTS);
}
END_TEST

START_TEST(an_unloaded_library_keeps_nothing)
{
    void *library = dlopen(LIBRARIES "/library_roots.so", RTLD_NOW);
    ck_assert_ptr_nonnull(library);
    fill(((slots_function *)dlsym(library, "library_bss"))(), hidden, OBJECTS, BYTES, ML_SCAN);
    collect();
    assert_all_alive(hidden, OBJECTS);
    dlclose(library);
    collect();
    assert_nearly_all_gone(hidden, OBJECTS);
}
END_TEST

/* ---- stack and registers ------------------------------------------------------- */

START_TEST(the_stack_is_a_root)
{
    void *volatile slots[OBJECTS];
    fill(slots, hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_STACKS, hidden, OBJECTS);
}
END_TEST

/* Call collector(kinds) with the four objects in registers that a call
 * preserves, and nowhere else. */
static __attribute__((noinline)) void call_with_registers(void (*collector)(unsigned),
                                                          unsigned kinds, const hidden_t *four)
{
    const void *const arguments[] = { (void *)collector, (void *)(uintptr_t)kinds, four };
    const void *const *in = arguments;
    __asm__ volatile("mov %%rsp, %%r15\n\t"
                     "sub $512, %%rsp\n\t"
                     "and $-64, %%rsp\n\t"
                     "mov 16(%%rax), %%rdx\n\t"
                     "mov 0(%%rdx), %%rbx\n\tnot %%rbx\n\t"
                     "mov 8(%%rdx), %%r12\n\tnot %%r12\n\t"
                     "mov 16(%%rdx), %%r13\n\tnot %%r13\n\t"
                     "mov 24(%%rdx), %%r14\n\tnot %%r14\n\t"
                     "mov 8(%%rax), %%rdi\n\t"
                     "call *0(%%rax)\n\t"
                     "xor %%ebx, %%ebx\n\txor %%r12d, %%r12d\n\t"
                     "xor %%r13d, %%r13d\n\txor %%r14d, %%r14d\n\t"
                     "mov %%r15, %%rsp"
                     : "+a"(in)
                     :
                     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
                       "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
                       "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                       "xmm15", "cc", "memory");
}

START_TEST(registers_that_calls_preserve_are_roots)
{
    make_garbage(hidden, 4, BYTES, ML_SCAN);
    call_with_registers(collect_without, 0, hidden);
    call_with_registers(collect_without, 0, hidden);
    assert_all_alive(hidden, 4);
    call_with_registers(collect_without, ML_ROOT_STACKS, hidden);
    ck_assert_uint_le(count_alive(hidden, 4), 1);
}
END_TEST

/* On a signal stack: the thread's own stack is a root all the same. */
static void collect_in_handler(int signal)
{
    (void)signal;
    memlog_gc();
    memlog_gc();
}

static void collect_on_signal_stack(char *stack, size_t bytes)
{
    stack_t alternate = { .ss_sp = stack, .ss_size = bytes };
    struct sigaction action = { .sa_handler = collect_in_handler, .sa_flags = SA_ONSTACK };
    ck_assert_int_eq(sigaltstack(&alternate, NULL), 0);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    void *volatile slots[OBJECTS];
    fill(slots, hidden, OBJECTS, BYTES, ML_SCAN);
    clear_stack();
    raise(SIGUSR1);
    assert_all_alive(hidden, OBJECTS);
}

enum { SIGNAL_STACK = 1 << 18, THREAD_STACK = 1 << 20 };

START_TEST(under_a_handler_on_another_stack_the_first_is_a_root)
{
    collect_on_signal_stack(mmap(NULL, SIGNAL_STACK, PROT_READ | PROT_WRITE,
                                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), SIGNAL_STACK);
}
END_TEST

static void *on_joined_stacks(void *mapping)
{
    collect_on_signal_stack((char *)mapping + THREAD_STACK, SIGNAL_STACK);
    return NULL;
}

/* The kernel makes one mapping of what touches. */
START_TEST(a_signal_stack_right_above_the_threads_own)
{
    pthread_t thread;
    pthread_attr_t attributes;
    char *mapping = mmap(NULL, THREAD_STACK + SIGNAL_STACK, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, mapping, THREAD_STACK);
    ck_assert_int_eq(pthread_create(&thread, &attributes, on_joined_stacks, mapping), 0);
    pthread_join(thread, NULL);
}
END_TEST

/* A thread that is on a stack of the program's own, further up than a page, in a process that goes on
 * without its first thread: what the system says of that is said of nobody. */
static __attribute__((noinline)) void collect_deeper(void)
{
    volatile char below[4 * 4096];
    memlog_gc();
    memlog_gc();
    below[0] = 0;
    __asm__ volatile("" : : "r"(below) : "memory");
}

static void collect_in_coroutine(void)
{
    void *volatile slots[OBJECTS];
    fill(slots, hidden, OBJECTS, BYTES, ML_SCAN);
    clear_stack();
    collect_deeper();
    _exit(count_alive(hidden, OBJECTS) == OBJECTS ? 0 : 1);
}

static void *go_on_in_coroutine(void *unused)
{
    ucontext_t home, coroutine;
    while (!ml_os_thread_has_ended(getpid(), getpid()))
        usleep(1000);
    getcontext(&coroutine);
    coroutine.uc_stack.ss_size = THREAD_STACK;
    coroutine.uc_stack.ss_sp =
        mmap(NULL, THREAD_STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    coroutine.uc_link = &home;
    makecontext(&coroutine, collect_in_coroutine, 0);
    swapcontext(&home, &coroutine);
    return unused;
}

START_TEST(a_coroutines_stack_is_a_root_when_the_first_thread_has_ended)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        pthread_t thread;
        pthread_create(&thread, NULL, go_on_in_coroutine, NULL);
        pthread_exit(NULL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

/* ---- what is part of a word's meaning --------------------------------------------- */

static void shift(void *volatile *slots, ptrdiff_t by)
{
    for (unsigned i = 0; i < OBJECTS; i++)
        slots[i] = (char *)slots[i] + by;
}

START_TEST(addresses_inside_an_object_count)
{
    for (ptrdiff_t by = 1; by < BYTES; by += 7) {
        fill(in_bss, hidden, OBJECTS, BYTES, ML_SCAN);
        shift(in_bss, by);
        collect();
        collect();
        assert_all_alive(hidden, OBJECTS);
    }
    fill(in_bss, hidden, 10, 1 << 20, ML_SCAN);
    for (unsigned i = 0; i < 10; i++)
        in_bss[i] = (char *)in_bss[i] + (1 << 20) - 1;
    collect();
    assert_all_alive(hidden, 10);
}
END_TEST

START_TEST(one_past_the_end_counts_on_the_stack)
{
    static const size_t sizes[] = { 16, 48, 256, 512, 4096, 32768 };
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        void *volatile slots[OBJECTS];
        fill(slots, hidden, OBJECTS, sizes[i], ML_SCAN);
        shift(slots, (ptrdiff_t)sizes[i]);
        collect();
        collect();
        assert_all_alive(hidden, OBJECTS);
    }
}
END_TEST

START_TEST(one_past_the_end_counts_from_anywhere_above_256_bytes)
{
    static const size_t sizes[] = { 257, 272, 288, 512, 4096, 32768, 65536 };
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        fill(in_bss, hidden, OBJECTS, sizes[i], ML_SCAN);
        shift(in_bss, (ptrdiff_t)sizes[i]);
        collect();
        collect();
        assert_all_alive(hidden, OBJECTS);
    }
}
END_TEST

/* Every other one, since one past the end of an object is the next. */
static unsigned alive_by_end_in_data(void)
{
    enum { SPACED = OBJECTS * 2 };
    static hidden_t all[SPACED];
    make_garbage(all, SPACED, BYTES, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++)
        in_bss[i] = (char *)reveal(hidden[i] = all[2 * i]) + BYTES;
    collect();
    collect();
    return count_alive(hidden, OBJECTS);
}

START_TEST(one_past_the_end_of_small_objects_counts_on_request)
{
    ck_assert_uint_le(alive_by_end_in_data(), OBJECTS / 4);
    ml_gc_pad_above = 0;
    ck_assert_uint_eq(alive_by_end_in_data(), OBJECTS);
}
END_TEST

/* ---- thread-local ------------------------------------------------------------------- */

static __thread void *volatile in_tls[OBJECTS];

START_TEST(thread_local_variables_are_roots)
{
    fill(in_tls, hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_TLS, hidden, OBJECTS);
}
END_TEST

START_TEST(thread_local_variables_of_a_loaded_library_are_roots)
{
    fill(library_slots("library_tls"), hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_TLS, hidden, OBJECTS);
}
END_TEST

/* The first 32 keys' values stand in the thread's descriptor, others elsewhere. */
START_TEST(values_of_pthread_keys_are_roots)
{
    void *slot;
    make_garbage(hidden, OBJECTS, BYTES, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++) {
        pthread_key_t key;
        ck_assert_int_eq(pthread_key_create(&key, NULL), 0);
        ck_assert_int_eq(pthread_setspecific(key, slot = reveal(hidden[i])), 0);
    }
    slot = NULL;
    assert_needed(ML_ROOT_TLS, hidden, OBJECTS);
}
END_TEST

/* ---- uncollectable, added ------------------------------------------------------------ */

static void keeps_alive(hidden_t holder)
{
    fill(reveal(holder), hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_UNCOLLECTABLE, hidden, OBJECTS);
    ck_assert(is_alive(holder));
    fill(reveal(holder), hidden, OBJECTS, BYTES, ML_SCAN);
    memlog_free(reveal(holder));
    collect();
    assert_nearly_all_gone(hidden, OBJECTS);
}

static void uncollectable_keeps_alive(size_t bytes)
{
    keeps_alive(hide(memlog_malloc_uncollectable(bytes)));
}

static void *make_holder(void *unused)
{
    (void)unused;
    return (void *)hide(memlog_malloc_uncollectable(OBJECTS * 8));
}

START_TEST(uncollectable_objects_of_another_thread_are_roots)
{
    pthread_t thread;
    void *holder;
    ck_assert_int_eq(pthread_create(&thread, NULL, make_holder, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, &holder), 0);
    keeps_alive((hidden_t)holder);
}
END_TEST

START_TEST(small_uncollectable_objects_are_roots) { uncollectable_keeps_alive(OBJECTS * 8); }
END_TEST

START_TEST(large_uncollectable_objects_are_roots) { uncollectable_keeps_alive(1 << 17); }
END_TEST

START_TEST(added_ranges_are_roots_until_removed)
{
    void **range = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void **end = range + OBJECTS;
    ck_assert_int_eq(memlog_add_roots(end, range), -EINVAL);
    ck_assert_int_eq(memlog_remove_roots(range, end), -ENOENT);
    ck_assert_int_eq(memlog_add_roots(range, end), 0);
    fill(range, hidden, OBJECTS, BYTES, ML_SCAN);
    assert_needed(ML_ROOT_ADDED, hidden, OBJECTS);

    fill(range, hidden, OBJECTS, BYTES, ML_SCAN);
    ck_assert_int_eq(memlog_add_roots(range, end), 0);
    ck_assert_int_eq(memlog_remove_roots(range, end), 0);
    collect();
    assert_all_alive(hidden, OBJECTS);
    ck_assert_int_eq(memlog_remove_roots(range, end), 0);
    collect();
    assert_nearly_all_gone(hidden, OBJECTS);
}
END_TEST

START_TEST(a_thousand_added_ranges)
{
    enum { RANGES = 1000 };
    static hidden_t many[RANGES];
    void **range = mmap(NULL, 2 * RANGES * 8, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    make_garbage(many, RANGES, BYTES, ML_SCAN);
    for (unsigned i = 0; i < RANGES; i++) {
        range[2 * i] = reveal(many[i]);
        ck_assert_int_eq(memlog_add_roots(&range[2 * i], &range[2 * i + 1]), 0);
    }
    collect();
    assert_all_alive(many, RANGES);
    for (unsigned i = 0; i < RANGES; i += 2)
        ck_assert_int_eq(memlog_remove_roots(&range[2 * i], &range[2 * i + 1]), 0);
    collect();
    ck_assert_uint_ge(count_alive(many, RANGES), RANGES / 2);
    ck_assert_uint_le(count_alive(many, RANGES), RANGES / 2 + SPARED);
}
END_TEST

UNIT_MAIN("gc roots", static_data_is_a_root, bss_is_a_root, what_is_no_longer_referred_to_goes,
          of_many_objects_just_those_held_live, data_of_a_loaded_library_is_a_root,
          an_unloaded_library_keeps_nothing, the_stack_is_a_root,
          registers_that_calls_preserve_are_roots,
          under_a_handler_on_another_stack_the_first_is_a_root,
          a_signal_stack_right_above_the_threads_own,
          a_coroutines_stack_is_a_root_when_the_first_thread_has_ended, addresses_inside_an_object_count,
          one_past_the_end_counts_on_the_stack,
          one_past_the_end_counts_from_anywhere_above_256_bytes,
          one_past_the_end_of_small_objects_counts_on_request, thread_local_variables_are_roots,
          thread_local_variables_of_a_loaded_library_are_roots, values_of_pthread_keys_are_roots,
          small_uncollectable_objects_are_roots, uncollectable_objects_of_another_thread_are_roots,
          large_uncollectable_objects_are_roots,
          added_ranges_are_roots_until_removed, a_thousand_added_ranges)
