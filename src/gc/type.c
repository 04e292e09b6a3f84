/* SPDX-License-Identifier: MIT */
#include "gc/type.h"

#include <errno.h>
#include <string.h>

#include "base/publish.h"
#include "gc/alloc.h"
#include "heap/metadata.h"
#include "os/thread.h"

enum { WORD = sizeof(uintptr_t), WORDS_IN_BLOCK = 64 };

/* ---- all types ------------------------------------------------------------------ */

/* By number, in chunks of 64, 128, 256 and so on: no type ever moves. */
enum { FIRST_SHIFT = 6, FIRST = 1 << FIRST_SHIFT, CHUNKS = 33 - FIRST_SHIFT };
static struct memlog_type *chunks[CHUNKS];
ML_PUBLISH("type.chunks", chunks);
ML_PUBLISH_NUMBER(type_first, FIRST);
ML_PUBLISH_STRUCT(memlog_type);
ML_PUBLISH_MEMBER(memlog_type, bytes);
ML_PUBLISH_MEMBER(memlog_type, stride);
ML_PUBLISH_MEMBER(memlog_type, blocks);
ML_PUBLISH_MEMBER(memlog_type, bitmap);
ML_PUBLISH_MEMBER(memlog_type, number);
ML_PUBLISH_MEMBER(memlog_type, kind);

enum { BUCKETS = 1024 };
static struct memlog_type *buckets[BUCKETS];

/* Of all the above, held inside the heap's slow paths only: no stopped thread
 * holds it, and nobody does when the heap is closed for a fork. */
static struct ml_lock lock;
static uint32_t last_number;

static unsigned chunk_of(uint32_t number)
{
    return ml_log2((uint64_t)number + FIRST) - FIRST_SHIFT;
}

static struct memlog_type *in_chunk(struct memlog_type *chunk, uint32_t number)
{
    return &chunk[(uint64_t)number + FIRST - ((uint64_t)FIRST << chunk_of(number))];
}

/* NULL when no type of ML_TYPED has the number. */
static const struct memlog_type *by_number(uint32_t number)
{
    struct memlog_type *chunk = __atomic_load_n(&chunks[chunk_of(number)], __ATOMIC_ACQUIRE);
    if (chunk == NULL)
        return NULL;
    const struct memlog_type *type = in_chunk(chunk, number);
    return __atomic_load_n(&type->kind, __ATOMIC_ACQUIRE) == ML_TYPED ? type : NULL;
}

static struct memlog_type *next_free(void)
{
    uint32_t number = last_number + 1;
    if (number == 0)
        return NULL;
    struct memlog_type **chunk = &chunks[chunk_of(number)];
    if (*chunk == NULL) {
        size_t bytes = sizeof(**chunk) * FIRST << chunk_of(number);
        __atomic_store_n(chunk, ml_metadata_alloc(ML_POOL_OTHER, bytes), __ATOMIC_RELEASE);
    }
    if (*chunk == NULL)
        return NULL;
    struct memlog_type *type = in_chunk(*chunk, number);
    type->number = number;
    return type;
}

/* ---- making one ------------------------------------------------------------------ */

static size_t blocks_of(size_t words) { return (words + WORDS_IN_BLOCK - 1) / WORDS_IN_BLOCK; }

/* The bits of a block that stand for the first so many words. */
static uint64_t bits_below(size_t words, size_t block)
{
    size_t here = words - block * WORDS_IN_BLOCK;
    return here >= WORDS_IN_BLOCK ? ~(uint64_t)0 : ((uint64_t)1 << here) - 1;
}

/* As many blocks as it takes to the last bit. */
static size_t used_blocks(const uint64_t *bitmap, size_t blocks)
{
    if (bitmap == NULL)
        return 0;
    while (blocks > 0 && bitmap[blocks - 1] == 0)
        blocks--;
    return blocks;
}

static bool fits(const uint64_t *bitmap, size_t blocks, size_t words)
{
    return blocks == 0 || (blocks <= blocks_of(words) &&
                           (bitmap[blocks - 1] & ~bits_below(words, blocks - 1)) == 0);
}

static bool is_full(const uint64_t *bitmap, size_t words)
{
    bool full = true;
    for (size_t block = 0; block < blocks_of(words); block++)
        full &= bitmap[block] == bits_below(words, block);
    return full;
}

/* A short pattern is repeated as often as a block has room for it. */
static void repeat(struct memlog_type *type)
{
    size_t words = type->stride;
    for (; type->stride + words <= WORDS_IN_BLOCK; type->stride += words)
        type->first |= type->first << type->stride;
    type->first &= bits_below(type->stride, 0);
}

static enum ml_kind kind_of(const uint64_t *bitmap, size_t blocks, size_t words)
{
    if (blocks == 0)
        return ML_NOSCAN;
    return blocks == blocks_of(words) && is_full(bitmap, words) ? ML_SCAN : ML_TYPED;
}

/* What the type would be, but for a bitmap of its own. */
static struct memlog_type describe(size_t bytes, const uint64_t *bitmap, size_t blocks)
{
    size_t words = bytes / WORD;
    struct memlog_type type = { .bytes = bytes,
                                .stride = ml_max(words, 1),
                                .blocks = blocks,
                                .bitmap = bitmap,
                                .kind = kind_of(bitmap, blocks, words) };
    if (blocks == 1) {
        type.first = bitmap[0];
        repeat(&type);
    }
    return type;
}

static bool is_same(const struct memlog_type *a, const struct memlog_type *b)
{
    return a->bytes == b->bytes && a->blocks == b->blocks && a->first == b->first &&
           (a->blocks <= 1 || memcmp(a->bitmap, b->bitmap, a->blocks * sizeof(*a->bitmap)) == 0);
}

static struct memlog_type **bucket_of(const struct memlog_type *type)
{
    const uint64_t MULTIPLIER = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t hash = type->bytes ^ type->first;
    for (size_t block = 0; block < type->blocks; block++)
        hash = (hash ^ type->bitmap[block]) * MULTIPLIER;
    return &buckets[(hash ^ hash >> 32) % BUCKETS];
}

/* A copy for good. NULL when there is no memory. */
static struct memlog_type *keep(const struct memlog_type *wanted)
{
    size_t bytes = wanted->blocks * sizeof(*wanted->bitmap);
    struct memlog_type *type = next_free();
    uint64_t *bitmap = type == NULL         ? NULL
                       : wanted->blocks > 1 ? ml_metadata_alloc(ML_POOL_OTHER, bytes)
                                            : &type->first;
    if (bitmap == NULL)
        return NULL;
    if (wanted->blocks > 1)
        memcpy(bitmap, wanted->bitmap, bytes);
    type->bytes = wanted->bytes;
    type->stride = wanted->stride;
    type->blocks = wanted->blocks;
    type->first = wanted->first;
    type->bitmap = bitmap;
    __atomic_store_n(&type->kind, wanted->kind, __ATOMIC_RELEASE); /* the rest is there */
    last_number = type->number;
    return type;
}

static const struct memlog_type *find_or_keep(const struct memlog_type *wanted)
{
    struct memlog_type **bucket = bucket_of(wanted), *type = *bucket;
    while (type != NULL && !is_same(type, wanted))
        type = type->next;
    if (type != NULL)
        return type;
    type = keep(wanted);
    if (type != NULL) {
        type->next = *bucket;
        *bucket = type;
    }
    return type;
}

static const struct memlog_type *refuse(int error)
{
    errno = error;
    return NULL;
}

const struct memlog_type *ml_type_new(size_t bytes, const uint64_t *bitmap, size_t blocks)
{
    if (bytes > PTRDIFF_MAX)
        return refuse(ENOMEM);
    blocks = used_blocks(bitmap, blocks);
    /* A word that only begins within the size holds no pointer. */
    if (!fits(bitmap, blocks, bytes / WORD))
        return refuse(EINVAL);
    int error = ml_gc_attach();
    if (error != 0)
        return refuse(-error);
    struct memlog_type wanted = describe(ml_align_up(bytes, WORD), bitmap, blocks);
    ml_heap_enter(ml_thread_self);
    ml_lock(&lock);
    const struct memlog_type *type = find_or_keep(&wanted);
    ml_unlock(&lock);
    ml_heap_leave(ml_thread_self);
    return type != NULL ? type : refuse(ENOMEM);
}

/* ---- objects ------------------------------------------------------------------------ */

static ml_type_word word_of(uint32_t number) { return (uint64_t)~number << 32 | number; }

static ml_type_word *place_in(uintptr_t object, size_t block)
{
    return (ml_type_word *)(object + block) - 1;
}

void ml_type_set(void *object, size_t block, const struct memlog_type *type)
{
    if (block > ML_SMALL_MAX)
        __atomic_store_n(&ml_span_over((uintptr_t)object)->type, type->number, __ATOMIC_RELEASE);
    else
        __atomic_store_n(place_in((uintptr_t)object, block), word_of(type->number),
                         __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST); /* the contents come later: see type.h */
}

ML_SCANS_FOREIGN_MEMORY const struct memlog_type *ml_type_of(uintptr_t object, size_t block)
{
    if (block > ML_SMALL_MAX)
        return by_number(__atomic_load_n(&ml_span_over(object)->type, __ATOMIC_ACQUIRE));
    ml_type_word word = __atomic_load_n(place_in(object, block), __ATOMIC_ACQUIRE);
    uint32_t number = (uint32_t)word;
    return word == word_of(number) ? by_number(number) : NULL;
}

const struct memlog_type *ml_type_over(uintptr_t address, uintptr_t *object)
{
    const struct ml_span *span = ml_span_over(address);
    if (address - span->base >= ml_span_bytes(span) || span->use < ML_SPAN_SMALL ||
        span->kind != ML_TYPED)
        return NULL;
    /* The span may be going: what is read then leads nowhere but into the heap. */
    uintptr_t begin = ml_span_slot_address(span, ml_span_slot_of(span, address));
    size_t block = ml_span_object_bytes(span);
    if (!ml_in_heap(begin) || block - 1 >= ml_map.base + ml_heap_bytes() - begin)
        return NULL;
    *object = begin;
    return ml_type_of(begin, block);
}
