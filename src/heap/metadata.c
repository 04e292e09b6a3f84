/* SPDX-License-Identifier: MIT */
#include "heap/metadata.h"

#include <stdint.h>
#include <string.h>

#include "base/bits.h"
#include "base/publish.h"
#include "os/pages.h"
#include "os/thread.h"

enum { SMALLEST = 64, OWN_MAPPING = 1 << 15, CHUNK = 1 << 16, SIZES = 10 };

struct block {
    struct block *next;
};

struct pool {
    struct ml_lock lock;
    char *at, *end; /* the chunk being cut up */
    struct block *free[SIZES]; /* by log2(bytes / SMALLEST) */
};

static struct pool pools[ML_POOLS];
/* Bytes of each. */
static uint64_t sys[ML_POOLS], inuse[ML_POOLS];
ML_PUBLISH("metadata.sys", sys);
ML_PUBLISH("metadata.inuse", inuse);
ML_PUBLISH_NUMBER(pool_threads, ML_POOL_THREADS);
ML_PUBLISH_NUMBER(pool_gc, ML_POOL_GC);
ML_PUBLISH_NUMBER(pool_profile, ML_POOL_PROFILE);
ML_PUBLISH_NUMBER(pool_other, ML_POOL_OTHER);

static void add(uint64_t *counter, uint64_t bytes)
{
    __atomic_store_n(counter, *counter + bytes, __ATOMIC_RELAXED);
}

static size_t rounded(size_t bytes)
{
    if (bytes <= SMALLEST)
        return SMALLEST;
    if (bytes >= OWN_MAPPING)
        return ml_align_up(bytes, ml_os_page_bytes());
    return (size_t)2 << ml_log2(bytes - 1);
}

static void *cut(struct pool *pool, size_t bytes)
{
    if ((size_t)(pool->end - pool->at) < bytes) {
        char *chunk = ml_os_map(CHUNK);
        if (chunk == NULL)
            return NULL;
        /* What is left of the old chunk is too small for this block; the pool
         * gives it up (less than OWN_MAPPING, once a chunk). */
        pool->at = chunk;
        pool->end = chunk + CHUNK;
        add(&sys[pool - pools], CHUNK);
    }
    void *block = pool->at;
    pool->at += bytes;
    return block;
}

void *ml_metadata_alloc(enum ml_pool which, size_t bytes)
{
    struct pool *pool = &pools[which];
    if (bytes > PTRDIFF_MAX)
        return NULL;
    bytes = rounded(bytes);
    ml_lock(&pool->lock);
    void *block;
    if (bytes >= OWN_MAPPING) {
        block = ml_os_map(bytes);
        if (block != NULL)
            add(&sys[pool - pools], bytes);
    } else {
        struct block **free = &pool->free[ml_log2(bytes / SMALLEST)];
        block = *free;
        if (block != NULL) {
            *free = (*free)->next;
            memset(block, 0, bytes);
        } else {
            block = cut(pool, bytes);
        }
    }
    if (block != NULL)
        add(&inuse[pool - pools], bytes);
    ml_unlock(&pool->lock);
    return block;
}

void ml_metadata_free(enum ml_pool which, void *address, size_t bytes)
{
    if (address == NULL)
        return;
    struct pool *pool = &pools[which];
    struct block *block = address;
    bytes = rounded(bytes);
    ml_lock(&pool->lock);
    if (bytes >= OWN_MAPPING) {
        ml_os_unmap(block, bytes);
        add(&sys[pool - pools], -(uint64_t)bytes);
    } else {
        struct block **free = &pool->free[ml_log2(bytes / SMALLEST)];
        block->next = *free;
        *free = block;
    }
    add(&inuse[pool - pools], -(uint64_t)bytes);
    ml_unlock(&pool->lock);
}

uint64_t ml_metadata_sys(enum ml_pool pool)
{
    return __atomic_load_n(&sys[pool], __ATOMIC_RELAXED);
}
uint64_t ml_metadata_inuse(enum ml_pool pool)
{
    return __atomic_load_n(&inuse[pool], __ATOMIC_RELAXED);
}

void ml_metadata_lock_all(void)
{
    for (int i = 0; i < ML_POOLS; i++)
        ml_lock(&pools[i].lock);
}

void ml_metadata_unlock_all(void)
{
    for (int i = ML_POOLS - 1; i >= 0; i--)
        ml_unlock(&pools[i].lock);
}
