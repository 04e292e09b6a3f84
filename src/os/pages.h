/* SPDX-License-Identifier: MIT */
/* pages.h - address space and memory from the operating system.
 *
 *   reserve          commit             touch
 *   ------> reserved ------> committed ------> backed
 *                               ^                |
 *                               +--- release ----+
 *
 * Reserved: addresses, no access, and nothing of it in a core file: debuggers would write a
 * terabyte of zeros. Committed: readable and writable, all zero, no physical memory yet.
 * Backed: physical memory behind it. Committing grows a range upwards, so that a range is two
 * mappings however often it grows; releasing never splits a mapping. Accounting is the caller's.
 */
#ifndef ML_OS_PAGES_H
#define ML_OS_PAGES_H

#include <stddef.h>
#include <stdint.h>

/* Address space, aligned to 2 MiB; NULL when there is not that much. */
void *ml_os_reserve(size_t bytes);
/* 0 or -errno; address and bytes in multiples of the system's page. */
int ml_os_commit(void *address, size_t bytes);
/* The same for what tells nobody anything later: core files do not hold it. */
int ml_os_commit_scratch(void *address, size_t bytes);
/* Give the memory back; it reads as zero afterwards. 0 or -errno. */
int ml_os_release(void *address, size_t bytes);
/* A wish: [address, address + bytes), committed or not, is to be made of huge
 * pages from now on. Both are multiples of ML_OS_HUGE_PAGE_BYTES. */
enum { ML_OS_HUGE_PAGE_BYTES = 2 << 20 };
void ml_os_prefer_huge_pages(void *address, size_t bytes);
/* Committed memory in a mapping of its own; NULL on failure. */
void *ml_os_map(size_t bytes);
void ml_os_unmap(void *address, size_t bytes);
/* The system's page size, a power of two. */
size_t ml_os_page_bytes(void);
/* Bytes of address space this process may still map (RLIMIT_AS); SIZE_MAX: no limit. */
size_t ml_os_address_space_left(void);

#endif
