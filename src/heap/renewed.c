/* SPDX-License-Identifier: MIT */
#include "heap/renewed.h"

#include "heap/metadata.h"
#include "heap/pageheap.h"
#include "heap/threadcache.h"

enum { BITS = 1 << 19 }; /* 64 KiB, for 4 GiB of heap */

static uint64_t *notes; /* NULL: not begun, or there was no memory */

static void begin_locked(void)
{
    if (notes == NULL)
        notes = ml_metadata_alloc(ML_POOL_GC, BITS / 8);
    for (unsigned i = 0; notes != NULL && i < BITS / 64; i++)
        __atomic_store_n(&notes[i], 0, __ATOMIC_RELAXED);
}

void ml_renewed_begin(void)
{
    ml_heap_enter(ml_thread_self);
    ml_lock(&ml_pageheap_lock);
    begin_locked();
    ml_unlock(&ml_pageheap_lock);
    ml_heap_leave(ml_thread_self);
}

static void note(size_t page)
{
    uint64_t *word = &notes[page % BITS / 64];
    __atomic_store_n(word, *word | (uint64_t)1 << (page & 63), __ATOMIC_RELAXED);
}

void ml_renewed_note(uintptr_t base, uint32_t pages)
{
    if (notes == NULL)
        return;
    size_t first = ml_page_of(base);
    for (size_t page = first; page < first + ml_min(pages, BITS); page++)
        note(page);
}

bool ml_is_renewed(uintptr_t address)
{
    size_t page = ml_page_of(address);
    return notes == NULL ||
           (__atomic_load_n(&notes[page % BITS / 64], __ATOMIC_RELAXED) >> (page & 63) & 1) != 0;
}
