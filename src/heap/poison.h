/* SPDX-License-Identifier: MIT */
/* poison.h - what lies in memory that nobody has, so that who writes there is
 * found out. Off, unless it is started before the heap exists.
 *
 * While it is on:
 *   a free slot of a small span is full of ML_POISON_BYTE,
 *   so is a page of a free run that memory stands behind, and all others are zero,
 *   magazines stay empty: each allocation and each free takes the slow path,
 *   where one slot is taken from or given to its span, and looked at or filled.
 * The fast path has no part in it: to it every magazine is empty and full.
 *
 * As a pointer the pattern is no address at all, and using it ends the program
 * at once.
 */
#ifndef ML_HEAP_POISON_H
#define ML_HEAP_POISON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ML_POISON_BYTE = 0xdf };

extern bool ml_poison_on; /* constant once the heap exists */

/* False when it is too late: the heap exists already. */
bool ml_poison_start(void);

/* A slot becomes free; its size is a multiple of 16. */
void ml_poison_slot(void *slot, size_t bytes);
/* A free slot is about to be used. Ends the program when it is not as it was left. */
void ml_poison_check_slot(const void *slot, size_t bytes);

/* A run becomes free, or free pages are about to be used; page heap's lock. Of a
 * long run only the beginning is filled and the rest released: the bytes that
 * were. */
uint64_t ml_poison_run(uintptr_t base, uint32_t pages);
void ml_poison_check_run(uintptr_t base, uint32_t pages);

#endif
