/* SPDX-License-Identifier: MIT */
#include "gc/markstack.h"

#include <errno.h>
#include <string.h>

#include "base/publish.h"
#include "os/pages.h"

enum {
    RESERVE = 1 << 30, /* bytes of addresses; memory comes as it is used */
    RESERVE_LEAST = 1 << 18,
    STEP = 1 << 18,
    KEEP = 1 << 18,    /* bytes kept between cycles */
    FIXED_WORDS = 8192 /* a stack for when there is no memory for one */
};

static uint64_t committed_bytes;
ML_PUBLISH("markstack.committed_bytes", committed_bytes);
static uintptr_t fixed_words[FIXED_WORDS];

uint64_t ml_markstack_bytes(void) { return __atomic_load_n(&committed_bytes, __ATOMIC_RELAXED); }

static void count_bytes(int64_t bytes)
{
    __atomic_fetch_add(&committed_bytes, bytes, __ATOMIC_RELAXED);
}

void ml_markstack_init_fixed(struct ml_mark_stack *stack)
{
    *stack = (struct ml_mark_stack){ .words = fixed_words, .capacity = FIXED_WORDS };
}

int ml_markstack_init(struct ml_mark_stack *stack, size_t bytes_most)
{
    for (size_t bytes = RESERVE; bytes >= RESERVE_LEAST; bytes /= 4) {
        if (bytes > bytes_most && bytes > RESERVE_LEAST)
            continue;
        uintptr_t *words = ml_os_reserve(bytes);
        if (words == NULL)
            continue;
        if (ml_os_commit_scratch(words, STEP) == 0) {
            *stack = (struct ml_mark_stack){ .words = words,
                                             .capacity = STEP / sizeof(*words),
                                             .reserved = bytes };
            count_bytes(STEP);
            return 0;
        }
        ml_os_unmap(words, bytes);
    }
    return -ENOMEM;
}

/* Where memlog is linked into the program itself the fixed stack lies in the
 * data that is scanned next time: nothing is to stay alive because of it. */
static void wipe_fixed(void) { memset(fixed_words, 0, sizeof(fixed_words)); }

static bool leave_fixed(struct ml_mark_stack *stack)
{
    struct ml_mark_stack bigger;
    if (ml_markstack_init(&bigger, SIZE_MAX) != 0)
        return false;
    bigger.top = ml_markstack_depth(stack);
    memcpy(bigger.words, stack->words + stack->bottom, bigger.top * sizeof(*bigger.words));
    wipe_fixed();
    *stack = bigger;
    return true;
}

bool ml_markstack_grow(struct ml_mark_stack *stack)
{
    if (stack->reserved == 0)
        return leave_fixed(stack);
    if (stack->bottom != 0) { /* there is room below */
        memmove(stack->words, stack->words + stack->bottom,
                ml_markstack_depth(stack) * sizeof(*stack->words));
        stack->top -= stack->bottom;
        stack->bottom = 0;
        return true;
    }
    size_t old = stack->capacity * sizeof(*stack->words);
    size_t step = ml_min(old, stack->reserved - old);
    if (step == 0 || ml_os_commit_scratch((char *)stack->words + old, step) != 0)
        return false;
    stack->capacity += step / sizeof(*stack->words);
    count_bytes((int64_t)step);
    return true;
}

void ml_markstack_clear(struct ml_mark_stack *stack)
{
    size_t used = stack->capacity * sizeof(*stack->words);
    stack->bottom = stack->top = 0;
    if (stack->reserved == 0)
        wipe_fixed();
    else if (used > KEEP)
        (void)ml_os_release((char *)stack->words + KEEP, used - KEEP);
}

size_t ml_markstack_take_bottom(struct ml_mark_stack *stack, uintptr_t *into, size_t count)
{
    count = ml_min(count, ml_markstack_depth(stack));
    const uintptr_t *from = stack->words + stack->bottom;
    if (count != 0 && (from[count - 1] & ML_RANGE_TAGS) == ML_RANGE_END)
        count--;
    memcpy(into, from, count * sizeof(*into));
    stack->bottom += count;
    return count;
}
