/* SPDX-License-Identifier: MIT */
/* test_api_profile.c - a program that links libmemlog, with every allocation in its profile:
 * what that says is what the statistics say, to the byte, whatever the objects have been
 * through. Starts itself anew with MEMLOG_PROFILE_RATE=1.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memlog.h"
#include "unit.h"

__attribute__((constructor)) static void come_back_with_all_samples(int argc, char **argv)
{
    (void)argc;
    if (getenv("MEMLOG_PROFILE_RATE") != NULL)
        return;
    setenv("MEMLOG_PROFILE_RATE", "1", 1);
    execv("/proc/self/exe", argv);
    _exit(99);
}

struct totals {
    uint64_t inuse_objects, inuse_bytes, alloc_objects, alloc_bytes, samples;
};

static char profile[1 << 20];

/* The text form, into `profile`. Nothing here allocates from memlog. */
static void write_profile(void)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(memlog_profile_write(fd, MEMLOG_PROFILE_TEXT), 0);
    ssize_t got = pread(fd, profile, sizeof(profile) - 1, 0);
    ck_assert_int_gt(got, 0);
    profile[got] = '\0';
    close(fd);
}

/* The sum of the samples' lines, and whether the head says the same. */
static struct totals profile_totals(void)
{
    struct totals sum = { 0 }, one, head;
    uint64_t period;
    write_profile();
    ck_assert_int_eq(sscanf(profile, "heap profile: %" SCNu64 ": %" SCNu64 " [%" SCNu64 ": %" SCNu64
                                     "] @ heap/%" SCNu64, &head.inuse_objects, &head.inuse_bytes,
                            &head.alloc_objects, &head.alloc_bytes, &period), 5);
    ck_assert_uint_eq(period, 2);
    for (const char *at = strchr(profile, '\n') + 1; *at != '\n'; at = strchr(at, '\n') + 1) {
        ck_assert_int_eq(sscanf(at, "%" SCNu64 ": %" SCNu64 " [%" SCNu64 ": %" SCNu64 "] @ 0x",
                                &one.inuse_objects, &one.inuse_bytes, &one.alloc_objects,
                                &one.alloc_bytes), 4);
        sum.inuse_objects += one.inuse_objects;
        sum.inuse_bytes += one.inuse_bytes;
        sum.alloc_objects += one.alloc_objects;
        sum.alloc_bytes += one.alloc_bytes;
        sum.samples++;
    }
    ck_assert_uint_eq(head.inuse_objects, sum.inuse_objects);
    ck_assert_uint_eq(head.inuse_bytes, sum.inuse_bytes);
    ck_assert_uint_eq(head.alloc_objects, sum.alloc_objects);
    ck_assert_uint_eq(head.alloc_bytes, sum.alloc_bytes + (sum.alloc_objects == sum.inuse_objects));
    return sum;
}

/* resized: bytes of objects that were resized in place, which the profile counts as
 * allocated anew. */
static void check_exact(uint64_t resized, uint64_t resized_objects)
{
    struct memlog_memstats stats;
    struct totals sum = profile_totals();
    memlog_read_memstats(&stats);
    ck_assert_uint_eq(sum.inuse_objects, stats.heap_objects);
    ck_assert_uint_eq(sum.inuse_bytes, stats.alloc);
    ck_assert_uint_eq(sum.alloc_objects, stats.mallocs + resized_objects);
    ck_assert_uint_eq(sum.alloc_bytes, stats.total_alloc + resized);
    ck_assert_uint_gt(stats.buck_hash_sys, 0);
}

enum { COUNT = 400 };
static void *objects[COUNT];

static void allocate_all(void)
{
    for (size_t i = 0; i < COUNT; i++)
        objects[i] = i % 3 == 0   ? memlog_malloc(i * 40 + 1)
                     : i % 3 == 1 ? memlog_malloc_noscan(i * 500 + 1)
                                  : memlog_malloc_uncollectable(i + 1);
}

static __attribute__((noinline)) void forget_all(void) { memset(objects, 0, sizeof(objects)); }

/* A stack without what was there before. */
static __attribute__((noinline)) void clear_stack(void)
{
    volatile char room[8192];
    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 0;
}

START_TEST(frees_are_booked)
{
    allocate_all();
    check_exact(0, 0);
    for (size_t i = 0; i < COUNT; i += 2)
        memlog_free(objects[i]);
    check_exact(0, 0);
    for (size_t i = 1; i < COUNT; i += 2)
        ck_assert_ptr_null(memlog_realloc(objects[i], 0));
    check_exact(0, 0);
    ck_assert_uint_lt(profile_totals().inuse_objects, COUNT / 4);
}
END_TEST

START_TEST(sweeps_are_booked)
{
    allocate_all();
    for (size_t i = 2; i < COUNT; i += 3)
        memlog_free(objects[i]);
    struct totals before = profile_totals();
    forget_all();
    clear_stack();
    memlog_gc();
    check_exact(0, 0);
    ck_assert_uint_lt(profile_totals().inuse_objects + COUNT / 2, before.inuse_objects);
    ck_assert_uint_lt(profile_totals().inuse_bytes * 4, before.inuse_bytes);
}
END_TEST

START_TEST(all_doors_are_counted)
{
    unsigned long bitmap[1] = { 1 };
    const struct memlog_type *type = memlog_type_new(24, bitmap, 1);
    objects[0] = memlog_calloc(10, 100);
    objects[1] = memlog_calloc_noscan(1000, 1000);
    objects[2] = memlog_aligned_alloc(4096, 100);
    objects[3] = memlog_aligned_alloc_noscan(1 << 20, 100);
    objects[4] = memlog_strdup("a string");
    objects[5] = memlog_malloc_typed(type);
    objects[6] = memlog_calloc_typed(50000, type);
    objects[7] = memlog_weak_create(objects[0]);
    objects[8] = memlog_realloc(NULL, 10);
    check_exact(0, 0);
    for (int i = 0; i < 9; i++)
        memlog_free(objects[i]);
    check_exact(0, 0);
}
END_TEST

START_TEST(resizing_is_booked)
{
    objects[0] = memlog_malloc(100);
    for (size_t bytes = 200; bytes < 60000; bytes = bytes * 3 / 2)
        objects[0] = memlog_realloc(objects[0], bytes);
    check_exact(0, 0);
    memlog_free(memlog_malloc_noscan(8 << 20)); /* leaves room */
    objects[1] = memlog_malloc_noscan(100000);
    size_t before = memlog_usable_size(objects[1]) + 1; /* the pad */
    void *resized = memlog_realloc(objects[1], 3 << 20);
    bool in_place = resized == objects[1];
    check_exact(in_place ? before : 0, in_place);
    ck_assert(in_place); /* there was room behind it */
    memlog_free(resized);
    check_exact(before, 1);
}
END_TEST

static int finalized;
static void finalizer(void *object, void *data)
{
    (void)object, (void)data;
    __atomic_add_fetch(&finalized, 1, __ATOMIC_SEQ_CST);
}

/* One state byte says both. */
START_TEST(samples_may_be_watched_too)
{
    struct memlog_weak *weak[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        objects[i] = memlog_malloc(64 + i * 300);
        ck_assert_int_eq(memlog_set_finalizer(objects[i], finalizer, NULL), 0);
        weak[i] = memlog_weak_create(objects[i]);
        if (i % 4 == 0)
            memlog_free(objects[i]);
        else if (i % 4 == 1)
            objects[i] = memlog_realloc(objects[i], 128 + i * 700);
        else if (i % 4 == 2)
            memlog_set_finalizer(objects[i], NULL, NULL);
        ck_assert_ptr_eq(memlog_weak_get(weak[i]), i % 4 == 0 ? NULL : objects[i]);
    }
    struct memlog_memstats stats;
    struct totals sum = profile_totals();
    memlog_read_memstats(&stats);
    ck_assert_uint_eq(sum.inuse_objects, stats.heap_objects);
    ck_assert_uint_eq(sum.inuse_bytes, stats.alloc);
    forget_all();
    clear_stack();
    for (int i = 0; i < 4; i++)
        memlog_gc();
    for (int i = 0; i < 5000 && __atomic_load_n(&finalized, __ATOMIC_SEQ_CST) < COUNT / 4; i++)
        usleep(1000);
    memlog_gc();
    sum = profile_totals();
    memlog_read_memstats(&stats);
    ck_assert_uint_eq(sum.inuse_objects, stats.heap_objects);
    ck_assert_uint_eq(sum.inuse_bytes, stats.alloc);
    ck_assert_int_ge(finalized, COUNT / 4);
}
END_TEST

/* ---- threads ------------------------------------------------------------------------ */

enum { THREADS = 8, ROUNDS = 300 };
static pthread_key_t last_words;

static void say_last_words(void *object)
{
    memlog_free(object);
    memlog_free(memlog_malloc(500));
}

static void *come_and_go(void *handed)
{
    void *own[10];
    pthread_setspecific(last_words, memlog_malloc_uncollectable(70));
    memlog_free(handed);
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < 10; i++)
            own[i] = memlog_malloc(16 << i % 8);
        for (size_t i = 0; i < 10; i++)
            memlog_free(own[i]);
        if (round % 100 == 0)
            memlog_gc();
    }
    return memlog_malloc_uncollectable(300);
}

START_TEST(threads_come_and_go)
{
    pthread_t threads[THREADS];
    ck_assert_int_eq(pthread_key_create(&last_words, say_last_words), 0);
    for (int i = 0; i < 3 * THREADS; i++) {
        if (i >= THREADS) {
            void *left;
            pthread_join(threads[i % THREADS], &left);
            memlog_free(left);
        }
        if (i < 2 * THREADS)
            /* On its way to a thread it may be where a sanitizer keeps it, and nobody looks. */
            pthread_create(&threads[i % THREADS], NULL, come_and_go,
                           memlog_malloc_uncollectable(1000));
    }
    memlog_gc();
    check_exact(0, 0);
}
END_TEST

static int stopping;
static void *write_again_and_again(void *unused)
{
    (void)unused;
    int fd = open("/dev/null", O_WRONLY);
    long times = 0;
    for (; !__atomic_load_n(&stopping, __ATOMIC_SEQ_CST); times++)
        if (memlog_profile_write(fd, times % 2 ? MEMLOG_PROFILE_PPROF : MEMLOG_PROFILE_TEXT) != 0)
            return NULL;
    return (void *)times;
}

START_TEST(it_can_be_written_at_any_time)
{
    pthread_t writer, threads[2];
    void *times;
    ck_assert_int_eq(pthread_key_create(&last_words, say_last_words), 0);
    pthread_create(&writer, NULL, write_again_and_again, NULL);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2; i++)
            pthread_create(&threads[i], NULL, come_and_go, NULL);
        for (int i = 0; i < 2; i++) {
            void *left;
            pthread_join(threads[i], &left);
            memlog_free(left);
        }
    }
    __atomic_store_n(&stopping, 1, __ATOMIC_SEQ_CST);
    pthread_join(writer, &times);
    ck_assert_ptr_nonnull(times);
    memlog_gc();
    check_exact(0, 0);
}
END_TEST

START_TEST(a_child_has_a_profile_of_its_own)
{
    allocate_all();
    for (int i = 0; i < 20; i++) {
        pid_t child = fork();
        if (child == 0) {
            for (size_t k = 0; k < COUNT; k += 2)
                memlog_free(objects[k]);
            objects[0] = memlog_malloc(1234);
            check_exact(0, 0);
            _exit(0);
        }
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    check_exact(0, 0);
}
END_TEST

/* ---- signals ------------------------------------------------------------------------- */

static int handled;
static void allocate_in_handler(int signal)
{
    (void)signal;
    memlog_free(memlog_malloc(48)); /* not from within memlog: the signal is raised below */
    handled++;
}

START_TEST(handlers_may_allocate)
{
    signal(SIGUSR1, allocate_in_handler);
    for (int i = 0; i < 100; i++) {
        objects[0] = memlog_malloc(100);
        raise(SIGUSR1);
        memlog_free(objects[0]);
    }
    ck_assert_int_eq(handled, 100);
    check_exact(0, 0);
}
END_TEST

/* ---- what is said ----------------------------------------------------------------------- */

START_TEST(errors_are_said)
{
    allocate_all();
    ck_assert_int_eq(memlog_profile_write(1, 2), -EINVAL);
    ck_assert_int_eq(memlog_profile_write(1, -1), -EINVAL);
    ck_assert_int_eq(memlog_profile_write(-1, MEMLOG_PROFILE_PPROF), -EBADF);
    ck_assert_int_eq(memlog_profile_write(-1, MEMLOG_PROFILE_TEXT), -EBADF);
    int full = open("/dev/full", O_WRONLY);
    ck_assert_int_eq(memlog_profile_write(full, MEMLOG_PROFILE_PPROF), -ENOSPC);
    check_exact(0, 0);
}
END_TEST

/* Whoever reads it has gone, or the file may not grow: no signal. */
START_TEST(no_signal_comes_of_writing)
{
    int ends[2];
    allocate_all();
    for (int format = MEMLOG_PROFILE_PPROF; format <= MEMLOG_PROFILE_TEXT; format++) {
        ck_assert_int_eq(pipe(ends), 0);
        close(ends[0]);
        ck_assert_int_eq(memlog_profile_write(ends[1], format), -EPIPE);
        close(ends[1]);
        ck_assert_int_eq(memlog_profile_write(ends[1], format), -EBADF);
        int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
        struct rlimit before, little = { 1000, RLIM_INFINITY };
        getrlimit(RLIMIT_FSIZE, &before);
        little.rlim_max = before.rlim_max;
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
        int error = memlog_profile_write(fd, format);
        setrlimit(RLIMIT_FSIZE, &before);
        ck_assert_int_eq(error, -EFBIG);
        close(fd);
    }
    check_exact(0, 0);
}
END_TEST

/* ---- several at once ---------------------------------------------------------------------- */

enum { WRITERS = 6, WRITTEN_MOST = 1 << 18 };

/* Through a pipe, which takes it in parts. */
static void *write_into(void *end)
{
    return (void *)(intptr_t)memlog_profile_write((int)(intptr_t)end, MEMLOG_PROFILE_TEXT);
}

static size_t read_all(int fd, char *bytes, size_t most)
{
    size_t count = 0;
    ssize_t got;
    while (count < most && (got = read(fd, bytes + count, most - count)) > 0)
        count += (size_t)got;
    return count;
}

/* Nothing is allocated meanwhile: they say the same, but for what the system has mapped. */
START_TEST(several_threads_write_at_once)
{
    static char texts[WRITERS][WRITTEN_MOST];
    int ends[WRITERS][2];
    pthread_t threads[WRITERS];
    allocate_all();
    for (int i = 0; i < WRITERS; i++) {
        ck_assert_int_eq(pipe(ends[i]), 0);
        pthread_create(&threads[i], NULL, write_into, (void *)(intptr_t)ends[i][1]);
    }
    for (int i = WRITERS; i-- > 0;) {
        void *error;
        size_t count = 0;
        while (pthread_tryjoin_np(threads[i], &error) != 0) {
            struct pollfd ready = { .fd = ends[i][0], .events = POLLIN };
            if (poll(&ready, 1, 10) > 0)
                count += (size_t)read(ends[i][0], texts[i] + count, WRITTEN_MOST - count);
        }
        close(ends[i][1]);
        count += read_all(ends[i][0], texts[i] + count, WRITTEN_MOST - 1 - count);
        close(ends[i][0]);
        ck_assert_ptr_null(error);
        char *end = strstr(texts[i], "\nMAPPED_LIBRARIES:\n");
        ck_assert_ptr_nonnull(end);
        ck_assert_ptr_nonnull(strstr(end, "\n# DebugGC = "));
        *end = '\0';
        ck_assert_str_eq(texts[i], texts[WRITERS - 1]);
    }
    check_exact(0, 0);
}
END_TEST

/* The statistics come last, and are those of runtime.MemStats. */
START_TEST(the_text_ends_with_the_statistics)
{
    struct memlog_memstats stats;
    char line[64];
    allocate_all();
    memlog_read_memstats(&stats);
    write_profile();
    const char *tail = strstr(profile, "\n\n# runtime.MemStats\n"), *maps = strstr(profile, "\nMAPPED_LIBRARIES:\n");
    ck_assert_ptr_nonnull(tail);
    ck_assert_ptr_nonnull(maps);
    ck_assert(maps < tail);
    snprintf(line, sizeof(line), "\n# Alloc = %" PRIu64 "\n", stats.alloc);
    ck_assert_ptr_nonnull(strstr(tail, line));
    snprintf(line, sizeof(line), "\n# MCache = %" PRIu64 " / %" PRIu64 "\n", stats.mcache_inuse, stats.mcache_sys);
    ck_assert_ptr_nonnull(strstr(tail, line));
    unsigned lines = 0;
    for (const char *at = tail + 2; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    ck_assert_uint_eq(lines, 28);
}
END_TEST

UNIT_MAIN("api profile", frees_are_booked, sweeps_are_booked, all_doors_are_counted,
          resizing_is_booked, samples_may_be_watched_too, threads_come_and_go,
          it_can_be_written_at_any_time, a_child_has_a_profile_of_its_own, handlers_may_allocate,
          errors_are_said, no_signal_comes_of_writing, several_threads_write_at_once,
          the_text_ends_with_the_statistics)
