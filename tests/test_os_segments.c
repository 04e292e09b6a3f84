/* SPDX-License-Identifier: MIT */
/* test_os_segments.c - every place where a program keeps pointers is found:
 * data of the program and its libraries, thread-local blocks, stacks. */
#include "os/segments.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/pages.h"
#include "os/thread.h"
#include "unit.h"

typedef void visitor(uintptr_t begin, uintptr_t end, void *argument);

/* --- looking for an address among ranges ----------------------------------- */

struct search {
    uintptr_t wanted;
    unsigned times;  /* ranges that contain it */
    unsigned ranges;
    bool misaligned;
    uint64_t sum;    /* of all words: reading them is the point */
};

static void note(uintptr_t begin, uintptr_t end, void *argument)
{
    struct search *search = argument;
    search->ranges++;
    search->times += search->wanted >= begin && search->wanted < end;
    search->misaligned |= begin % sizeof(uintptr_t) != 0 || end % sizeof(uintptr_t) != 0;
}

/* Reads every word too, as the collector will. */
ML_SCANS_FOREIGN_MEMORY
static void look(uintptr_t begin, uintptr_t end, void *argument)
{
    struct search *search = argument;
    note(begin, end, argument);
    for (const uintptr_t *word = (const uintptr_t *)begin; word < (const uintptr_t *)end; word++)
        search->sum += *word;
}

struct segments_call {
    struct search search;
    void (*each_segment)(visitor *, void *);
};

static void walk_segments(void *argument)
{
    struct segments_call *call = argument;
    call->each_segment(look, &call->search);
}

static unsigned times_in_segments(const void *wanted, void (*each_segment)(visitor *, void *))
{
    struct segments_call call = { { .wanted = (uintptr_t)wanted }, each_segment };
    ml_os_with_loader_locked(walk_segments, &call);
    ck_assert_uint_gt(call.search.ranges, 0);
    ck_assert(!call.search.misaligned);
    return call.search.times;
}

struct tls_call {
    struct search search;
    uintptr_t thread_pointer;
};

static void walk_tls(void *argument)
{
    struct tls_call *call = argument;
    ml_os_each_tls_block(call->thread_pointer, look, &call->search);
}

static unsigned times_in_tls(const void *wanted, uintptr_t thread_pointer)
{
    struct tls_call call = { { .wanted = (uintptr_t)wanted }, thread_pointer };
    ml_os_with_loader_locked(walk_tls, &call);
    ck_assert_uint_gt(call.search.ranges, 0);
    ck_assert(!call.search.misaligned);
    return call.search.times;
}

/* --- a library, loaded ------------------------------------------------------- */

struct library {
    void *handle;
    long *(*data_address)(void);
    void *(*tls_address)(void);
};

static struct library load(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s.so", LIBRARIES, name);
    struct library library = { .handle = dlopen(path, RTLD_NOW) };
    ck_assert_msg(library.handle != NULL, "%s", dlerror());
    *(void **)&library.data_address = dlsym(library.handle, "library_data_address");
    *(void **)&library.tls_address = dlsym(library.handle, "library_tls_address");
    return library;
}

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

/* --- the loader's lock ------------------------------------------------------------ */

static int lock_calls;
static bool locked_in_time;

static void *iterate(void *argument)
{
    struct search search = { 0 };
    ml_os_each_segment(look, &search);
    __atomic_store_n((bool *)argument, true, __ATOMIC_RELEASE);
    return NULL;
}

static void hold_for_a_while(void *argument)
{
    lock_calls++;
    pthread_t other;
    bool *entered = argument;
    pthread_create(&other, NULL, iterate, entered);
    pthread_detach(other);
    usleep(100 * 1000);
    locked_in_time = !__atomic_load_n(entered, __ATOMIC_ACQUIRE);
}

START_TEST(body_runs_once_with_other_threads_kept_out)
{
    static bool entered;
    ml_os_with_loader_locked(hold_for_a_while, &entered);
    ck_assert_int_eq(lock_calls, 1);
    ck_assert(locked_in_time);
    for (int i = 0; i < 2000 && !__atomic_load_n(&entered, __ATOMIC_ACQUIRE); i++)
        usleep(10 * 1000);
    ck_assert(entered);
}
END_TEST

/* --- data segments --------------------------------------------------------------------- */

static long initialised = 7;
static long zeroed;
static const long constant = 9;
static int *const relocated_constant = (int *)&zeroed;

START_TEST(data_of_the_program_is_found_once)
{
    ck_assert_uint_eq(times_in_segments(&initialised, ml_os_each_segment), 1);
    ck_assert_uint_eq(times_in_segments(&zeroed, ml_os_each_segment), 1);
    ck_assert_uint_eq(times_in_segments(&environ, ml_os_each_segment), 1);
}
END_TEST

START_TEST(constants_are_not_visited)
{
    ck_assert_uint_eq(times_in_segments(&constant, ml_os_each_segment), 0);
}
END_TEST

static void assert_visited_if_writable(uintptr_t address, unsigned *read_only_words)
{
    struct search search = { .wanted = address };
    uintptr_t low, high;
    bool writable = ml_os_mapping_around(address, &low, &high);
    *read_only_words += !writable;
    ml_os_each_segment(note, &search);
    ck_assert_uint_eq(search.times, writable);
}

static int assert_object(struct dl_phdr_info *object, size_t size, void *argument)
{
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || !(header->p_flags & PF_W))
            continue;
        uintptr_t begin = ml_align_up(object->dlpi_addr + header->p_vaddr, 8);
        uintptr_t end = ml_align_down(object->dlpi_addr + header->p_vaddr + header->p_memsz, 8);
        size_t stride = ml_align_up(ml_max(512, (end - begin) / 512), 8);
        for (uintptr_t at = begin; at < end; at += stride)
            assert_visited_if_writable(at, argument);
        assert_visited_if_writable(end - 8, argument);
    }
    return 0;
}

START_TEST(exactly_what_can_be_written_of_each_object_is_visited)
{
    unsigned read_only_words = 0;
    dl_iterate_phdr(assert_object, &read_only_words);
    /* Something was left out at all: this program is linked with -z relro, as is its C library. */
    ck_assert_uint_gt(read_only_words, 0);
    ck_assert_ptr_eq(relocated_constant, &zeroed);
}
END_TEST

START_TEST(data_of_a_loaded_library_is_found_until_it_is_unloaded)
{
    struct library library = load("library_tls");
    long *data = library.data_address();
    ck_assert_int_eq(*data, 42);
    ck_assert_uint_eq(times_in_segments(data, ml_os_each_segment), 1);
    dlclose(library.handle);
    ck_assert_uint_eq(times_in_segments(data, ml_os_each_segment), 0);
}
END_TEST

START_TEST(the_library_that_memlog_is_in_is_left_out)
{
    struct library library = load("library_with_os");
    void (*library_each_segment)(visitor *, void *);
    *(void **)&library_each_segment = dlsym(library.handle, "library_each_segment");
    long *data = library.data_address();
    ck_assert_uint_eq(times_in_segments(data, library_each_segment), 0);
    ck_assert_uint_eq(times_in_segments(&initialised, library_each_segment), 1);
    /* Asked from this program, which has its own copy of the code, it is a library as any. */
    ck_assert_uint_eq(times_in_segments(data, ml_os_each_segment), 1);
}
END_TEST

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

/* A thread made up of two words, with memory below it that can be read, and a
 * table that says of itself that it has so many entries. Each would lead to
 * the same readable place. */
struct made_up_thread {
    char below[4096];
    uintptr_t self;
    uintptr_t table;
    struct {
        uintptr_t block;
        uintptr_t to_free;
    } entries[64];
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
    struct tls_call call = { { .wanted = (uintptr_t)thread->place }, thread->self };
    ml_os_with_loader_locked(walk_tls, &call);
    return call.search.times;
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

/* --- mappings ------------------------------------------------------------------------------ */

START_TEST(mapping_around_an_address_is_found)
{
    size_t page = ml_os_page_bytes();
    /* Neighbours without access, so that nothing is merged with it. */
    char *reserved = mmap(NULL, 5 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(reserved + page, 3 * page, PROT_READ | PROT_WRITE);
    uintptr_t begin = 0, end = 0;
    for (size_t at = page; at < 4 * page; at += 512) {
        ck_assert(ml_os_mapping_around((uintptr_t)reserved + at, &begin, &end));
        ck_assert_uint_eq(begin, (uintptr_t)reserved + page);
        ck_assert_uint_eq(end, (uintptr_t)reserved + 4 * page);
    }
    ck_assert(!ml_os_mapping_around((uintptr_t)reserved + page - 1, &begin, &end));
    ck_assert(!ml_os_mapping_around((uintptr_t)reserved + 4 * page, &begin, &end));
}
END_TEST

START_TEST(a_mapping_that_cannot_be_written_is_none)
{
    uintptr_t begin, end;
    errno = EDOM;
    ck_assert(!ml_os_mapping_around((uintptr_t)&constant, &begin, &end));
    ck_assert(!ml_os_mapping_around((uintptr_t)&do_nothing, &begin, &end));
    ck_assert(!ml_os_mapping_around(0, &begin, &end));
    ck_assert(!ml_os_mapping_around(UINTPTR_MAX, &begin, &end));
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

START_TEST(mappings_are_found_across_many_reads)
{
    /* Enough of them that lines straddle the reads at every place. */
    enum { MAPPINGS = 500 };
    size_t page = ml_os_page_bytes();
    char *reserved = mmap(NULL, 2 * MAPPINGS * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; i < MAPPINGS; i++)
        mprotect(reserved + 2 * i * page, page, PROT_READ | PROT_WRITE);
    for (size_t i = 0; i < MAPPINGS; i++) {
        uintptr_t begin, end, wanted = (uintptr_t)reserved + 2 * i * page;
        ck_assert(ml_os_mapping_around(wanted + 8, &begin, &end));
        ck_assert(begin == wanted && end == wanted + page);
    }
}
END_TEST

/* --- stacks ------------------------------------------------------------------------------------ */

struct bounds {
    int error;
    uintptr_t low;
    uintptr_t high;
    uintptr_t frame;
    uintptr_t tls;
};

static void take_bounds(struct bounds *bounds)
{
    bounds->frame = (uintptr_t)__builtin_frame_address(0);
    bounds->tls = (uintptr_t)&initialised_tls;
    bounds->error = ml_os_stack_bounds(&bounds->low, &bounds->high);
}

static void assert_on_stack(const struct bounds *bounds)
{
    ck_assert_int_eq(bounds->error, 0);
    ck_assert_uint_lt(bounds->low, bounds->frame);
    ck_assert_uint_gt(bounds->high, bounds->frame);
}

START_TEST(first_threads_stack_reaches_to_the_environment)
{
    struct bounds bounds;
    errno = EDOM;
    take_bounds(&bounds);
    ck_assert_int_eq(errno, EDOM);
    assert_on_stack(&bounds);
    ck_assert_uint_gt(bounds.high, (uintptr_t)environ);
    ck_assert_uint_gt(bounds.high, (uintptr_t)program_invocation_name);
}
END_TEST

static void *take_bounds_in_thread(void *argument)
{
    errno = EDOM;
    take_bounds(argument);
    return (void *)(intptr_t)(errno == EDOM);
}

static void take_bounds_in(const pthread_attr_t *attributes, struct bounds *bounds)
{
    pthread_t thread;
    void *errno_kept;
    ck_assert_int_eq(pthread_create(&thread, attributes, take_bounds_in_thread, bounds), 0);
    pthread_join(thread, &errno_kept);
    ck_assert_ptr_nonnull(errno_kept);
    assert_on_stack(bounds);
}

START_TEST(a_threads_stack_takes_in_its_thread_local_block)
{
    struct bounds bounds;
    take_bounds_in(NULL, &bounds);
    ck_assert_uint_gt(bounds.high, bounds.tls);
    ck_assert_uint_lt(bounds.low, bounds.tls);
    ck_assert_uint_le(bounds.high - bounds.low, 64 * 1024 * 1024);
}
END_TEST

START_TEST(a_thread_on_a_stack_of_the_programs_choice)
{
    enum { BYTES = 4 * 1024 * 1024 };
    char *stack = ml_os_map(BYTES);
    pthread_attr_t attributes;
    struct bounds bounds;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, stack, BYTES);
    take_bounds_in(&attributes, &bounds);
    ck_assert_uint_eq(bounds.low, (uintptr_t)stack);
    ck_assert_uint_eq(bounds.high, (uintptr_t)stack + BYTES);
}
END_TEST

START_TEST(a_thread_with_a_size_and_guard_of_the_programs_choice)
{
    pthread_attr_t attributes;
    struct bounds bounds;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 3 * 1024 * 1024);
    pthread_attr_setguardsize(&attributes, 64 * 1024);
    take_bounds_in(&attributes, &bounds);
    ck_assert_uint_ge(bounds.high - bounds.low, 2 * 1024 * 1024);
    uintptr_t begin, end;
    ck_assert(ml_os_mapping_around(bounds.frame, &begin, &end));
    ck_assert_uint_ge(bounds.low, begin);
}
END_TEST

static void take_bounds_in_own_thread(void *argument)
{
    take_bounds(argument);
}

START_TEST(an_own_threads_stack_is_the_one_that_was_mapped)
{
    struct ml_os_thread thread;
    struct bounds bounds;
    ck_assert_int_eq(ml_os_thread_start(&thread, "memlog test", take_bounds_in_own_thread, &bounds),
                     0);
    uintptr_t low = (uintptr_t)thread.stack;
    size_t bytes = thread.stack_bytes;
    ml_os_thread_join(&thread);
    assert_on_stack(&bounds);
#ifndef __SANITIZE_THREAD__ /* whose own thread-local block is larger than that */
    ck_assert_uint_eq(bytes, 256 * 1024);
#endif
    ck_assert_uint_eq(bounds.low, low);
    ck_assert_uint_eq(bounds.high, low + bytes);
}
END_TEST

static void *fork_and_take_bounds(void *argument)
{
    (void)argument;
    struct bounds bounds = { .error = -1 };
    pid_t child = fork();
    if (child == 0) {
        take_bounds(&bounds);
        _exit(bounds.error == 0 && bounds.low < bounds.frame && bounds.frame < bounds.high ? 0 : 1);
    }
    int status;
    waitpid(child, &status, 0);
    return (void *)(intptr_t)(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

START_TEST(a_thread_that_forked_keeps_its_stack_in_the_child)
{
    pthread_t thread;
    void *good;
    pthread_create(&thread, NULL, fork_and_take_bounds, NULL);
    pthread_join(thread, &good);
    ck_assert_ptr_nonnull(good);
}
END_TEST

static void leave_no_descriptor(void)
{
    struct rlimit none = { 0, 0 };
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert_int_lt(open("/proc/self/maps", O_RDONLY), 0);
}

START_TEST(without_a_descriptor_mappings_are_probed)
{
    size_t page = ml_os_page_bytes();
    char *reserved = ml_os_reserve(8 * page);
    uintptr_t begin, end;
    ck_assert_int_eq(ml_os_commit(reserved + 2 * page, 3 * page), 0);
    leave_no_descriptor();
    for (size_t at = 2 * page; at < 5 * page; at += page - 1) {
        ck_assert(ml_os_mapping_around((uintptr_t)reserved + at, &begin, &end));
        ck_assert_uint_eq(begin, (uintptr_t)reserved + 2 * page);
        ck_assert_uint_eq(end, (uintptr_t)reserved + 5 * page);
    }
    ck_assert(!ml_os_mapping_around((uintptr_t)reserved + 2 * page - 1, &begin, &end));
    ck_assert(!ml_os_mapping_around((uintptr_t)reserved + 5 * page, &begin, &end));
    ck_assert(!ml_os_mapping_around(0, &begin, &end));
}
END_TEST

/* Looking for its lower end does not make it grow. */
START_TEST(without_a_descriptor_the_first_threads_stack_is_found)
{
    struct bounds with, without;
    take_bounds(&with);
    leave_no_descriptor();
    take_bounds(&without);
    assert_on_stack(&without);
    ck_assert_uint_eq(without.low, with.low);
    ck_assert_uint_ge(without.high, with.high);
}
END_TEST

START_TEST(without_a_descriptor_a_threads_stack_is_found)
{
    struct bounds bounds;
    leave_no_descriptor();
    take_bounds_in(NULL, &bounds);
    assert_on_stack(&bounds);
}
END_TEST

static struct bounds bounds_in_coroutine;
static ucontext_t before_coroutine, in_coroutine;

static void run_coroutine(void)
{
    take_bounds(&bounds_in_coroutine);
}

static void expect_own_stack_in_coroutine(void)
{
    int local = 0;
    getcontext(&in_coroutine);
    in_coroutine.uc_stack.ss_sp = ml_os_map(1024 * 1024);
    in_coroutine.uc_stack.ss_size = 1024 * 1024;
    in_coroutine.uc_link = &before_coroutine;
    makecontext(&in_coroutine, run_coroutine, 0);
    swapcontext(&before_coroutine, &in_coroutine);
    ck_assert_int_eq(bounds_in_coroutine.error, 0);
    ck_assert_uint_lt(bounds_in_coroutine.low, (uintptr_t)&local);
    ck_assert_uint_gt(bounds_in_coroutine.high, (uintptr_t)&local);
}

START_TEST(in_a_coroutine_the_threads_own_stack_is_told)
{
    expect_own_stack_in_coroutine();
}
END_TEST

START_TEST(without_a_descriptor_it_is_told_in_a_coroutine_too)
{
    struct bounds bounds;
    take_bounds(&bounds); /* as when the program starts */
    leave_no_descriptor();
    expect_own_stack_in_coroutine();
}
END_TEST

UNIT_MAIN("os segments", body_runs_once_with_other_threads_kept_out,
          data_of_the_program_is_found_once, constants_are_not_visited,
          exactly_what_can_be_written_of_each_object_is_visited,
          data_of_a_loaded_library_is_found_until_it_is_unloaded,
          the_library_that_memlog_is_in_is_left_out,
          thread_local_blocks_of_the_caller_are_found,
          thread_local_blocks_of_another_thread_are_found,
          a_loaded_librarys_block_is_found_once_it_is_touched,
          a_loaded_librarys_static_block_is_found, more_libraries_than_the_table_has_room_for,
          a_larger_library_after_an_unloaded_one_does_not_lead_beyond_memory,
          entries_beyond_the_tables_length_are_not_read, a_table_of_absurd_length_is_not_read,
          mapping_around_an_address_is_found, a_mapping_that_cannot_be_written_is_none,
          mappings_are_found_across_many_reads, first_threads_stack_reaches_to_the_environment,
          a_threads_stack_takes_in_its_thread_local_block,
          a_thread_on_a_stack_of_the_programs_choice,
          a_thread_with_a_size_and_guard_of_the_programs_choice,
          an_own_threads_stack_is_the_one_that_was_mapped,
          a_thread_that_forked_keeps_its_stack_in_the_child,
          without_a_descriptor_mappings_are_probed,
          without_a_descriptor_the_first_threads_stack_is_found,
          without_a_descriptor_a_threads_stack_is_found,
          in_a_coroutine_the_threads_own_stack_is_told,
          without_a_descriptor_it_is_told_in_a_coroutine_too)
