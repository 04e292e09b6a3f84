/* SPDX-License-Identifier: MIT */
#include "profile/stack.h"

#include <unwind.h>

#include "base/bits.h"
#include "os/maps.h"
#include "os/segments.h"
#include "os/tls.h"
#include "profile/frames.h"
#include "profile/ownstack.h"

/* The linker's; none, where no door is linked. */
extern const char __start_memlog_doors[] __attribute__((weak, visibility("hidden")));
extern const char __stop_memlog_doors[] __attribute__((weak, visibility("hidden")));

static uintptr_t skip_begin, skip_end;   /* our own library's code */
static uintptr_t doors_begin, doors_end; /* of those who call it (ML_DOOR) */
static uintptr_t first_end;            /* of the first thread's stack */
static bool by_chain;

void ml_stack_prepare(bool by_frame_pointers)
{
    by_chain = by_frame_pointers;
    first_end = ml_os_first_stack_end();
    ml_own_stack_prepare();
    (void)ml_os_own_code(&skip_begin, &skip_end);
    doors_begin = (uintptr_t)__start_memlog_doors;
    doors_end = (uintptr_t)__stop_memlog_doors;
}

enum { FRAME_MOST = 1 << 20, OWN_MOST = 32 };

struct stack {
    uintptr_t *pcs;
    unsigned depth;
    unsigned visited;
    /* The frame visited last: its return address, and the stack pointer there. */
    uintptr_t pc, sp;
    bool is_exact; /* a signal had interrupted it */
    uintptr_t low; /* the stack pointer where this stack was come to, in one piece with sp */
    uintptr_t end; /* of the thread's own */
    bool is_out;   /* the door is behind */
};

/* Where memlog is linked into the program its code stands among the program's, but for the
 * doors: what is below the innermost is its own, and it is the last. */
static bool is_own(struct stack *stack, uintptr_t pc)
{
    if (skip_end != 0)
        return pc - skip_begin < skip_end - skip_begin;
    if (doors_begin == doors_end || stack->is_out)
        return false;
    stack->is_out = pc - doors_begin < doors_end - doors_begin;
    return true;
}

/* False: there is room for no more. Of our own library only the frames up to the door are
 * left out: a finalizer's caller is worth to be seen. */
static bool add(struct stack *stack, uintptr_t pc)
{
    bool own = is_own(stack, pc);
    if (!(own && stack->depth == 0))
        stack->pcs[stack->depth++] = pc;
    return stack->depth < ML_STACK_MOST && ++stack->visited < ML_STACK_MOST + OWN_MOST;
}

/* ---- what may be read --------------------------------------------------------------------- */

/* Of the thread's own stack, which is there as long as the thread, what the unwinder has come
 * through: nothing else is read without it. A handler or a coroutine may run on another one, which
 * ends who knows where. */
static __thread uintptr_t own_low, own_high;

/* A thread's descriptor, and its thread-local blocks, end the stack it was started on. */
static bool is_own_end(uintptr_t high)
{
    enum { BLOCKS_MOST = 64 << 10 };
    return ml_os_thread_pointer() - high < BLOCKS_MOST || first_end - high < ML_OS_FIRST_STACK_APART;
}

static void note_walk(uintptr_t low, uintptr_t high)
{
    if (low <= own_high && high >= own_low) {
        own_low = ml_min(own_low, low);
        own_high = ml_max(own_high, high);
    } else if (is_own_end(high)) {
        own_low = low;
        own_high = high;
    }
}

/* ---- by the unwinder ----------------------------------------------------------------- */

/* What a signal has interrupted stands anywhere in its function, and anywhere on the stack. */
static void learn(const struct stack *stack, uintptr_t pc, uintptr_t sp, bool is_exact)
{
    if (stack->pc == 0 || stack->is_exact)
        return;
    bool is_usual = !is_exact && sp > stack->sp && ((const uintptr_t *)sp)[-1] == pc;
    ml_frame_learn(stack->pc, is_usual ? sp - stack->sp : ML_FRAME_UNKNOWN);
}

static void note_end(const struct stack *stack)
{
    if (stack->low != 0)
        note_walk(stack->low, stack->sp);
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
    if (stack->low == 0 || is_exact || sp - stack->sp > FRAME_MOST) { /* it may be another stack */
        note_end(stack);
        stack->low = sp;
    }
    stack->pc = pc;
    stack->sp = sp;
    stack->is_exact = is_exact;
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
    note_end(stack);
    if (stack->pc != 0 && !stack->is_exact)
        ml_frame_learn(stack->pc, ML_FRAME_OUTERMOST);
}

/* ---- by what was learnt ------------------------------------------------------------------ */

/* False: a frame is not known, or it is another stack than the thread's. */
static ML_SCANS_FOREIGN_MEMORY bool follow_known(struct stack *stack, uintptr_t pc, uintptr_t sp)
{
    uintptr_t distance;
    if (sp - own_low >= own_high - own_low)
        return false;
    while ((distance = ml_frame_distance(pc)) != ML_FRAME_UNKNOWN) {
        if (!add(stack, pc) || distance == ML_FRAME_OUTERMOST)
            return true;
        sp += distance;
        if (sp > own_high)
            return false;
        pc = ((const uintptr_t *)sp)[-1];
    }
    return false;
}

/* Now and then the unwinder has the word all the same: it notices what has changed. */
static bool is_to_be_checked(void)
{
    enum { EVERY = 128 };
    static uint32_t taken;
    return __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED) % EVERY == 0;
}

/* ---- by frame pointers ------------------------------------------------------------------ */

/* A frame begins with the caller's frame pointer and the return address. One that does not
 * lie above the last, within the stack, ends the chain: somebody used the register for
 * other things. */
static ML_SCANS_FOREIGN_MEMORY void follow_chain(struct stack *stack, uintptr_t frame)
{
    enum { RETURN_ADDRESS = 1, FRAME_WORDS = 2 };
    while (frame < stack->end && stack->end - frame >= FRAME_WORDS * sizeof(uintptr_t) &&
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
    if (is_first || (is_own(stack, pc) && stack->visited < OWN_MOST))
        return _URC_NO_REASON;
    uintptr_t frame = _Unwind_GetGR(context, FRAME_POINTER);
    if (add(stack, pc) && frame >= _Unwind_GetCFA(context)) /* it may hold anything */
        follow_chain(stack, frame);
    return _URC_END_OF_STACK;
}

/* On a stack that is not the thread's own a chain may lead to where nothing is. */
ML_NOINLINE unsigned ml_stack_take(uintptr_t pcs[ML_STACK_MOST])
{
    struct stack stack = { .pcs = pcs };
    uintptr_t pc = (uintptr_t)__builtin_return_address(0), sp = (uintptr_t)__builtin_dwarf_cfa();
    if (by_chain && ml_own_stack_room(sp, &stack.end) != 0) {
        _Unwind_Backtrace(visit_to_door, &stack);
        return stack.depth;
    }
    if (!is_to_be_checked() && follow_known(&stack, pc, sp))
        return stack.depth;
    stack = (struct stack){ .pcs = pcs };
    unwind(&stack);
    return stack.depth;
}
