/* SPDX-License-Identifier: MIT */
/* written_linux.c - written pages through userfaultfd and PAGEMAP_SCAN.
 *
 * An armed page is write-protected in the page table and marked there as
 * userfaultfd's; with UFFD_FEATURE_WP_ASYNC the fault takes both away and the
 * write goes on. So "written" is the absence of that mark. Arming, too, is done
 * by PAGEMAP_SCAN and not by UFFDIO_WRITEPROTECT: that takes three times as
 * long and makes page tables for memory nobody has touched (0.2 % of it, and
 * no huge page fits there afterwards).
 */
#include "os/written.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/bits.h"
#include "os/living.h"
#include "os/pages.h"
#include "os/syscall_linux.h"

/* --- the kernel's interface, where Linux 6.1's headers end ------------------ */

enum {
    FEATURE_WP_UNPOPULATED = 1 << 13, /* marks without a page, too: PAGEMAP_SCAN wants it on */
    FEATURE_WP_ASYNC = 1 << 15,
};
enum page_category {
    PAGE_WRITTEN = 1 << 1,
    PAGE_PRESENT = 1 << 3,
    PAGE_SWAPPED = 1 << 4,
};
enum pagemap_scan_flag {
    SCAN_PROTECTS = 1 << 0,          /* the pages that match, before it returns */
    SCAN_CHECKS_PROTECTION = 1 << 1, /* -EPERM where a write would go unnoticed */
};
struct page_region {
    uint64_t begin, end, categories;
};
struct pagemap_scan {
    uint64_t size, flags;
    uint64_t begin, end;
    uint64_t stopped_at; /* out: end, or less when the regions were full */
    uint64_t regions, regions_count, pages_limit;
    uint64_t inverted, all_of, any_of, returned; /* enum page_category */
};
_Static_assert(sizeof(struct page_region) == 24 && sizeof(struct pagemap_scan) == 96,
               "the kernel's layout");
#define PAGEMAP_SCAN_REQUEST _IOWR('f', 16, struct pagemap_scan)

static long ioctl_of(const struct ml_os_descriptor *descriptor, unsigned long request,
                     void *argument)
{
    return ml_syscall3(SYS_ioctl, descriptor->fd, (long)request, (long)argument);
}

/* --- descriptors ------------------------------------------------------------- */

/* Where the program does not look for what its own open() gives it. */
static int move_up(int fd)
{
    enum { OUT_OF_THE_WAY = 64, FIRST_AFTER_STDIO = 3, DUPLICATE_CLOSE_ON_EXEC = 1030 };
    long moved = ml_syscall3(SYS_fcntl, fd, DUPLICATE_CLOSE_ON_EXEC, OUT_OF_THE_WAY);
    if (moved < 0 && fd >= FIRST_AFTER_STDIO)
        return fd;
    if (moved < 0)
        moved = ml_syscall3(SYS_fcntl, fd, DUPLICATE_CLOSE_ON_EXEC, FIRST_AFTER_STDIO);
    ml_sys_close(fd);
    return (int)moved;
}

static bool identify(int fd, uint64_t *device, uint64_t *inode)
{
    struct stat status;
    if (ml_syscall3(SYS_fstat, fd, (long)&status, 0) != 0)
        return false;
    *device = status.st_dev;
    *inode = status.st_ino;
    return true;
}

/* Take over what an open gave: 0, or its -errno. */
static int adopt(struct ml_os_descriptor *descriptor, int fd)
{
    if (fd >= 0)
        fd = move_up(fd);
    if (fd < 0)
        return fd;
    descriptor->fd = fd;
    identify(fd, &descriptor->device, &descriptor->inode);
    return 0;
}

static void close_if_ours(struct ml_os_descriptor *descriptor)
{
    uint64_t device, inode;
    if (descriptor->fd >= 0 && identify(descriptor->fd, &device, &inode) &&
        device == descriptor->device && inode == descriptor->inode)
        ml_sys_close(descriptor->fd);
    descriptor->fd = -1;
}

void ml_os_written_close(struct ml_os_written *written)
{
    close_if_ours(&written->protector);
    close_if_ours(&written->pagemap);
}

/* --- ranges -------------------------------------------------------------------- */

int ml_os_written_add(const struct ml_os_written *written, uintptr_t begin, uintptr_t end)
{
    struct uffdio_register range = { .range = { begin, end - begin },
                                     .mode = UFFDIO_REGISTER_MODE_WP };
    return (int)ioctl_of(&written->protector, UFFDIO_REGISTER, &range);
}

int ml_os_written_remove(const struct ml_os_written *written, uintptr_t begin, uintptr_t end)
{
    struct uffdio_range range = { begin, end - begin };
    return (int)ioctl_of(&written->protector, UFFDIO_UNREGISTER, &range);
}

int ml_os_written_disarm(const struct ml_os_written *written, uintptr_t begin, uintptr_t end)
{
    struct uffdio_writeprotect range = { .range = { begin, end - begin }, .mode = 0 };
    return (int)ioctl_of(&written->protector, UFFDIO_WRITEPROTECT, &range);
}

/* Nothing but that one bit is asked for: then it is all that the kernel looks at
 * in each entry, and is done in a quarter of the time. */
static struct pagemap_scan scan_of_written_pages(uintptr_t begin, uintptr_t end)
{
    return (struct pagemap_scan){ .size = sizeof(struct pagemap_scan),
                                  .flags = SCAN_CHECKS_PROTECTION,
                                  .begin = begin,
                                  .end = end,
                                  .all_of = PAGE_WRITTEN,
                                  .returned = PAGE_WRITTEN };
}

int ml_os_written_arm(const struct ml_os_written *written, uintptr_t begin, uintptr_t end)
{
    struct pagemap_scan scan = scan_of_written_pages(begin, end);
    scan.flags |= SCAN_PROTECTS;
    scan.any_of = PAGE_PRESENT | PAGE_SWAPPED; /* no page tables for memory that is not there */
    long result = ioctl_of(&written->pagemap, PAGEMAP_SCAN_REQUEST, &scan);
    return result < 0 ? (int)result : 0;
}

/* --- scanning -------------------------------------------------------------------- */

long ml_os_written_scan_by(const struct ml_os_written *written, size_t runs, uintptr_t begin,
                           uintptr_t end, enum ml_os_written_scan how,
                           void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                           void *argument)
{
    struct page_region regions[ML_OS_WRITTEN_RUNS];
    struct pagemap_scan scan = scan_of_written_pages(begin, end);
    scan.regions = (uintptr_t)regions;
    scan.regions_count = runs < ML_OS_WRITTEN_RUNS ? runs : ML_OS_WRITTEN_RUNS;
    if (how == ML_OS_WRITTEN_REARM)
        scan.flags |= SCAN_PROTECTS;

    uint64_t bytes = 0;
    while (scan.begin < end) {
        long found = ioctl_of(&written->pagemap, PAGEMAP_SCAN_REQUEST, &scan);
        if (found < 0)
            return found;
        if (scan.stopped_at <= scan.begin)
            return -EIO;
        for (long i = 0; i < found; i++) {
            bytes += regions[i].end - regions[i].begin;
            visit(regions[i].begin, regions[i].end, argument);
        }
        scan.begin = scan.stopped_at;
    }
    return (long)(bytes / ml_os_page_bytes());
}

long ml_os_written_scan(const struct ml_os_written *written, uintptr_t begin, uintptr_t end,
                        enum ml_os_written_scan how,
                        void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                        void *argument)
{
    return ml_os_written_scan_by(written, ML_OS_WRITTEN_RUNS, begin, end, how, visit, argument);
}

/* --- opening: nothing is believed that was not tried ------------------------------- */

enum { TRIAL_PAGES = 5 };

struct trial {
    const struct ml_os_written *written;
    uintptr_t begin, end;
    uint32_t pages; /* those visited: bit n for page n */
};

static void note_pages(uintptr_t begin, uintptr_t end, void *argument)
{
    struct trial *trial = argument;
    for (; begin < end; begin += ml_os_page_bytes())
        trial->pages |= UINT32_C(1) << (begin - trial->begin) / ml_os_page_bytes();
}

/* 0 when a scan finds these pages and no other. */
static int expect_pages(struct trial *trial, uint32_t pages)
{
    trial->pages = 0;
    long found = ml_os_written_scan(trial->written, trial->begin, trial->end, ML_OS_WRITTEN_REARM,
                                    note_pages, trial);
    if (found < 0)
        return (int)found;
    return trial->pages == pages ? 0 : -ENOTSUP;
}

static void write_to_page(const struct trial *trial, unsigned page)
{
    *(volatile char *)(trial->begin + page * ml_os_page_bytes()) = 1;
}

/* What a read(2) of the program does: the kernel writes. */
static int let_kernel_write_to_page(const struct trial *trial, unsigned page)
{
    uint64_t *entry = (uint64_t *)(trial->begin + page * ml_os_page_bytes());
    long got = ml_syscall4(SYS_pread64, trial->written->pagemap.fd, (long)entry, sizeof(*entry), 0);
    return got < 0 ? (int)got : 0;
}

/* Pages 0 to 3 were touched, page 4 is to be touched for the first time. */
static int try_pages(struct trial *trial)
{
    int result = ml_os_written_arm(trial->written, trial->begin, trial->end);
    if (result == 0)
        result = expect_pages(trial, 0);
    if (result == 0)
        result = let_kernel_write_to_page(trial, 2);
    write_to_page(trial, 0);
    write_to_page(trial, 4);
    if (result == 0)
        result = expect_pages(trial, 1 << 0 | 1 << 2 | 1 << 4);
    write_to_page(trial, 4);
    if (result == 0)
        result = expect_pages(trial, 1 << 4);
    return result;
}

static int try_it(const struct ml_os_written *written)
{
    size_t bytes = TRIAL_PAGES * ml_os_page_bytes();
    void *pages = ml_os_map(bytes);
    if (pages == NULL)
        return -ENOMEM;
    struct trial trial = { written, (uintptr_t)pages, (uintptr_t)pages + bytes, 0 };
    for (unsigned page = 0; page < TRIAL_PAGES - 1; page++)
        write_to_page(&trial, page);
    int result = ml_os_written_add(written, trial.begin, trial.end);
    if (result == 0) {
        result = try_pages(&trial);
        ml_os_written_remove(written, trial.begin, trial.end);
    }
    ml_os_unmap(pages, bytes);
    return result;
}

/* UFFD_USER_MODE_ONLY: every process may have that one, and nothing is lost:
 * a write by the kernel waits for no answer either. */
static int open_protector(struct ml_os_written *written)
{
    enum { CLOSE_ON_EXEC = 02000000 };
    return adopt(&written->protector,
                 (int)ml_syscall3(SYS_userfaultfd, CLOSE_ON_EXEC | UFFD_USER_MODE_ONLY, 0, 0));
}

static int ask_for_features(const struct ml_os_written *written)
{
    struct uffdio_api api = { .api = UFFD_API,
                              .features = FEATURE_WP_UNPOPULATED | FEATURE_WP_ASYNC };
    return (int)ioctl_of(&written->protector, UFFDIO_API, &api);
}

static int open_step_by_step(struct ml_os_written *written, const char **step)
{
    *step = "userfaultfd";
    int result = open_protector(written);
    if (result == -EPERM)
        *step = "userfaultfd (seccomp may forbid it)";
    if (result != 0)
        return result;
    *step = "userfaultfd that lets writes go on (Linux 6.7)";
    if ((result = ask_for_features(written)) != 0)
        return result;
    *step = "/proc/self/pagemap";
    char path[ML_OS_LIVING_BYTES];
    result = adopt(&written->pagemap, ml_sys_open_read(ml_os_living_file(path, 0, "/pagemap")));
    if (result != 0)
        return result;
    *step = "a trial of userfaultfd and PAGEMAP_SCAN (Linux 6.7)";
    return try_it(written);
}

int ml_os_written_open(struct ml_os_written *written, const char **reason)
{
    *written = (struct ml_os_written)ML_OS_WRITTEN_CLOSED;
    int result = open_step_by_step(written, reason);
    if (result != 0)
        ml_os_written_close(written);
    return result;
}
