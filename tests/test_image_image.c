/* SPDX-License-Identifier: MIT */
/* test_image_image.c - the numbers out of a process's memory are those that it reads
 * itself: here this one's, or a forked child's that goes on meanwhile.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/image.h"
#include "identities.h"
#include "memlog.h"
#include "stats/root.h"

static pid_t pid;

static struct ml_image *open_image(void)
{
    const struct ml_memory memory = { ml_memory_of_process, &pid };
    int error;
    struct ml_image *image = ml_image_open(&memory, (uintptr_t)&memlog_root, &error);
    ck_assert_msg(image != NULL, "ml_image_open: %d", error);
    return image;
}

static struct ml_raw_stats raw; /* large */

static struct memlog_memstats stats_of(struct ml_image *image)
{
    struct memlog_memstats stats;
    ck_assert_int_eq(ml_image_read(image, &raw), 0);
    ck_assert(!ml_image_is_torn(image));
    ml_stats_from_raw(&stats, &raw);
    return stats;
}

static void use_the_heap(void)
{
    static void *kept[1000];
    for (int i = 0; i < 1000; i++) {
        kept[i] = i % 3 == 0 ? memlog_malloc_uncollectable((size_t)i * 7)
                             : memlog_malloc_noscan((size_t)i * 100);
        if (i % 5 == 0)
            memlog_free(memlog_malloc((size_t)i));
    }
    memlog_gc();
    memlog_keep_alive(kept[999]);
}

START_TEST(numbers_are_those_of_the_process_itself)
{
    struct memlog_memstats inside;
    struct memlog_extra extra = { .size = sizeof(extra) }, extra_inside = extra;
    pid = getpid();
    use_the_heap();
    struct ml_image *image = open_image();
    struct memlog_memstats outside = stats_of(image);
    memlog_read_memstats(&inside);
    ck_assert_mem_eq(&outside, &inside, sizeof(inside));
    ml_extra_from_raw(&extra, &raw);
    memlog_read_extra(&extra_inside);
    extra.rss = extra_inside.rss; /* the system's numbers are not in the heap's memory */
    extra.cgroup_limit = extra_inside.cgroup_limit;
    ck_assert_mem_eq(&extra, &extra_inside, sizeof(extra));
    ml_image_close(image);
}
END_TEST

START_TEST(collections_are_remembered_as_inside)
{
    struct ml_gc_record inside, outside;
    pid = getpid();
    struct ml_image *image = open_image();
    ck_assert_uint_eq(ml_image_cycles(image), 0);
    ck_assert(!ml_image_cycle(image, 0, &outside));
    for (unsigned i = 1; i <= 300; i++) {
        memlog_gc();
        ck_assert_uint_eq(ml_image_cycles(image), i);
        ck_assert(ml_image_cycle(image, i, &outside));
        ck_assert(ml_gc_record_read(i, &inside));
        ck_assert_mem_eq(&outside, &inside, sizeof(inside));
    }
    ck_assert(!ml_image_cycle(image, 301, &outside));
    ck_assert(!ml_image_cycle(image, 300 - MEMLOG_PAUSES, &outside));
    ml_image_close(image);
}
END_TEST

/* ---- in the middle of an update ------------------------------------------------------------ */

/* Whether the calling thread is met in the middle of one. */
static bool am_met(struct ml_image *image)
{
    uint32_t tids[64];
    ck_assert_int_eq(ml_image_read(image, &raw), 0);
    size_t count = ml_image_amid(image, tids, 64);
    for (size_t i = 0; i < count && i < 64; i++)
        if (tids[i] == (uint32_t)gettid())
            return ck_assert(ml_image_met_update(image)), true;
    return false;
}

START_TEST(a_thread_in_the_middle_of_an_update_is_met)
{
    pid = getpid();
    use_the_heap();
    struct ml_image *image = open_image();
    ck_assert(!am_met(image));
    ml_thread_self->inside++;
    ck_assert(am_met(image));
    ml_thread_self->inside--;
    ck_assert(!am_met(image));
    for (unsigned bin = 0; bin < ML_BINS; bin++) {
        struct ml_magazine *magazine = &ml_thread_self->magazines[bin];
        if (magazine->top == magazine->bottom)
            continue;
        magazine->top--; /* taken, and not counted yet */
        bool is_met = am_met(image);
        magazine->top++;
        ck_assert_msg(is_met, "bin %u", bin);
    }
    ck_assert(!am_met(image));
    ml_image_close(image);
}
END_TEST

START_TEST(an_update_that_does_not_end_is_told)
{
    uint32_t *sequence = NULL;
    pid = getpid();
    use_the_heap();
    for (const struct ml_published *at = memlog_root.published; at < memlog_root.published_end; at++)
        if (strcmp(at->name, "pageheap.sequence") == 0)
            sequence = (uint32_t *)at->address;
    ck_assert_ptr_nonnull(sequence);
    struct ml_image *image = open_image();
    __atomic_add_fetch(sequence, 1, __ATOMIC_RELAXED);
    int error = ml_image_read(image, &raw);
    bool is_torn = ml_image_is_torn(image);
    __atomic_add_fetch(sequence, 1, __ATOMIC_RELAXED);
    ck_assert_int_eq(error, 0);
    ck_assert(is_torn);
    ck_assert(ml_image_met_update(image));
    (void)stats_of(image);
    ml_image_close(image);
}
END_TEST

START_TEST(lines_of_its_log_are_counted)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    const struct memlog_log_options options = {
        .size = sizeof(options), .file = "/dev/null", .interval_ns = UINT64_C(3600000000000)
    };
    pid = getpid();
    use_the_heap();
    struct ml_image *image = open_image();
    ml_image_add_log_counts(image, &extra);
    ck_assert_uint_eq(extra.log_samples, 0);
    ck_assert_int_eq(memlog_log_start(&options), 0);
    ck_assert_int_eq(memlog_log_sample(), 0);
    ml_image_add_log_counts(image, &extra);
    ck_assert_uint_eq(extra.log_samples, 2);
    ck_assert_uint_eq(extra.log_lost, 0);
    memlog_log_stop();
    ml_image_close(image);
}
END_TEST

/* ---- while it goes on ----------------------------------------------------------------- */

enum { WORKERS = 4 };

static void *work(void *unused)
{
    enum { SHELVES = 256 };
    static void *shelves[SHELVES];
    uint64_t random = (uintptr_t)&unused;
    for (;;) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        size_t bytes = (random >> 40) % ((random >> 33) % 64 == 0 ? 200000 : 700);
        void *old = __atomic_exchange_n(&shelves[(random >> 20) % SHELVES],
                                        memlog_malloc_uncollectable(bytes), __ATOMIC_ACQ_REL);
        memlog_free(old);
    }
    return NULL;
}

_Noreturn static void work_in_child(void)
{
    pthread_t thread;
    for (int i = 1; i < WORKERS; i++)
        pthread_create(&thread, NULL, work, NULL);
    work(NULL);
    _exit(1);
}

START_TEST(numbers_fit_together_while_threads_work)
{
    int snapshots = getenv("MEMLOG_FULL") != NULL ? 20000 : 2000;
    static struct memlog_memstats before, now;
    pid = fork();
    if (pid == 0)
        work_in_child();
    struct ml_image *image = open_image();
    for (int i = 0; i < snapshots; i++) {
        now = stats_of(image);
        check_identities(&now);
        if (i > 0)
            check_totals_grow(&before, &now);
        before = now;
    }
    ck_assert_uint_gt(now.mallocs, 10000);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    ck_assert_int_eq(ml_image_read(image, &raw), -ESRCH);
    ml_image_close(image);
}
END_TEST

/* ---- what is no memlog, or another ------------------------------------------------------- */

static struct memlog_root spoilt;

static int refusal(void)
{
    const struct ml_memory memory = { ml_memory_of_process, &pid };
    int error;
    pid = getpid();
    ck_assert_ptr_null(ml_image_open(&memory, (uintptr_t)&spoilt, &error));
    return error;
}

START_TEST(another_version_is_refused)
{
    spoilt = memlog_root;
    spoilt.magic[0] = 'M';
    ck_assert_int_eq(refusal(), -ENOTSUP);
    spoilt = memlog_root;
    spoilt.version++;
    ck_assert_int_eq(refusal(), -ENOTSUP);
    spoilt = memlog_root;
    spoilt.layout++;
    ck_assert_int_eq(refusal(), -ENOTSUP);
    spoilt = memlog_root;
    spoilt.published_end = spoilt.published + 3; /* not all that is needed */
    ck_assert_int_eq(refusal(), -ENOTSUP);
    spoilt.published_end = spoilt.published + 100000;
    ck_assert_int_eq(refusal(), -ENOTSUP);
}
END_TEST

START_TEST(what_is_not_there_is_an_error)
{
    const struct ml_memory memory = { ml_memory_of_process, &pid };
    int error;
    pid = getpid();
    ck_assert_ptr_null(ml_image_open(&memory, 8, &error));
    ck_assert_int_eq(error, -EFAULT);
}
END_TEST

/* ---- where the system call is refused, as by a container's seccomp profile ----------------- */

static void refuse_process_vm_readv(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_process_vm_readv, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };
    ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

START_TEST(numbers_come_where_the_call_is_refused)
{
    const struct ml_memory memory = { ml_memory_of_process, &pid };
    char byte;
    pid = getpid();
    use_the_heap();
    struct ml_image *image = open_image();
    struct memlog_memstats by_call = stats_of(image);
    refuse_process_vm_readv();
    struct memlog_memstats by_file = stats_of(image);
    ck_assert_uint_eq(by_call.alloc, by_file.alloc);
    ck_assert_uint_eq(by_call.mallocs, by_file.mallocs);
    ml_image_close(image);
    ck_assert_int_eq(memory.read(&pid, 8, &byte, 1), -EFAULT);
    /* One that has ended, and is still listed; then no more. */
    pid = fork();
    if (pid == 0)
        _exit(0);
    siginfo_t info;
    ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    ck_assert_int_eq(memory.read(&pid, (uintptr_t)&byte, &byte, 1), -ESRCH);
    waitpid(pid, NULL, 0);
    ck_assert_int_eq(memory.read(&pid, (uintptr_t)&byte, &byte, 1), -ESRCH);
}
END_TEST

UNIT_MAIN("cli image", numbers_are_those_of_the_process_itself, collections_are_remembered_as_inside,
          numbers_fit_together_while_threads_work, another_version_is_refused,
          what_is_not_there_is_an_error, numbers_come_where_the_call_is_refused,
          a_thread_in_the_middle_of_an_update_is_met, an_update_that_does_not_end_is_told,
          lines_of_its_log_are_counted)
