/* SPDX-License-Identifier: MIT */
#include "heap/pagefigures.h"

#include "base/bits.h"
#include "base/publish.h"

static struct ml_pageheap_figures figures;
static uint32_t sequence; /* odd while the figures change */
ML_PUBLISH("pageheap.figures", figures);
ML_PUBLISH("pageheap.sequence", sequence);
ML_PUBLISH_STRUCT(ml_pageheap_figures);
ML_PUBLISH_MEMBER(ml_pageheap_figures, heap_bytes);
ML_PUBLISH_MEMBER(ml_pageheap_figures, inuse_bytes);
ML_PUBLISH_MEMBER(ml_pageheap_figures, released_bytes);
ML_PUBLISH_MEMBER(ml_pageheap_figures, spans);
ML_PUBLISH_MEMBER(ml_pageheap_figures, large_mallocs);
ML_PUBLISH_MEMBER(ml_pageheap_figures, large_frees);
ML_PUBLISH_MEMBER(ml_pageheap_figures, large_malloc_bytes);
ML_PUBLISH_MEMBER(ml_pageheap_figures, large_free_bytes);
ML_PUBLISH_MEMBER(ml_pageheap_figures, large_swept);
ML_PUBLISH_MEMBER(ml_pageheap_figures, large_swept_bytes);

struct ml_pageheap_figures *ml_pageheap_begin_change(void)
{
    __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    return &figures;
}

void ml_pageheap_end_change(void)
{
    __atomic_store_n(&sequence, sequence + 1, __ATOMIC_RELEASE);
}

void ml_pageheap_read(struct ml_pageheap_figures *copy)
{
    const uint64_t *from = (const uint64_t *)&figures;
    uint64_t *to = (uint64_t *)copy;
    for (;;) {
        uint32_t before = __atomic_load_n(&sequence, __ATOMIC_ACQUIRE);
        if (!(before & 1)) {
            for (size_t i = 0; i < sizeof(*copy) / sizeof(uint64_t); i++)
                to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
            __atomic_thread_fence(__ATOMIC_ACQUIRE);
            if (__atomic_load_n(&sequence, __ATOMIC_RELAXED) == before)
                return;
        }
        __builtin_ia32_pause();
    }
}

uint64_t ml_pageheap_inuse_bytes(void)
{
    return __atomic_load_n(&figures.inuse_bytes, __ATOMIC_RELAXED);
}

uint64_t ml_pageheap_backed_bytes(void)
{
    uint64_t heap = __atomic_load_n(&figures.heap_bytes, __ATOMIC_RELAXED);
    uint64_t released = __atomic_load_n(&figures.released_bytes, __ATOMIC_RELAXED);
    return heap - ml_min(heap, released);
}

void ml_pageheap_change_inuse(int64_t bytes, int64_t released)
{
    struct ml_pageheap_figures *now = ml_pageheap_begin_change();
    ml_figure_set(&now->inuse_bytes, now->inuse_bytes + (uint64_t)bytes);
    ml_figure_set(&now->released_bytes, now->released_bytes + (uint64_t)released);
    ml_pageheap_end_change();
}
