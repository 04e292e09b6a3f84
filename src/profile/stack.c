/* SPDX-License-Identifier: MIT */
#include "profile/stack.h"

#include <unwind.h>

#include "base/bits.h"
#include "os/maps.h"
#include "os/segments.h"
#include "profile/frames.h"

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
    /* The frame visited last: its return address, and the stack pointer there. */
    uintptr_t pc, sp;
    bool is_exact; /* a signal had interrupted it */
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

/* ---- by the unwinder ----------------------------------------------------------------- */

/* The highest that the unwinder has come on the thread's stack: nothing is read beyond. */
static __thread uintptr_t stack_seen;

/* What a signal has interrupted stands anywhere in its function, and anywhere on the stack. */
static void learn(const struct stack *stack, uintptr_t pc, uintptr_t sp, bool is_exact)
{
    if (stack->pc == 0 || stack->is_exact)
        return;
    bool is_usual = !is_exact && sp > stack->sp && ((const uintptr_t *)sp)[-1] == pc;
    ml_frame_learn(stack->pc, is_usual ? sp - stack->sp : ML_FRAME_UNKNOWN);
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *argument)
{
    struct stack *stack = argument;
    int is_exact = 0;
    uintptr_t pc = _Unwind_GetIPInfo(context, &is_exact);
    uintptr_t sp = _Unwind_GetCFA(context);
    if (pc == 0)
        return _URC_END_OF_STACK;
    learn(stack, pc, sp, is_exact);
    stack->pc = pc;
    stack->sp = sp;
    stack->is_exact = is_exact;
    if (sp > stack_seen)
        stack_seen = sp;
    /* A frame that a signal has interrupted called nobody: readers look at the
     * byte before a return address. */
    if (add(stack, pc + (is_exact != 0)))
        return _URC_NO_REASON;
    stack->pc = 0; /* not the outermost */
    return _URC_END_OF_STACK;
}

static void unwind(struct stack *stack)
{
    _Unwind_Backtrace(visit, stack);
    if (stack->pc != 0 && !stack->is_exact)
        ml_frame_learn(stack->pc, ML_FRAME_OUTERMOST);
}

/* ---- by what was learnt ------------------------------------------------------------------ */

/* False: a frame is not known. */
static ML_SCANS_FOREIGN_MEMORY bool follow_known(struct stack *stack, uintptr_t pc, uintptr_t sp)
{
    uintptr_t distance;
    while ((distance = ml_frame_distance(pc)) != ML_FRAME_UNKNOWN) {
        if (!add(stack, pc) || distance == ML_FRAME_OUTERMOST)
            return true;
        sp += distance;
        if (sp > stack_seen)
            return false;
        pc = ((const uintptr_t *)sp)[-1];
    }
    return false;
}

/* Now and then the unwinder has the word all the same: it notices what has changed. */
static bool is_to_be_checked(void)
{
    enum { EVERY = 32 };
    static uint32_t taken;
    return __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED) % EVERY == 0;
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
    enum { RETURN_ADDRESS = 1, FRAME_WORDS = 2, FRAME_MOST = 1 << 20 };
    while (frame < end && end - frame >= FRAME_WORDS * sizeof(uintptr_t) &&
           frame % sizeof(uintptr_t) == 0) {
        const uintptr_t *words = (const uintptr_t *)frame;
        if (words[RETURN_ADDRESS] == 0 || !add(stack, words[RETURN_ADDRESS]) ||
            words[0] <= frame || words[0] - frame > FRAME_MOST)
            return;
        frame = words[0];
    }
}

/* memlog's own code is built without frame pointers: the unwinder goes as far as the door, and
 * there knows what the register held. */
static _Unwind_Reason_Code visit_to_door(struct _Unwind_Context *context, void *argument)
{
    enum { FRAME_POINTER = 6 }; /* its number in the tables of x86-64 */
    struct stack *stack = argument;
    uintptr_t pc = _Unwind_GetIP(context);
    bool is_first = stack->visited++ == 0; /* ml_stack_take's own */
    if (is_first || pc - skip_begin < skip_end - skip_begin)
        return _URC_NO_REASON;
    uintptr_t frame = _Unwind_GetGR(context, FRAME_POINTER);
    if (add(stack, pc) && frame >= _Unwind_GetCFA(context)) /* it may hold anything */
        follow_chain(stack, frame, end_of_stack());
    return _URC_END_OF_STACK;
}

ML_NOINLINE unsigned ml_stack_take(uintptr_t pcs[ML_STACK_MOST])
{
    struct stack stack = { .pcs = pcs };
    if (by_chain) {
        _Unwind_Backtrace(visit_to_door, &stack);
        return stack.depth;
    }
    if (!is_to_be_checked() && follow_known(&stack, (uintptr_t)__builtin_return_address(0),
                                            (uintptr_t)__builtin_dwarf_cfa()))
        return stack.depth;
    stack = (struct stack){ .pcs = pcs };
    unwind(&stack);
    return stack.depth;
}
