/* SPDX-License-Identifier: MIT */
/* renewed.h - pages that came into use since a mark began.
 *
 * What a marker has found out about an address holds as long as the address
 * stays in the same span. The page heap notes each page that it hands out, and
 * who wants to rely on something found earlier asks here first. The notes are a
 * table of fixed size: far apart addresses share a bit, and the answer may be
 * yes too often.
 */
#ifndef ML_HEAP_RENEWED_H
#define ML_HEAP_RENEWED_H

#include <stdbool.h>
#include <stdint.h>

/* Forget all, and note from now on. The calling thread is not inside the heap. */
void ml_renewed_begin(void);
/* Page heap's lock held. */
void ml_renewed_note(uintptr_t base, uint32_t pages);
/* Whether the page of the address may have come into use. World stopped. */
bool ml_is_renewed(uintptr_t address);

#endif
