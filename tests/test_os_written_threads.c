/* SPDX-License-Identifier: MIT */
/* test_os_written_threads.c - nothing is lost while other threads write: what
 * changed after the arming is named, and a copy kept up to date by scanning
 * and arming again is in the end what is there.
 *
 * Every page has one writer, which counts up in it: with a plain store, with
 * an atomic operation, or by letting the kernel write there.
 */
#include "os/written.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <unistd.h>

#include "written_unit.h"

enum { WRITERS = 3, PAGES = 96, WRITES_A_ROUND = 1000 };

struct writer {
    pthread_t thread;
    struct area area;
    unsigned number;
    int pipe[2];
    uint64_t rounds_asked; /* by the test */
    uint64_t rounds_done;  /* by the thread */
    bool ends;
};
static struct writer writers[WRITERS];

static uint64_t value_of(struct area area, size_t page)
{
    return __atomic_load_n((uint64_t *)page_of(area, page), __ATOMIC_RELAXED);
}

static void count_up(struct writer *writer, size_t page)
{
    uint64_t *counter = (uint64_t *)page_of(writer->area, page);
    uint64_t next = __atomic_load_n(counter, __ATOMIC_RELAXED) + 1;
    if (writer->number == 0) {
        __atomic_store_n(counter, next, __ATOMIC_RELAXED);
    } else if (writer->number == 1) {
        __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
    } else {
        ck_assert_int_eq(write(writer->pipe[1], &next, sizeof(next)), sizeof(next));
        /* Not read(): ThreadSanitizer takes that for a plain store of this thread's. */
        ck_assert_int_eq(syscall(SYS_read, writer->pipe[0], counter, sizeof(next)), sizeof(next));
    }
}

static void write_a_round(struct writer *writer, uint32_t *random)
{
    for (int i = 0; i < WRITES_A_ROUND; i++) {
        *random = *random * 1103515245 + 12345;
        size_t mine = (*random >> 16) % (PAGES / WRITERS);
        count_up(writer, mine * WRITERS + writer->number);
    }
}

static void *run_writer(void *argument)
{
    struct writer *writer = argument;
    uint32_t random = writer->number;
    while (!__atomic_load_n(&writer->ends, __ATOMIC_ACQUIRE)) {
        uint64_t asked = __atomic_load_n(&writer->rounds_asked, __ATOMIC_ACQUIRE);
        if (writer->rounds_done == asked) {
            sched_yield();
            continue;
        }
        write_a_round(writer, &random);
        __atomic_store_n(&writer->rounds_done, asked, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void start_writers(struct area area)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i].area = area;
        writers[i].number = i;
        ck_assert_int_eq(pipe(writers[i].pipe), 0);
        ck_assert_int_eq(pthread_create(&writers[i].thread, NULL, run_writer, &writers[i]), 0);
    }
}

static void ask_for_round(uint64_t round)
{
    for (unsigned i = 0; i < WRITERS; i++)
        __atomic_store_n(&writers[i].rounds_asked, round, __ATOMIC_RELEASE);
}

static bool all_have_done(uint64_t round)
{
    for (unsigned i = 0; i < WRITERS; i++)
        if (__atomic_load_n(&writers[i].rounds_done, __ATOMIC_ACQUIRE) != round)
            return false;
    return true;
}

static void wait_for_round(uint64_t round)
{
    while (!all_have_done(round))
        sched_yield();
}

static void end_writers(void)
{
    for (unsigned i = 0; i < WRITERS; i++) {
        __atomic_store_n(&writers[i].ends, true, __ATOMIC_RELEASE);
        ck_assert_int_eq(pthread_join(writers[i].thread, NULL), 0);
    }
}

static uint64_t rounds(void)
{
    return getenv("MEMLOG_FULL") != NULL ? 1000 : 40;
}

START_TEST(what_changes_after_the_arming_is_named)
{
    struct area area = untouched_area(PAGES);
    uint64_t after_arming[PAGES];
    touch(area);
    start_writers(area);
    for (uint64_t round = 1; round <= rounds(); round++) {
        ask_for_round(round);
        sched_yield();
        arm(area);
        for (size_t page = 0; page < PAGES; page++)
            after_arming[page] = value_of(area, page);
        wait_for_round(round);
        char *text = scan(area, ML_OS_WRITTEN_GET);
        for (size_t page = 0; page < PAGES; page++)
            ck_assert(text[page] == '1' || value_of(area, page) == after_arming[page]);
        free(text);
        if (round % 2 == 0)
            ck_assert_int_eq(ml_os_written_disarm(&written, begin_of(area), end_of(area)), 0);
    }
    end_writers();
}
END_TEST

struct copy {
    struct area area;
    uint64_t values[PAGES];
    long updates;
};

static void update(uintptr_t begin, uintptr_t end, void *argument)
{
    struct copy *copy = argument;
    for (uintptr_t at = begin; at < end; at += page_bytes()) {
        size_t page = (at - begin_of(copy->area)) / page_bytes();
        copy->values[page] = value_of(copy->area, page);
        copy->updates++;
    }
}

static void scan_into(struct copy *copy, size_t runs)
{
    ck_assert_int_ge(ml_os_written_scan_by(&written, runs, begin_of(copy->area),
                                           end_of(copy->area), ML_OS_WRITTEN_REARM, update, copy),
                     0);
}

static void assert_is_up_to_date(const struct copy *copy)
{
    for (size_t page = 0; page < PAGES; page++)
        ck_assert_uint_eq(copy->values[page], value_of(copy->area, page));
}

static void keep_a_copy(struct area area, size_t runs)
{
    struct copy copy = { .area = area };
    arm(area);
    update(begin_of(area), end_of(area), &copy);
    start_writers(area);
    for (uint64_t round = 1; round <= rounds(); round++) {
        ask_for_round(round);
        do
            scan_into(&copy, runs);
        while (!all_have_done(round));
        scan_into(&copy, runs);
        assert_is_up_to_date(&copy);
    }
    end_writers();
    ck_assert_int_gt(copy.updates, PAGES);
}

START_TEST(a_copy_kept_by_scanning_is_what_is_there)
{
    struct area area = untouched_area(PAGES);
    keep_a_copy(area, ML_OS_WRITTEN_RUNS);
}
END_TEST

START_TEST(a_copy_kept_by_scanning_run_by_run_is_what_is_there)
{
    struct area area = untouched_area(PAGES);
    touch(area);
    keep_a_copy(area, 1);
}
END_TEST

START_TEST(a_copy_of_a_huge_page_is_what_is_there)
{
    struct area area = untouched_area(ML_OS_HUGE_PAGE_BYTES / page_bytes());
    ml_os_prefer_huge_pages(area.begin, ML_OS_HUGE_PAGE_BYTES);
    touch(area);
    keep_a_copy((struct area){ area.begin, PAGES }, ML_OS_WRITTEN_RUNS);
}
END_TEST

static volatile sig_atomic_t alarms;

static void count_alarm(int signal)
{
    (void)signal;
    alarms++;
}

START_TEST(a_signal_does_not_end_a_scan)
{
    enum { MANY = 8000, ALARMS = 50 };
    struct area area = armed_area(MANY);
    const struct itimerval often = { { 0, 500 }, { 0, 500 } }, never = { { 0, 0 }, { 0, 0 } };
    struct sigaction action = { .sa_handler = count_alarm };
    for (size_t page = 0; page < MANY; page += 2)
        *page_of(area, page) = 2;
    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    while (alarms < ALARMS) {
        struct answer answer = { area, malloc(MANY + 1), 0, 0 };
        long pages = ml_os_written_scan(&written, begin_of(area), end_of(area), ML_OS_WRITTEN_REARM,
                                        note, &answer);
        ck_assert_int_eq(pages, MANY / 2);
        ck_assert_int_eq(answer.pages, MANY / 2);
        free(answer.text);
        for (size_t page = 0; page < MANY; page += 2)
            *page_of(area, page) = 2;
    }
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}
END_TEST

UNIT_MAIN("os written threads", what_changes_after_the_arming_is_named,
          a_copy_kept_by_scanning_is_what_is_there,
          a_copy_kept_by_scanning_run_by_run_is_what_is_there,
          a_copy_of_a_huge_page_is_what_is_there, a_signal_does_not_end_a_scan)
