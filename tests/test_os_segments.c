/* SPDX-License-Identifier: MIT */
/* test_os_segments.c - the data of the program and its libraries is found, and
 * mappings, while the loader's lock is held. */
#include "os/segments.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/pages.h"
#include "os_ranges.h"

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
    ck_assert(!ml_os_mapping_around((uintptr_t)&walk_segments, &begin, &end));
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

UNIT_MAIN("os segments", body_runs_once_with_other_threads_kept_out,
          data_of_the_program_is_found_once, constants_are_not_visited,
          exactly_what_can_be_written_of_each_object_is_visited,
          data_of_a_loaded_library_is_found_until_it_is_unloaded,
          the_library_that_memlog_is_in_is_left_out, mapping_around_an_address_is_found,
          a_mapping_that_cannot_be_written_is_none, mappings_are_found_across_many_reads)
