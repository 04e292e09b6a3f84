/* SPDX-License-Identifier: MIT */
/* test_image_snapshot.c - the heap profile out of a process's memory is what it reads itself: here
 * this one's, or a forked child's that goes on meanwhile. And lists that are none.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/snapshot.h"
#include "memlog.h"
#include "profile/sampler.h"
#include "stats/root.h"
#include "unit.h"

static pid_t pid;

/* This process's memory without a system call; a reader may look at no more than there is.
 * A sanitizer would see that it looks at what stands beside. */
__attribute__((no_sanitize("address", "thread"))) static int copy_plainly(
    void *context, uintptr_t address, void *to, size_t bytes)
{
    const volatile char *from = (const volatile char *)address;
    (void)context;
    for (size_t i = 0; i < bytes; i++)
        ((char *)to)[i] = from[i];
    return 0;
}

static const struct ml_memory by_call = { ml_memory_of_process, &pid },
                              by_copy = { copy_plainly, NULL };

static struct ml_image *open_image(const struct ml_memory *memory)
{
    int error;
    struct ml_image *image = ml_image_open(memory, (uintptr_t)&memlog_root, &error);
    ck_assert_msg(image != NULL, "ml_image_open: %d", error);
    ck_assert_ptr_nonnull(memlog_version()); /* so that all of memlog is in this program */
    return image;
}

static struct ml_snapshot take(struct ml_image *image)
{
    struct ml_snapshot snapshot;
    ck_assert_int_eq(ml_snapshot_take(&snapshot, image, pid), 0);
    return snapshot;
}

/* Stacks of all depths, some of which cross a page and some a chunk. */
static void make_buckets(unsigned count)
{
    pid = getpid();
    ml_profile_bytes_most = 256 << 20;
    for (unsigned i = 0; i < count; i++) {
        uintptr_t pcs[ML_STACK_MOST];
        unsigned depth = i * 7 % ML_STACK_MOST + 1;
        for (unsigned k = 0; k < depth; k++)
            pcs[k] = 0x1000 + i * 100 + k;
        struct ml_bucket *bucket = ml_bucket_need(pcs, depth, 48);
        for (unsigned k = 0; k < i % 5 + 1; k++)
            ml_bucket_count_alloc(bucket, 48);
        if (i % 3 == 0)
            ml_bucket_count_free(bucket, 48);
    }
    ml_bucket_count_alloc(ml_bucket_overflow(100), 100); /* a bucket elsewhere */
}

static void check_is_as_inside(const struct ml_snapshot *snapshot)
{
    size_t i = 0;
    for (const struct ml_bucket *at = ml_bucket_first(); at != NULL; at = at->next, i++) {
        struct ml_bucket_counts counts = ml_bucket_read(at);
        const struct ml_snapshot_bucket *copy = &snapshot->buckets[i];
        ck_assert_uint_lt(i, snapshot->buckets_count);
        ck_assert_uint_eq(copy->address, (uintptr_t)at);
        ck_assert_mem_eq(&copy->counts, &counts, sizeof(counts));
        ck_assert_uint_eq(copy->depth, at->depth);
        ck_assert_mem_eq(copy->pcs, at->pcs, at->depth * sizeof(at->pcs[0]));
    }
    ck_assert_uint_eq(i, snapshot->buckets_count);
    ck_assert(!snapshot->torn);
}

START_TEST(buckets_are_those_of_the_process_itself)
{
    const struct ml_memory *ways[] = { &by_call, &by_copy };
    make_buckets(20000);
    for (int way = 0; way < 2; way++) {
        struct ml_image *image = open_image(ways[way]);
        struct ml_snapshot snapshot = take(image);
        ck_assert_uint_ge(snapshot.buckets_count, 20001);
        ck_assert_uint_eq(snapshot.rate, ML_PROFILE_RATE_DEFAULT);
        ck_assert_uint_gt(snapshot.time_ns, UINT64_C(1600000000000000000));
        check_is_as_inside(&snapshot);
        ml_snapshot_free(&snapshot);
        ml_image_close(image);
    }
}
END_TEST

/* ---- mappings --------------------------------------------------------------------------- */

static const struct ml_snapshot_mapping *mapping_of(const struct ml_snapshot *snapshot,
                                                    const void *address)
{
    for (size_t i = 0; i < snapshot->mappings_count; i++)
        if (snapshot->mappings[i].begin <= (uintptr_t)address &&
            (uintptr_t)address < snapshot->mappings[i].end)
            return &snapshot->mappings[i];
    return NULL;
}

static void hex_of_own(char *hex, const void *address)
{
    uint8_t id[ML_OS_BUILD_ID_MOST];
    size_t bytes = ml_os_build_id((uintptr_t)address, id);
    ck_assert_uint_gt(bytes, 0);
    for (size_t i = 0; i < bytes; i++)
        sprintf(hex + 2 * i, "%02x", id[i]);
}

START_TEST(mappings_have_their_names_and_build_ids)
{
    char program[4096] = "", hex[2 * ML_OS_BUILD_ID_MOST + 1];
    pid = getpid();
    ck_assert_int_gt(readlink("/proc/self/exe", program, sizeof(program) - 1), 0);
    struct ml_image *image = open_image(&by_call);
    struct ml_snapshot snapshot = take(image);
    const struct ml_snapshot_mapping *own = mapping_of(&snapshot, (void *)(uintptr_t)mapping_of);
    const struct ml_snapshot_mapping *libc =
        mapping_of(&snapshot, (void *)(uintptr_t)gnu_get_libc_version);
    ck_assert_ptr_nonnull(own);
    ck_assert_ptr_nonnull(libc);
    ck_assert_str_eq(own->name, program);
    hex_of_own(hex, (void *)(uintptr_t)mapping_of);
    ck_assert_str_eq(own->build_id, hex);
    ck_assert_ptr_nonnull(strstr(libc->name, "libc"));
    hex_of_own(hex, (void *)(uintptr_t)gnu_get_libc_version);
    ck_assert_str_eq(libc->build_id, hex);
    for (size_t i = 1; i < snapshot.mappings_count; i++)
        ck_assert_uint_ge(snapshot.mappings[i].begin, snapshot.mappings[i - 1].end);
    ml_snapshot_free(&snapshot);
    ml_image_close(image);
}
END_TEST

static void copy_program(int to)
{
    char buffer[1 << 16];
    ssize_t got;
    int from = open("/proc/self/exe", O_RDONLY);
    while ((got = read(from, buffer, sizeof(buffer))) > 0)
        ck_assert_int_eq(write(to, buffer, (size_t)got), got);
    close(from);
}

/* A copy of this program as a mapping of code. Where its beginning is not in memory the file is
 * asked, unless it is gone. */
START_TEST(a_file_that_was_deleted_keeps_its_name)
{
    char path[] = "/tmp/memlog-test-XXXXXX", hex[2 * ML_OS_BUILD_ID_MOST + 1];
    const size_t PAGE = 4096;
    pid = getpid();
    int to = mkstemp(path);
    copy_program(to);
    void *code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, to, (off_t)PAGE);
    ck_assert_ptr_ne(code, MAP_FAILED);
    struct ml_image *image = open_image(&by_call);
    struct ml_snapshot snapshot = take(image);
    hex_of_own(hex, (void *)(uintptr_t)mapping_of);
    ck_assert_str_eq(mapping_of(&snapshot, code)->name, path);
    ck_assert_uint_eq(mapping_of(&snapshot, code)->offset, PAGE);
    ck_assert_str_eq(mapping_of(&snapshot, code)->build_id, hex);
    ml_snapshot_free(&snapshot);
    unlink(path);
    copy_program(open(path, O_WRONLY | O_CREAT | O_EXCL, 0600)); /* which is another file */
    snapshot = take(image);
    unlink(path);
    ck_assert_str_eq(mapping_of(&snapshot, code)->name, path);
    ck_assert_str_eq(mapping_of(&snapshot, code)->build_id, "");
    ml_snapshot_free(&snapshot);
    ml_image_close(image);
}
END_TEST

/* ---- while it goes on -------------------------------------------------------------------- */

/* New buckets, and one that is counted up and down all the time: never below zero. */
_Noreturn static void work_in_child(void)
{
    uintptr_t pcs[] = { 1, 2, 3 };
    struct ml_bucket *busy = ml_bucket_need(pcs, 3, 64);
    for (unsigned i = 0;; i++) {
        ml_bucket_count_alloc(busy, 64);
        ml_bucket_count_free(busy, 64);
        pcs[0] = i % 4000000;
        if (i % 256 == 0)
            ml_bucket_count_alloc(ml_bucket_need(pcs, 3, 64), 64);
    }
}

START_TEST(a_profile_of_a_process_that_goes_on_fits_together)
{
    int snapshots = getenv("MEMLOG_FULL") != NULL ? 2000 : 200;
    uint64_t before = 0, most = 0;
    make_buckets(1000);
    pid = fork();
    if (pid == 0)
        work_in_child();
    struct ml_image *image = open_image(&by_call);
    for (int i = 0; i < snapshots; i++) {
        struct ml_snapshot snapshot = take(image);
        ck_assert(!snapshot.torn);
        ck_assert_uint_ge(snapshot.buckets_count, before);
        before = snapshot.buckets_count;
        for (size_t k = 0; k < snapshot.buckets_count; k++) {
            const struct ml_bucket_counts *counts = &snapshot.buckets[k].counts;
            ck_assert_uint_le(counts->frees, counts->allocs);
            ck_assert_uint_le(counts->free_bytes, counts->alloc_bytes);
            most = counts->allocs > most ? counts->allocs : most;
        }
        ml_snapshot_free(&snapshot);
    }
    ck_assert_uint_gt(before, 1100);
    ck_assert_uint_gt(most, 10000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    struct ml_snapshot snapshot;
    ck_assert_int_eq(ml_snapshot_take(&snapshot, image, pid), -ESRCH);
    ml_image_close(image);
}
END_TEST

/* A library's header is looked at when the list of mappings has named it, and may be gone by
 * then. */
static void *load_and_unload(void *stop)
{
    while (!__atomic_load_n((bool *)stop, __ATOMIC_RELAXED)) {
        void *library = dlopen("libresolv.so.2", RTLD_NOW | RTLD_LOCAL);
        if (library != NULL)
            dlclose(library);
    }
    return NULL;
}

START_TEST(libraries_that_come_and_go_are_no_harm)
{
    int snapshots = getenv("MEMLOG_FULL") != NULL ? 20000 : 300;
    pthread_t thread;
    bool stop = false;
    make_buckets(10);
    struct ml_image *image = open_image(&by_call);
    ck_assert_int_eq(pthread_create(&thread, NULL, load_and_unload, &stop), 0);
    for (int i = 0; i < snapshots; i++) {
        struct ml_snapshot snapshot = take(image);
        ck_assert(!snapshot.torn);
        ml_snapshot_free(&snapshot);
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    ml_image_close(image);
}
END_TEST

/* ---- lists that are none ------------------------------------------------------------------ */

static struct ml_bucket *bucket_at(size_t index)
{
    const struct ml_bucket *at = ml_bucket_first();
    while (index-- > 0)
        at = at->next;
    return (struct ml_bucket *)(uintptr_t)at;
}

/* Of 500 and some buckets. */
static void check_is_cut(size_t expected)
{
    struct ml_image *image = open_image(&by_call);
    struct ml_snapshot snapshot = take(image);
    ck_assert(snapshot.torn);
    ck_assert_uint_eq(snapshot.buckets_count, expected);
    for (size_t i = 0; i < expected; i++)
        ck_assert_uint_eq(snapshot.buckets[i].address, (uintptr_t)bucket_at(i));
    ck_assert_uint_gt(snapshot.mappings_count, 0);
    ml_snapshot_free(&snapshot);
    ml_image_close(image);
}

START_TEST(a_list_that_goes_nowhere_ends)
{
    static const uintptr_t nowhere[] = { 8, 0x123456789abc000, UINTPTR_MAX & ~(uintptr_t)7 };
    make_buckets(500);
    for (unsigned i = 0; i < 3; i++) {
        bucket_at(100)->next = (struct ml_bucket *)nowhere[i];
        check_is_cut(101);
    }
    bucket_at(100)->next = (struct ml_bucket *)((uintptr_t)bucket_at(99) + 1);
    check_is_cut(101);
    bucket_at(40)->depth = ML_STACK_MOST + 1;
    check_is_cut(40);
    bucket_at(30)->depth = 0;
    check_is_cut(30);
    bucket_at(0)->depth = UINT32_MAX;
    check_is_cut(0);
}
END_TEST

START_TEST(a_list_that_goes_round_is_told_once)
{
    static const struct {
        size_t from, to;
    } rounds[] = { { 400, 0 },    { 399, 250 }, { 300, 300 }, { 200, 199 },
                   { 150, 64 }, { 63, 31 },   { 0, 0 } };
    make_buckets(500);
    for (unsigned i = 0; i < sizeof(rounds) / sizeof(rounds[0]); i++) {
        bucket_at(rounds[i].from)->next = bucket_at(rounds[i].to);
        check_is_cut(rounds[i].from + 1);
    }
}
END_TEST

/* More frees than allocations, in a process that was overwritten. */
START_TEST(counts_that_can_not_be_are_bounded)
{
    make_buckets(10);
    struct ml_bucket *spoilt = bucket_at(3);
    spoilt->counts = (struct ml_bucket_counts){ 5, 500, UINT64_MAX, UINT64_MAX };
    struct ml_image *image = open_image(&by_call);
    struct ml_snapshot snapshot = take(image);
    ck_assert_uint_eq(snapshot.buckets[3].counts.frees, 5);
    ck_assert_uint_eq(snapshot.buckets[3].counts.free_bytes, 500);
    ml_snapshot_free(&snapshot);
    ml_image_close(image);
}
END_TEST

UNIT_MAIN("image snapshot", buckets_are_those_of_the_process_itself,
          mappings_have_their_names_and_build_ids, a_file_that_was_deleted_keeps_its_name,
          a_profile_of_a_process_that_goes_on_fits_together,
          libraries_that_come_and_go_are_no_harm, a_list_that_goes_nowhere_ends,
          a_list_that_goes_round_is_told_once, counts_that_can_not_be_are_bounded)
