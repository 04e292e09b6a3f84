/* SPDX-License-Identifier: MIT */
/* written_unit.h - for the tests of os/written: an area whose pages are
 * watched, and what a scan of it says as a line of text: "1" for a page that
 * was written, "." for one that was not.
 *
 * Where the kernel can't do it, the test program is skipped before its main.
 */
#ifndef MEMLOG_TESTS_WRITTEN_UNIT_H
#define MEMLOG_TESTS_WRITTEN_UNIT_H

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/pages.h"
#include "os/process.h"
#include "os/written.h"
#include "unit.h"

#define PAGEMAP_SCAN_OF_96_BYTES _IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 96)

static struct ml_os_written written = ML_OS_WRITTEN_CLOSED;
static const enum ml_os_written_scan GET = ML_OS_WRITTEN_GET;
static const enum ml_os_written_scan REARM = ML_OS_WRITTEN_REARM;

/* What the kernel lacks, or NULL. Asked without the code under test: a fault in
 * there is to fail, not to skip. */
static inline const char *lacking(void)
{
    enum { WP_UNPOPULATED = 1 << 13, WP_ASYNC = 1 << 15 };
    struct uffdio_api api = { .api = UFFD_API, .features = WP_UNPOPULATED | WP_ASYNC };
    int protector = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    const char *what = NULL;
    if (protector < 0)
        what = "userfaultfd";
    else if (ioctl(protector, UFFDIO_API, &api) != 0)
        what = "UFFD_FEATURE_WP_ASYNC";
    else if (pagemap < 0)
        what = "/proc/self/pagemap";
    else if (ioctl(pagemap, PAGEMAP_SCAN_OF_96_BYTES, NULL) != 0 && errno == ENOTTY)
        what = "PAGEMAP_SCAN";
    close(protector);
    close(pagemap);
    return what;
}

__attribute__((constructor)) static void skip_where_it_cannot_be(void)
{
    const char *what = lacking();
    if (what == NULL)
        return;
    printf("skipped: no %s\n", what);
    exit(77);
}

struct area {
    char *begin;
    size_t pages;
};

static inline size_t page_bytes(void)
{
    return ml_os_page_bytes();
}
static inline char *page_of(struct area area, size_t page)
{
    return area.begin + page * page_bytes();
}
static inline uintptr_t begin_of(struct area area)
{
    return (uintptr_t)area.begin;
}
static inline uintptr_t end_of(struct area area)
{
    return (uintptr_t)page_of(area, area.pages);
}

static inline void touch(struct area area)
{
    for (size_t page = 0; page < area.pages; page++)
        *(volatile char *)page_of(area, page) = 1;
}

/* Committed memory in a reservation that is added whole and four times as large. */
static inline struct area untouched_area(size_t pages)
{
    const char *reason = NULL;
    if (written.protector.fd < 0)
        ck_assert_int_eq(ml_os_written_open(&written, &reason), 0);
    struct area area = { ml_os_reserve(4 * pages * page_bytes()), pages };
    ck_assert_ptr_nonnull(area.begin);
    ck_assert_int_eq(ml_os_commit(area.begin, pages * page_bytes()), 0);
    ck_assert_int_eq(ml_os_written_add(&written, begin_of(area),
                                       begin_of(area) + 4 * pages * page_bytes()),
                     0);
    return area;
}
static inline void arm(struct area area)
{
    ck_assert_int_eq(ml_os_written_arm(&written, begin_of(area), end_of(area)), 0);
}
static inline struct area armed_area(size_t pages)
{
    struct area area = untouched_area(pages);
    touch(area);
    arm(area);
    return area;
}

/* What a scan has said so far. */
struct answer {
    struct area area;
    char *text;
    uintptr_t last_end;
    long pages;
};

static inline void note(uintptr_t begin, uintptr_t end, void *argument)
{
    struct answer *answer = argument;
    ck_assert_uint_ge(begin, answer->last_end);
    ck_assert_uint_gt(end, begin);
    ck_assert_uint_le(end, end_of(answer->area));
    ck_assert_uint_eq((begin | end) % page_bytes(), 0);
    size_t first = (begin - begin_of(answer->area)) / page_bytes();
    size_t pages = (end - begin) / page_bytes();
    memset(answer->text + first, '1', pages);
    answer->last_end = end;
    answer->pages += (long)pages;
}

/* The text belongs to the caller, who need not free it. */
static inline char *scan_by(struct area area, size_t runs, enum ml_os_written_scan how)
{
    struct answer answer = { area, malloc(area.pages + 1), begin_of(area), 0 };
    memset(answer.text, '.', area.pages);
    answer.text[area.pages] = '\0';
    ck_assert_int_eq(ml_os_written_scan_by(&written, runs, begin_of(area), end_of(area), how, note,
                                           &answer),
                     answer.pages);
    return answer.text;
}
static inline char *scan(struct area area, enum ml_os_written_scan how)
{
    return scan_by(area, ML_OS_WRITTEN_RUNS, how);
}

/* How many pages, or -errno. */
static inline void ignore(uintptr_t begin, uintptr_t end, void *argument)
{
    (void)begin, (void)end, (void)argument;
}
static inline long scan_result(struct area area, enum ml_os_written_scan how)
{
    return ml_os_written_scan(&written, begin_of(area), end_of(area), how, ignore, NULL);
}

#endif
