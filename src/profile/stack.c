/* SPDX-License-Identifier: MIT */
#include "profile/stack.h"

#include <unwind.h>

#include "base/bits.h"
#include "os/maps.h"
#include "os/segments.h"

static uintptr_t skip_begin, skip_end; /* our own library's code */
static bool by_chain;

void ml_stack_prepare(bool by_frame_pointers)
{
    by_chain = by_frame_pointers;
    (void)ml_os_own_code(&skip_begin, &skip_end);
}

struct stack {
    uintptr_t *pcs;
    unsigned depth;
    unsigned visited;
};

/* False: there is room for no more. Of our own library only the frames up to the door are
 * left out: a finalizer's caller is worth to be seen. */
static bool add(struct stack *stack, uintptr_t pc)
{
    enum { OWN_MOST = 32 };
    bool own = pc - skip_begin < skip_end - skip_begin;
    if (!(own && stack->depth == 0))
        stack->pcs[stack->depth++] = pc;
    return stack->depth < ML_STACK_MOST && ++stack->visited < ML_STACK_MOST + OWN_MOST;
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *argument)
{
    int is_exact = 0;
    uintptr_t pc = _Unwind_GetIPInfo(context, &is_exact);
    if (pc == 0)
        return _URC_END_OF_STACK;
    /* A frame that a signal has interrupted called nobody: readers look at the
     * byte before a return address. */
    return add(argument, pc + (is_exact != 0)) ? _URC_NO_REASON : _URC_END_OF_STACK;
}

/* ---- by frame pointers ------------------------------------------------------------------ */

/* Asked for once a thread: the C library may open a file and allocate to answer. */
static uintptr_t end_of_stack(void)
{
    static __thread uintptr_t known;
    uintptr_t low, high;
    if (known == 0)
        known = ml_os_stack_bounds(&low, &high) == 0 ? high : 1;
    return known;
}

/* A frame begins with the caller's frame pointer and the return address. One that does not
 * lie above the last, within the stack, ends the chain: somebody used the register for
 * other things. */
static ML_SCANS_FOREIGN_MEMORY void follow_chain(struct stack *stack, uintptr_t frame, uintptr_t end)
{
    enum { RETURN_ADDRESS = 1, FRAME_WORDS = 2 };
    while (frame < end && end - frame >= FRAME_WORDS * sizeof(uintptr_t) &&
           frame % sizeof(uintptr_t) == 0) {
        const uintptr_t *words = (const uintptr_t *)frame;
        if (words[RETURN_ADDRESS] == 0 || !add(stack, words[RETURN_ADDRESS]) || words[0] <= frame)
            return;
        frame = words[0];
    }
}

unsigned ml_stack_take(uintptr_t pcs[ML_STACK_MOST])
{
    struct stack stack = { .pcs = pcs };
    if (by_chain)
        follow_chain(&stack, (uintptr_t)__builtin_frame_address(0), end_of_stack());
    else
        _Unwind_Backtrace(visit, &stack);
    return stack.depth;
}
