/* SPDX-License-Identifier: MIT */
#include "profile/buckets.h"

#include <string.h>

#include "base/bits.h"
#include "base/publish.h"
#include "heap/metadata.h"
#include "memlog.h"

uint64_t ml_profile_bytes_most;

static struct ml_bucket **heads; /* a power of two of them */
static uint64_t heads_count, buckets_count;
static struct ml_bucket *newest;
ML_PUBLISH("profile.newest", newest);
ML_PUBLISH_NUMBER(bucket_shape, ML_BUCKET_SHAPE);
ML_PUBLISH_STRUCT(ml_bucket);
ML_PUBLISH_MEMBER(ml_bucket, next);
ML_PUBLISH_MEMBER(ml_bucket, size);
ML_PUBLISH_MEMBER(ml_bucket, counts);
ML_PUBLISH_MEMBER(ml_bucket, depth);
ML_PUBLISH_STRUCT(ml_bucket_counts);
ML_PUBLISH_MEMBER(ml_bucket_counts, allocs);
ML_PUBLISH_MEMBER(ml_bucket_counts, alloc_bytes);
ML_PUBLISH_MEMBER(ml_bucket_counts, frees);
ML_PUBLISH_MEMBER(ml_bucket_counts, free_bytes);
static char *at, *end; /* the chunk that buckets are cut from */

void *ml_profile_memory(uint64_t bytes)
{
    if (bytes > ml_profile_bytes_most ||
        ml_metadata_sys(ML_POOL_PROFILE) > ml_profile_bytes_most - bytes)
        return NULL;
    return ml_metadata_alloc(ML_POOL_PROFILE, bytes);
}

/* ---- keys ----------------------------------------------------------------------------- */

/* Sizes of which there are many lie near to each other: within 1/8 they share a bucket, or
 * a program that resizes one buffer would have a bucket for each page it had. */
static uint64_t rounded(uint64_t bytes)
{
    enum { EIGHTHS = 3, EXACT_UP_TO = 1 << 16 };
    if (bytes <= EXACT_UP_TO)
        return bytes;
    return ml_align_up(bytes, (uint64_t)1 << (ml_log2(bytes) - EIGHTHS));
}

static uint64_t hash_of(const uintptr_t *pcs, unsigned depth, uint64_t size)
{
    uint64_t hash = size;
    for (unsigned i = 0; i < depth; i++) {
        hash = (hash ^ pcs[i]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash;
}

/* ---- finding and making ------------------------------------------------------------------ */

static struct ml_bucket *find(uint64_t hash, const uintptr_t *pcs, unsigned depth, uint64_t size)
{
    struct ml_bucket *bucket = heads_count == 0 ? NULL : heads[hash & (heads_count - 1)];
    while (bucket != NULL &&
           !(bucket->hash == hash && bucket->size == size && bucket->depth == depth &&
             memcmp(bucket->pcs, pcs, depth * sizeof(*pcs)) == 0))
        bucket = bucket->chained;
    return bucket;
}

static void chain(struct ml_bucket *bucket)
{
    struct ml_bucket **head = &heads[bucket->hash & (heads_count - 1)];
    bucket->chained = *head;
    *head = bucket;
}

/* Twice as many heads, if that can be had. False: there are none at all. */
static bool grow_heads(void)
{
    enum { FIRST = 1024 };
    uint64_t wanted = heads_count == 0 ? FIRST : heads_count * 2;
    struct ml_bucket **larger = ml_profile_memory(wanted * sizeof(*larger));
    if (larger == NULL)
        return heads_count != 0;
    ml_metadata_free(ML_POOL_PROFILE, heads, heads_count * sizeof(*heads));
    heads = larger;
    heads_count = wanted;
    for (struct ml_bucket *bucket = newest; bucket != NULL; bucket = bucket->next)
        chain(bucket);
    return true;
}

static void *cut(size_t bytes)
{
    enum { CHUNK = 1 << 16 };
    if ((size_t)(end - at) < bytes) {
        char *chunk = ml_profile_memory(CHUNK);
        if (chunk == NULL)
            return NULL;
        at = chunk;
        end = chunk + CHUNK;
    }
    void *block = at;
    at += bytes;
    return block;
}

static void list(struct ml_bucket *bucket)
{
    bucket->next = newest;
    __atomic_store_n(&newest, bucket, __ATOMIC_RELEASE);
}

static struct ml_bucket *make(uint64_t hash, const uintptr_t *pcs, unsigned depth, uint64_t size)
{
    struct ml_bucket *bucket = NULL;
    if (buckets_count < heads_count || grow_heads())
        bucket = cut(sizeof(*bucket) + depth * sizeof(*pcs));
    if (bucket == NULL)
        return NULL;
    buckets_count++;
    bucket->hash = hash;
    bucket->size = size;
    bucket->depth = depth;
    memcpy(bucket->pcs, pcs, depth * sizeof(*pcs));
    chain(bucket);
    list(bucket);
    return bucket;
}

struct ml_bucket *ml_bucket_need(const uintptr_t *pcs, unsigned depth, uint64_t bytes)
{
    uintptr_t nowhere = (uintptr_t)memlog_profile_no_stack + 1; /* as a return address */
    if (depth == 0) {
        pcs = &nowhere;
        depth = 1;
    }
    uint64_t size = rounded(bytes), hash = hash_of(pcs, depth, size);
    struct ml_bucket *bucket = find(hash, pcs, depth, size);
    if (bucket == NULL)
        bucket = make(hash, pcs, depth, size);
    return bucket != NULL ? bucket : ml_bucket_overflow(bytes);
}

/* ---- what has no room --------------------------------------------------------------------- */

/* Sizes within a factor of two share one: how much there is stays about right. */
struct ml_bucket *ml_bucket_overflow(uint64_t bytes)
{
    static struct {
        struct ml_bucket bucket;
        uintptr_t pc;
    } overflow[64];
    struct ml_bucket *bucket = &overflow[ml_log2(bytes)].bucket;
    if (bucket->depth == 0) {
        bucket->size = bytes;
        bucket->depth = 1;
        bucket->pcs[0] = (uintptr_t)memlog_profile_overflow + 1;
        list(bucket);
    }
    return bucket;
}

#define NAMED_FRAME __attribute__((noinline, visibility("default")))
NAMED_FRAME void memlog_profile_overflow(void) { __asm__ volatile("nop"); }
NAMED_FRAME void memlog_profile_no_stack(void) { __asm__ volatile("nop; nop"); }

/* ---- counting --------------------------------------------------------------------------- */

static void add(uint64_t *count, uint64_t by, int order)
{
    __atomic_store_n(count, *count + by, order);
}

void ml_bucket_count_alloc(struct ml_bucket *bucket, uint64_t bytes)
{
    add(&bucket->counts.allocs, 1, __ATOMIC_RELAXED);
    add(&bucket->counts.alloc_bytes, bytes, __ATOMIC_RELEASE);
}

void ml_bucket_count_free(struct ml_bucket *bucket, uint64_t bytes)
{
    add(&bucket->counts.frees, 1, __ATOMIC_RELEASE);
    add(&bucket->counts.free_bytes, bytes, __ATOMIC_RELEASE);
}

const struct ml_bucket *ml_bucket_first(void)
{
    return __atomic_load_n(&newest, __ATOMIC_ACQUIRE);
}

struct ml_bucket_counts ml_bucket_read(const struct ml_bucket *bucket)
{
    struct ml_bucket_counts counts;
    counts.free_bytes = __atomic_load_n(&bucket->counts.free_bytes, __ATOMIC_ACQUIRE);
    counts.frees = __atomic_load_n(&bucket->counts.frees, __ATOMIC_ACQUIRE);
    counts.alloc_bytes = __atomic_load_n(&bucket->counts.alloc_bytes, __ATOMIC_ACQUIRE);
    counts.allocs = __atomic_load_n(&bucket->counts.allocs, __ATOMIC_ACQUIRE);
    return counts;
}
