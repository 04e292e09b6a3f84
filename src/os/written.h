/* SPDX-License-Identifier: MIT */
/* written.h - which pages were written, told by the kernel.
 *
 *            add           arm                write, by whomever
 *   unknown -----> added ------> armed page -----------------> written page
 *                                    ^                               |
 *                                    +-------- scan, REARM ----------+
 *
 * For a collector that marks while the program runs: what was written after
 * the arming has to be looked at again. A write to an armed page costs one
 * page fault that the kernel settles by itself: no signal, no thread that has
 * to answer, no EFAULT in read(2), no mapping split. Records are by page, and
 * may name too much, never too little: a page that was never armed, and one
 * released and touched again, counts as written.
 *
 * Not seen: writes by devices into pages that were pinned before the arming
 * (io_uring's registered buffers, RDMA), and by other processes into memory
 * that is shared; memlog's heap is private. Not for memory with its own
 * userfaultfd.
 *
 * It takes userfaultfd(2) with UFFD_FEATURE_WP_ASYNC and PAGEMAP_SCAN
 * (ioctl_pagemap_scan(2)): Linux 6.7 and later, where nothing forbids it.
 *
 * Ranges are begin to end, in multiples of the system's page. An open record
 * is only read by the calls below: all of them but open and close may run at
 * once in several threads, and in signal handlers. They are raw system calls
 * on the caller's stack (2 KiB): nothing is allocated, errno stays as it was.
 */
#ifndef ML_OS_WRITTEN_H
#define ML_OS_WRITTEN_H

#include <stddef.h>
#include <stdint.h>

/* A descriptor, and how to tell that it is still the one we opened: programs
 * close what they did not open. */
struct ml_os_descriptor {
    int fd;
    uint64_t device;
    uint64_t inode;
};
/* The struct is the caller's. Two descriptors, close-on-exec, out of the low
 * numbers. */
struct ml_os_written {
    struct ml_os_descriptor protector; /* userfaultfd */
    struct ml_os_descriptor pagemap;   /* /proc/self/pagemap */
};
#define ML_OS_WRITTEN_CLOSED { { -1, 0, 0 }, { -1, 0, 0 } }

/* Open both, and try on a few pages whether writes are told. 0; or -errno,
 * written is closed and *reason (static) is what failed, to be printed before
 * the text of that errno: -ENOTSUP when all calls succeed and the answer is
 * wrong. Maps and unmaps five pages. */
int ml_os_written_open(struct ml_os_written *written, const char **reason);
/* Close what is open. The kernel forgets the ranges with the last copy of the
 * descriptors: a forked child may still have them, so remove ranges first.
 *
 * After fork, the child's copies still speak of the parent's memory. The
 * child calls this and may open anew; none of its memory is added or armed.
 * The parent's records go on. */
void ml_os_written_close(struct ml_os_written *written);

/* Add a range of private anonymous mappings, accessible or not: best a whole
 * reservation, once and however large (it takes no memory). What is committed
 * in it later is in it already, and merges with what is there. Were only the
 * committed part added, each growth would be a mapping of its own until it is
 * added too, and scans over it would fail. A mapping that mremap moves or that
 * is made anew leaves. 0 or -errno (-EBUSY: another userfaultfd has it). */
int ml_os_written_add(const struct ml_os_written *written, uintptr_t begin, uintptr_t end);
/* Disarm, and take out again: the range, or a part. 0 or -errno. */
int ml_os_written_remove(const struct ml_os_written *written, uintptr_t begin, uintptr_t end);

/* When this has returned every page of the range is armed: whoever writes to
 * it is recorded. Writes that happen meanwhile may be or not. Never touched
 * memory costs nothing, and its first touch is recorded. Added ranges only.
 * 0 or -errno: it may be armed in part. */
int ml_os_written_arm(const struct ml_os_written *written, uintptr_t begin, uintptr_t end);
/* No more faults; the records are gone: each page counts as written. Costs
 * several times an arming. 0 or -errno. */
int ml_os_written_disarm(const struct ml_os_written *written, uintptr_t begin, uintptr_t end);

enum ml_os_written_scan {
    ML_OS_WRITTEN_GET,   /* the written pages; the records stay */
    ML_OS_WRITTEN_REARM, /* the written pages, armed again before visit hears of them */
};
/* visit runs of written pages from the lowest to the highest; runs may touch
 * one another. A page that holds no memory may be among them, until REARM arms
 * it like the rest: that takes page tables (0.2 % of it). With REARM a write is
 * in this scan or the next, never in none: what visit reads then is what was
 * written before, or it is named again. visit may write to the range and scan
 * itself.
 * The number of pages visited, or -errno: then take all pages of the range as
 * written, since some may be armed again that visit has not heard of. -EPERM:
 * a part of the range is not added. Signals do not end a scan, unless they end
 * the process. */
long ml_os_written_scan(const struct ml_os_written *written, uintptr_t begin, uintptr_t end,
                        enum ml_os_written_scan how,
                        void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                        void *argument);

/* --- the part of the above that tests call with input of their own --- */

/* ml_os_written_scan, learning at most that many runs from one system call. */
enum { ML_OS_WRITTEN_RUNS = 64 };
long ml_os_written_scan_by(const struct ml_os_written *written, size_t runs, uintptr_t begin,
                           uintptr_t end, enum ml_os_written_scan how,
                           void (*visit)(uintptr_t begin, uintptr_t end, void *argument),
                           void *argument);

#endif
