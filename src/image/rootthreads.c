/* SPDX-License-Identifier: MIT */
/* rootthreads.c - what each thread has for itself: its stack, its thread-local variables and the
 * values of pthread_setspecific. How they lie is the C library's and told in os/tls_linux.c. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "gc/mutator.h"
#include "image/rootbuild.h"

/* Below the stack pointer a function may keep what it calls nobody with. */
enum { RED_ZONE = 128 };
/* What the C library keeps of a thread, from the thread pointer on; and the most that is looked at
 * as its thread-local variables below it. */
enum { DESCRIPTOR_BYTES = 2304, STATIC_MOST = 1 << 20, SURPLUS_BYTES = 1664 };

/* ---- stacks --------------------------------------------------------------------------------- */

/* The one that the thread began with. */
struct stack {
    uintptr_t low, end;
};

/* The threads that the collector knows, in order of their thread pointers: the numbers that they
 * know themselves by are others than the core's where gdb made it from outside of their container.
 * It knows none while it sleeps. */
struct known {
    uintptr_t pointer;
    int tid;
    struct stack stack;
};
struct crew {
    struct known *list;
    size_t count, room;
    bool is_awake;
};

static bool add_known(struct crew *crew, const struct ml_mutator *mutator)
{
    if (crew->count == crew->room) {
        size_t room = crew->room == 0 ? 64 : 2 * crew->room;
        struct known *more = realloc(crew->list, room * sizeof(*more));
        if (more == NULL)
            return false;
        crew->list = more;
        crew->room = room;
    }
    crew->list[crew->count++] =
        (struct known){ mutator->thread_pointer, mutator->tid,
                        { mutator->stack_low, mutator->stack_high } };
    return true;
}

static int by_pointer(const void *a, const void *b)
{
    const struct known *left = a, *right = b;
    if (left->pointer != right->pointer)
        return left->pointer < right->pointer ? -1 : 1;
    return left->tid < right->tid ? -1 : left->tid > right->tid;
}

/* As far as the list can be read. */
static void find_crew(struct ml_root_build *build, struct crew *crew)
{
    enum { THREADS_MOST = 1 << 20 };
    struct ml_mutator mutator;
    struct ml_round round = { 0 };
    uintptr_t at = 0;
    (void)ml_heap_view_variable(build->view, "mutator.mutators", &at, sizeof(at));
    crew->is_awake = at != 0;
    for (size_t i = 0; at != 0 && i < THREADS_MOST; i++, at = (uintptr_t)mutator.next) {
        if (ml_round_is_closed(&round, i, at) ||
            !ml_root_read(build, at, &mutator, sizeof(mutator)))
            break;
        if (!mutator.gone && !add_known(crew, &mutator)) {
            build->out_of_memory = true;
            break;
        }
    }
    if (crew->count != 0)
        qsort(crew->list, crew->count, sizeof(*crew->list), by_pointer);
}

/* One that ended without a word may have had the same pointer: the number decides, if it is there. */
static const struct known *find_known(const struct crew *crew, const struct ml_core_thread *thread)
{
    const struct known wanted = { .pointer = thread->registers.fs_base, .tid = thread->tid };
    size_t low = 0, high = crew->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (by_pointer(&crew->list[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < crew->count && crew->list[low].pointer == wanted.pointer)
        return &crew->list[low];
    return low > 0 && crew->list[low - 1].pointer == wanted.pointer ? &crew->list[low - 1] : NULL;
}

/* As the collector knows it; else the memory that the arguments or the thread's descriptor are in,
 * which the system and the C library lay at its end. The first thread's grows. */
static struct stack find_stack(struct ml_root_build *build, const struct crew *crew,
                               const struct ml_core_thread *thread)
{
    const struct ml_core *core = build->core;
    bool is_first = thread->tid == core->pid;
    uintptr_t end = is_first ? core->first_stack : thread->registers.fs_base;
    const struct ml_core_segment *segment = ml_core_segment_at(core, end);
    const struct known *known = find_known(crew, thread);
    struct stack stack = { 0, 0 };
    if (known != NULL && known->stack.low < known->stack.end)
        stack = known->stack;
    if (segment == NULL)
        return stack;
    if (known == NULL)
        stack = (struct stack){ segment->begin, is_first ? segment->end : end };
    if (is_first)
        stack.low = segment->begin;
    return stack;
}

/* A stack pointer that is elsewhere is in a signal's stack or a coroutine's: that is looked at from
 * there on, and the thread's own whole, since nobody knows how far it is in use. */
static void add_stacks(struct ml_root_build *build, struct stack own,
                       const struct ml_core_thread *thread, size_t which)
{
    uintptr_t used = thread->registers.rsp - RED_ZONE;
    bool is_in_own = used >= own.low - RED_ZONE && used < own.end;
    const struct ml_core_segment *segment = ml_core_segment_at(build->core, thread->registers.rsp);
    ml_root_add(build, is_in_own ? used : own.low, own.end, ML_IMAGE_STACK, which);
    if (is_in_own || segment == NULL)
        return;
    /* The system makes one of two that lie side by side. */
    bool is_below = used < own.low && own.low < segment->end;
    ml_root_add(build, used, is_below ? own.low : segment->end, ML_IMAGE_STACK, which);
}

/* ---- thread-local variables --------------------------------------------------------------------- */

/* No object's are larger. */
static uint64_t largest_block(const struct ml_root_build *build)
{
    uint64_t largest = 0;
    for (size_t i = 0; i < build->core->mappings_count; i++) {
        const struct ml_core_mapping *mapping = &build->core->mappings[i];
        Elf64_Ehdr head;
        if (mapping->offset != 0 || !ml_root_read(build, mapping->begin, &head, sizeof(head)) ||
            memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
            continue;
        for (unsigned part = 0; part < head.e_phnum; part++) {
            Elf64_Phdr header;
            uintptr_t at = mapping->begin + head.e_phoff + part * sizeof(header);
            if (!ml_root_read(build, at, &header, sizeof(header)))
                break;
            if (header.p_type == PT_TLS && header.p_memsz <= STATIC_MOST)
                largest = ml_max(largest, header.p_memsz);
        }
    }
    return largest;
}

/* Blocks that are not beside the thread pointer are added. Returns how far those reach down that
 * are. */
static uintptr_t add_blocks(struct ml_root_build *build, size_t which, uintptr_t pointer,
                            uint64_t largest)
{
    enum { ENTRIES_MOST = 4096 };
    uintptr_t table, count, low = pointer;
    if (!ml_root_read(build, pointer + sizeof(table), &table, sizeof(table)) ||
        !ml_root_read(build, table - 2 * sizeof(uintptr_t), &count, sizeof(count)) ||
        count > ENTRIES_MOST)
        return low;
    for (uintptr_t i = 1; i <= count; i++) {
        uintptr_t block;
        if (!ml_root_read(build, table + i * 2 * sizeof(block), &block, sizeof(block)))
            break;
        if (block == 0 || block == UINTPTR_MAX)
            continue;
        if (pointer - block < STATIC_MOST)
            low = ml_min(low, block);
        else
            ml_root_add(build, block, block + largest, ML_IMAGE_TLS, which);
    }
    return low;
}

/* As the C library tells debuggers: bits of one of the pointers, how many, and where in the
 * thread's descriptor. */
static void add_specific(struct ml_root_build *build, size_t which, uintptr_t pointer)
{
    enum { TABLES_MOST = 1024 };
    uint32_t field[3], bytes;
    uintptr_t at, table;
    if (ml_heap_view_variable(build->view, "tls.specific_tables", &at, sizeof(at)) != 0 ||
        ml_heap_view_variable(build->view, "tls.specific_table_bytes", &bytes, sizeof(bytes)) != 0 ||
        at == 0 || !ml_root_read(build, at, field, sizeof(field)))
        return;
    uint64_t count = (uint64_t)field[0] * field[1] / (8 * sizeof(table));
    for (uint64_t i = 0; i < count && i < TABLES_MOST; i++) {
        uintptr_t place = pointer + field[2] + i * sizeof(table);
        if (ml_root_read(build, place, &table, sizeof(table)) && table != 0)
            ml_root_add(build, table, table + bytes, ML_IMAGE_TLS, which);
    }
}

/* ---- all ------------------------------------------------------------------------------------------ */

/* Where it is awake it looks at those that it knows, and at no others. */
static bool is_root(const struct crew *crew, const struct ml_core_thread *thread)
{
    return !crew->is_awake || find_known(crew, thread) != NULL;
}

void ml_root_add_threads(struct ml_root_build *build)
{
    struct crew crew = { 0 };
    uint64_t largest = largest_block(build);
    find_crew(build, &crew);
    for (size_t i = 0; i < build->core->threads_count; i++) {
        struct ml_core_thread *thread = &build->core->threads[i];
        thread->is_ignored = !is_root(&crew, thread);
        if (thread->is_ignored)
            continue;
        uintptr_t pointer = thread->registers.fs_base;
        uintptr_t low = add_blocks(build, i, pointer, largest);
        struct stack own = find_stack(build, &crew, thread);
        add_stacks(build, own, thread, i);
        /* Of a thread that has its blocks at the end of its stack more than those is the stack's. */
        if (low != pointer && (low <= own.low || low > own.end))
            low -= SURPLUS_BYTES;
        ml_root_add(build, low, pointer + DESCRIPTOR_BYTES, ML_IMAGE_TLS, i);
        add_specific(build, i, pointer);
    }
    free(crew.list);
}
