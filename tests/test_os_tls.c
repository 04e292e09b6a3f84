/* SPDX-License-Identifier: MIT */
/* test_os_tls.c - every thread's thread-local blocks are found, wherever the C
 * library has put them. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "os/pages.h"
#include "os/segments.h"
#include "os/thread.h"
#include "os/tls.h"
#include "os_ranges.h"

/* --- another thread, which does as told and stands still in between ------------- */

struct worker {
    pthread_t thread;
    uint32_t state; /* TOLD while it has something to do */
    void *(*task)(void);
    void *result;
    uintptr_t thread_pointer;
    pid_t tid;
};

enum { IDLE, TOLD, ENDED };

static void *work(void *argument)
{
    struct worker *worker = argument;
    worker->thread_pointer = ml_os_thread_pointer();
    worker->tid = ml_os_tid();
    for (;;) {
        uint32_t state = __atomic_load_n(&worker->state, __ATOMIC_ACQUIRE);
        if (state == ENDED)
            return NULL;
        if (state == TOLD) {
            worker->result = worker->task();
            __atomic_store_n(&worker->state, IDLE, __ATOMIC_RELEASE);
            ml_os_futex_wake(&worker->state, 1);
        } else {
            ml_os_futex_wait(&worker->state, IDLE, 0);
        }
    }
}

static void *tell(struct worker *worker, void *(*task)(void))
{
    worker->task = task;
    __atomic_store_n(&worker->state, TOLD, __ATOMIC_RELEASE);
    ml_os_futex_wake(&worker->state, 1);
    while (__atomic_load_n(&worker->state, __ATOMIC_ACQUIRE) == TOLD)
        ml_os_futex_wait(&worker->state, TOLD, 0);
    return worker->result;
}

static void *do_nothing(void)
{
    return NULL;
}

static void begin_worker(struct worker *worker)
{
    *worker = (struct worker){ .state = IDLE };
    ck_assert_int_eq(pthread_create(&worker->thread, NULL, work, worker), 0);
    tell(worker, do_nothing);
}

static void end_worker(struct worker *worker)
{
    __atomic_store_n(&worker->state, ENDED, __ATOMIC_RELEASE);
    ml_os_futex_wake(&worker->state, 1);
    pthread_join(worker->thread, NULL);
}

static struct ml_os_tls_thread tls_thread;

static void only_that_thread(ml_os_tls_visitor *one, void *argument)
{
    one(&tls_thread, argument);
}

static void walk_tls(void *search)
{
    ml_os_each_tls_block(only_that_thread, look, search);
}

static struct search search_tls(const void *wanted, struct ml_os_tls_thread thread)
{
    struct search search = { .wanted = (uintptr_t)wanted };
    tls_thread = thread;
    ml_os_with_loader_locked(walk_tls, &search);
    ck_assert(!search.misaligned);
    return search;
}

static unsigned times_in_tls(const void *wanted, uintptr_t thread_pointer)
{
    struct search search = search_tls(wanted, (struct ml_os_tls_thread){ thread_pointer, 0, 0 });
    ck_assert_uint_gt(search.ranges, 0);
    return search.times;
}

/* --- thread-local blocks -------------------------------------------------------------------- */

static _Thread_local long initialised_tls = 5;
static _Thread_local long zeroed_tls;

static void *address_of_own_tls(void)
{
    initialised_tls++;
    return &initialised_tls;
}

static void *address_of_own_zeroed_tls(void)
{
    zeroed_tls++;
    return &zeroed_tls;
}

START_TEST(thread_local_blocks_of_the_caller_are_found)
{
    ck_assert_uint_eq(times_in_tls(&initialised_tls, ml_os_thread_pointer()), 1);
    ck_assert_uint_eq(times_in_tls(&zeroed_tls, ml_os_thread_pointer()), 1);
    ck_assert_uint_eq(times_in_tls(&errno, ml_os_thread_pointer()), 1);
}
END_TEST

START_TEST(thread_local_blocks_of_another_thread_are_found)
{
    struct worker worker;
    begin_worker(&worker);
    void *theirs = tell(&worker, address_of_own_tls);
    ck_assert_ptr_ne(theirs, &initialised_tls);
    ck_assert_uint_eq(times_in_tls(theirs, worker.thread_pointer), 1);
    ck_assert_uint_eq(times_in_tls(theirs, ml_os_thread_pointer()), 0);
    theirs = tell(&worker, address_of_own_zeroed_tls);
    ck_assert_uint_eq(times_in_tls(theirs, worker.thread_pointer), 1);
    end_worker(&worker);
}
END_TEST

/* What the caller looks at anyway is left out, what reaches beyond it is not. */
START_TEST(blocks_in_what_is_seen_are_left_out)
{
    struct worker worker;
    begin_worker(&worker);
    struct library library = load("library_tls");
    void *theirs = tell(&worker, library.tls_address); /* elsewhere: malloc'ed */
    uintptr_t own = (uintptr_t)tell(&worker, address_of_own_tls), pointer = worker.thread_pointer;
    struct ml_os_tls_thread none = { pointer, pointer, pointer };
    struct ml_os_tls_thread all = { pointer, pointer - 16384, pointer + 8192 };
    struct ml_os_tls_thread half = { pointer, own + 1, pointer + 8192 };
    ck_assert_uint_eq(search_tls((void *)own, none).times, 1);
    ck_assert_uint_eq(search_tls((void *)own, all).times, 0);
    ck_assert_uint_eq(search_tls((void *)own, half).times, 1);
    ck_assert_uint_eq(search_tls(theirs, none).times, 1);
    ck_assert_uint_eq(search_tls(theirs, all).times, 1);
    end_worker(&worker);
    dlclose(library.handle);
}
END_TEST

static void several_threads(ml_os_tls_visitor *one, void *argument)
{
    struct ml_os_tls_thread self = { ml_os_thread_pointer(), 0, 0 };
    one(&self, argument);
    only_that_thread(one, argument);
}

static void walk_several(void *search)
{
    ml_os_each_tls_block(several_threads, look, search);
}

START_TEST(blocks_of_several_threads_are_found_in_one_go)
{
    struct worker worker;
    begin_worker(&worker);
    struct search ours = { .wanted = (uintptr_t)&initialised_tls };
    struct search theirs = { .wanted = (uintptr_t)tell(&worker, address_of_own_tls) };
    tls_thread = (struct ml_os_tls_thread){ worker.thread_pointer, 0, 0 };
    ml_os_with_loader_locked(walk_several, &ours);
    ml_os_with_loader_locked(walk_several, &theirs);
    ck_assert_uint_eq(ours.times, 1);
    ck_assert_uint_eq(theirs.times, 1);
    end_worker(&worker);
}
END_TEST

START_TEST(a_loaded_librarys_block_is_found_once_it_is_touched)
{
    struct worker worker;
    begin_worker(&worker);
    struct library library = load("library_tls");
    uintptr_t mine = ml_os_thread_pointer();
    ck_assert_uint_eq(times_in_tls(&initialised_tls, worker.thread_pointer), 0);
    void *theirs = tell(&worker, library.tls_address);
    ck_assert_uint_eq(times_in_tls(theirs, worker.thread_pointer), 1);
    ck_assert_uint_eq(times_in_tls(theirs, mine), 0);
    void *own = library.tls_address();
    ck_assert_ptr_ne(own, theirs);
    ck_assert_uint_eq(times_in_tls(own, mine), 1);
    ck_assert_uint_eq(times_in_tls((char *)own + 56, mine), 1);
    end_worker(&worker);
    dlclose(library.handle);
    ck_assert_uint_eq(times_in_tls(own, mine), 0);
}
END_TEST

START_TEST(a_loaded_librarys_static_block_is_found)
{
    struct worker worker;
    begin_worker(&worker);
    struct library library = load("library_static_tls");
    void *own = library.tls_address();
    ck_assert_uint_ge(times_in_tls(own, ml_os_thread_pointer()), 1);
    void *theirs = tell(&worker, library.tls_address);
    ck_assert_uint_ge(times_in_tls(theirs, worker.thread_pointer), 1);
    end_worker(&worker);
}
END_TEST

START_TEST(more_libraries_than_the_table_has_room_for)
{
    /* The table grows past what it was made with: copies of one library, each under its own name. */
    enum { LIBRARIES_LOADED = 40 };
    struct worker worker;
    begin_worker(&worker);
    char directory[] = "/tmp/memlog-os-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    for (int i = 0; i < LIBRARIES_LOADED; i++) {
        char command[8192], path[4096];
        snprintf(path, sizeof(path), "%s/%d.so", directory, i);
        snprintf(command, sizeof(command), "cp '%s/library_tls.so' '%s'", LIBRARIES, path);
        ck_assert_int_eq(system(command), 0);
        void *handle = dlopen(path, RTLD_NOW);
        unlink(path);
        ck_assert_ptr_nonnull(handle);
        void *(*tls_address)(void);
        *(void **)&tls_address = dlsym(handle, "library_tls_address");
        /* Not each one in each thread: the tables fall behind and catch up. */
        if (i % 3 == 0)
            ck_assert_uint_eq(times_in_tls(tell(&worker, tls_address), worker.thread_pointer), 1);
        if (i % 5 == 0)
            ck_assert_uint_eq(times_in_tls(tls_address(), ml_os_thread_pointer()), 1);
    }
    rmdir(directory);
    end_worker(&worker);
}
END_TEST

START_TEST(a_larger_library_after_an_unloaded_one_does_not_lead_beyond_memory)
{
    struct worker worker;
    begin_worker(&worker);
    struct library small = load("library_tls");
    void *stale = tell(&worker, small.tls_address);
    dlclose(small.handle);
    /* Takes the number of the small one; the worker's table has that one's block still. */
    struct library large = load("library_large_tls");
    times_in_tls(stale, worker.thread_pointer);
    void *theirs = tell(&worker, large.tls_address);
    ck_assert_uint_eq(times_in_tls(theirs, worker.thread_pointer), 1);
    ck_assert_uint_eq(times_in_tls((char *)theirs + 1024 * 1024 - 8, worker.thread_pointer), 1);
    end_worker(&worker);
}
END_TEST

struct table_entry {
    uintptr_t block;
    uintptr_t to_free;
};

/* In the thread's table, which says in [-1] how long it is. */
static struct table_entry *entry_of(uintptr_t thread_pointer, const void *address)
{
    struct table_entry *table = ((struct table_entry **)thread_pointer)[1];
    for (size_t i = 1; i <= table[-1].block; i++)
        if ((uintptr_t)address - table[i].block < 64)
            return &table[i];
    ck_abort_msg("a block that is in no table");
}

/* The C library writes an entry's two words one after the other, and a thread
 * may be stopped in between: then the block, which lies anywhere, looks like
 * one from the start, whose distance from the thread pointer all threads share. */
START_TEST(a_block_that_is_just_being_entered_leads_nowhere_else)
{
    struct worker worker;
    begin_worker(&worker);
    struct library library = load("library_tls");
    void *theirs = tell(&worker, library.tls_address);
    struct table_entry *entry = entry_of(worker.thread_pointer, theirs);
    uintptr_t to_free = entry->to_free;
    ck_assert_uint_ne(to_free, 0);
    entry->to_free = 0;
    ck_assert_uint_eq(times_in_tls(theirs, worker.thread_pointer), 1);
    ck_assert_uint_eq(times_in_tls((void *)(entry->block - 8), worker.thread_pointer), 0);
    ck_assert_uint_eq(times_in_tls((void *)(entry->block + 64), worker.thread_pointer), 0);
    entry->to_free = to_free;
    end_worker(&worker);
    dlclose(library.handle);
}
END_TEST

/* A thread made up of two words, with memory below it that can be read, and a
 * table that says of itself that it has so many entries. Each would lead to
 * the same readable place. */
struct made_up_thread {
    char below[4096];
    uintptr_t self;
    uintptr_t table;
    struct table_entry entries[64];
    char place[256 * 1024];
};

static unsigned ranges_at_place(struct made_up_thread *thread, size_t count)
{
    enum { GENERATION = 1 };
    for (size_t i = 0; i < 64; i++) {
        thread->entries[i].block = (uintptr_t)thread->place;
        thread->entries[i].to_free = (uintptr_t)thread->place;
    }
    thread->self = (uintptr_t)&thread->self;
    thread->table = (uintptr_t)&thread->entries[GENERATION];
    thread->entries[0].block = count;
    return search_tls(thread->place, (struct ml_os_tls_thread){ thread->self, 0, 0 }).times;
}

START_TEST(entries_beyond_the_tables_length_are_not_read)
{
    struct made_up_thread *thread = ml_os_map(sizeof(*thread));
    /* This program and its C library have thread-local variables, for certain. */
    ck_assert_uint_ge(ranges_at_place(thread, 62), 2);
    ck_assert_uint_eq(ranges_at_place(thread, 1), 1);
    ck_assert_uint_eq(ranges_at_place(thread, 0), 0);
}
END_TEST

START_TEST(a_table_of_absurd_length_is_not_read)
{
    struct made_up_thread *thread = ml_os_map(sizeof(*thread));
    ck_assert_uint_eq(ranges_at_place(thread, (size_t)1 << 40), 0);
}
END_TEST

UNIT_MAIN("os tls", blocks_in_what_is_seen_are_left_out,
          blocks_of_several_threads_are_found_in_one_go,
          thread_local_blocks_of_the_caller_are_found,
          thread_local_blocks_of_another_thread_are_found,
          a_loaded_librarys_block_is_found_once_it_is_touched,
          a_loaded_librarys_static_block_is_found, more_libraries_than_the_table_has_room_for,
          a_larger_library_after_an_unloaded_one_does_not_lead_beyond_memory,
          a_block_that_is_just_being_entered_leads_nowhere_else,
          entries_beyond_the_tables_length_are_not_read, a_table_of_absurd_length_is_not_read)
