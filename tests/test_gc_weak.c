/* SPDX-License-Identifier: MIT */
/* test_gc_weak.c - weak references: when they go, and that what they give is
 * alive. The race against collections is test_gc_weakrace's. */
#include "gc/weak.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "captured.h"
#include "finalizers.h"
#include "gc/watch.h"
#include "unit.h"

static struct memlog_weak *weak[OBJECTS];

static unsigned count_there(void)
{
    unsigned there = 0;
    for (unsigned i = 0; i < OBJECTS; i++)
        there += memlog_weak_get(weak[i]) != NULL;
    return there;
}

/* ---- while the object is reachable ------------------------------------------------ */

START_TEST(a_reference_gives_the_object_while_that_is_reachable)
{
    static void *volatile slots[OBJECTS];
    static hidden_t hidden[OBJECTS];
    fill(slots, hidden, OBJECTS, 48, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++)
        weak[i] = memlog_weak_create(slots[i]);
    collect();
    collect();
    for (unsigned i = 0; i < OBJECTS; i++) {
        ck_assert_ptr_eq(memlog_weak_get(weak[i]), slots[i]);
        ck_assert_ptr_eq(memlog_weak_create(slots[i]), weak[i]);
    }
    ck_assert_uint_eq(ml_weak_count(), OBJECTS);
    for (unsigned i = 0; i < OBJECTS; i++)
        slots[i] = NULL;
    clear_stack();
    collect();
    assert_nearly_all_gone(hidden, OBJECTS);
    for (unsigned i = 0; i < OBJECTS; i++)
        ck_assert_ptr_eq(memlog_weak_get(weak[i]), is_alive(hidden[i]) ? reveal(hidden[i]) : NULL);
    ck_assert_uint_eq(ml_weak_count(), count_alive(hidden, OBJECTS));
    ck_assert_uint_eq(ml_watches_count, ml_weak_count());
    assert_whole();
}
END_TEST

static __attribute__((noinline)) void make_weak(hidden_t *hidden, size_t bytes, enum ml_kind kind)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        void *object = ml_gc_alloc(bytes, kind);
        hidden[i] = hide(object);
        weak[i] = memlog_weak_create(object);
    }
}

START_TEST(of_large_and_noscan_objects_too)
{
    static hidden_t hidden[OBJECTS];
    memlog_set_gc_percent(-1);
    make_weak(hidden, 100000, ML_SCAN);
    ck_assert_uint_eq(count_there(), OBJECTS);
    collect();
    ck_assert_uint_le(count_there(), SPARED);
    make_weak(hidden, 20, ML_NOSCAN);
    collect();
    ck_assert_uint_le(count_there(), SPARED);
}
END_TEST

/* Not even the object's own words: the collector clears all at the same stop. */
START_TEST(an_object_that_holds_its_own_reference_goes)
{
    static hidden_t hidden[OBJECTS];
    make_weak(hidden, 48, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++) {
        void **object = memlog_weak_get(weak[i]);
        object[0] = weak[i];
        object[1] = object;
    }
    clear_stack();
    collect();
    ck_assert_uint_le(count_there(), SPARED);
}
END_TEST

START_TEST(what_was_got_is_alive)
{
    static hidden_t hidden[OBJECTS];
    static void *volatile got[OBJECTS];
    make_weak(hidden, 48, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i += 2)
        got[i] = memlog_weak_get(weak[i]);
    clear_stack();
    collect();
    for (unsigned i = 0; i < OBJECTS; i += 2)
        ck_assert_ptr_eq(memlog_weak_get(weak[i]), got[i]);
    ck_assert_uint_le(count_there(), OBJECTS / 2 + SPARED);
}
END_TEST

START_TEST(nothing_gives_nothing)
{
    static int variable;
    char *object = memlog_malloc(100);
    ck_assert_ptr_null(memlog_weak_get(NULL));
    memlog_weak_destroy(NULL);
    void *const wrong[] = { NULL, &variable, object + 16, object + 1,
                            memlog_malloc_uncollectable(10), memlog_weak_create(object) };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        errno = 0;
        ck_assert_ptr_null(memlog_weak_create(wrong[i]));
        ck_assert_int_eq(errno, EINVAL);
    }
}
END_TEST

/* The thread may be stopped at any instruction outside the heap's slow paths:
 * look at its registers before each one. There must be none at which it has read
 * the complement and has not yet made the address of it. */
static hidden_t stepped;
static unsigned steps, steps_inside, bad_steps;

static void look_at_registers(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    bool has_complement = false, has_address = false;
    for (int i = REG_R8; i <= REG_RIP; i++) {
        has_complement |= (uintptr_t)registers[i] == stepped;
        has_address |= (uintptr_t)registers[i] == ~stepped;
    }
    bool inside = ml_thread_self->inside != 0;
    steps++;
    steps_inside += inside;
    bad_steps += !inside && has_complement && !has_address;
}

enum { TRAP_FLAG = 0x100 };

/* No call in between but the one that is looked at: each would be stepped. */
static __attribute__((noinline)) void *get_stepping(const struct memlog_weak *reference)
{
    __asm__ volatile("pushfq; orq %0, (%%rsp); popfq" : : "i"(TRAP_FLAG) : "memory", "cc");
    void *object = memlog_weak_get(reference);
    __asm__ volatile("pushfq; andq %0, (%%rsp); popfq" : : "i"(~TRAP_FLAG) : "memory", "cc");
    return object;
}

START_TEST(a_stop_at_any_instruction_finds_the_address)
{
    static hidden_t hidden[OBJECTS];
    struct sigaction action = { .sa_sigaction = look_at_registers, .sa_flags = SA_SIGINFO };
    make_weak(hidden, 48, ML_SCAN);
    stepped = hidden[0];
    ck_assert_int_eq(sigaction(SIGTRAP, &action, NULL), 0);
    void *object = get_stepping(weak[0]);
    signal(SIGTRAP, SIG_DFL);
    ck_assert_ptr_eq(object, reveal(hidden[0]));
    ck_assert_uint_gt(steps, steps_inside);
    ck_assert_uint_gt(steps_inside, 1);
    ck_assert_uint_eq(bad_steps, 0);
}
END_TEST

/* ---- with finalizers ----------------------------------------------------------------- */

static uint32_t seen_by_finalizer;

static void look_at_own_reference(void *object, void *data)
{
    (void)data;
    uintptr_t number = *(uintptr_t *)object;
    bool seen = memlog_weak_get(weak[number]) != NULL;
    __atomic_fetch_add(&seen_by_finalizer, seen, __ATOMIC_RELAXED);
}

static void *volatile saved[OBJECTS];

static void save(void *object, void *data)
{
    look_at_own_reference(object, data);
    saved[*(uintptr_t *)object] = object;
}

static __attribute__((noinline)) void make_weak_and_finalized(ml_finalizer *finalizer)
{
    for (uintptr_t i = 0; i < OBJECTS; i++) {
        uintptr_t *object = memlog_malloc(48);
        *object = i;
        if (i % 2 == 0)
            weak[i] = memlog_weak_create(object);
        ck_assert_int_eq(memlog_set_finalizer(object, finalizer, NULL), 0);
        if (i % 2 == 1)
            weak[i] = memlog_weak_create(object);
    }
}

START_TEST(a_reference_is_empty_before_the_finalizer_runs)
{
    make_weak_and_finalized(look_at_own_reference);
    ck_assert_uint_eq(count_there(), OBJECTS);
    wait_for_runs(OBJECTS - SPARED);
    ck_assert_uint_eq(seen_by_finalizer, 0);
    ck_assert_uint_le(count_there(), SPARED);
}
END_TEST

START_TEST(and_stays_so_when_the_object_comes_back)
{
    make_weak_and_finalized(save);
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
    unsigned other = 0;
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (saved[i] == NULL)
            continue;
        ck_assert_ptr_null(memlog_weak_get(weak[i]));
        struct memlog_weak *again = memlog_weak_create(saved[i]);
        ck_assert_ptr_eq(memlog_weak_get(again), saved[i]);
        other += again != weak[i];
    }
    ck_assert_uint_ge(other, OBJECTS - SPARED);
}
END_TEST

/* An object below one with a finalizer can be had until that has run. */
static uint32_t below_seen;

static void look_below(void *object, void *data)
{
    (void)data;
    uintptr_t number = *(uintptr_t *)object;
    const uintptr_t *below = memlog_weak_get(weak[number]);
    __atomic_fetch_add(&below_seen, below != NULL && *below == number, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void make_below(void)
{
    for (uintptr_t i = 0; i < OBJECTS; i++) {
        uintptr_t *above = memlog_malloc(48), *below = memlog_malloc(48);
        above[0] = below[0] = i;
        above[1] = (uintptr_t)below;
        weak[i] = memlog_weak_create(below);
        ck_assert_int_eq(memlog_set_finalizer(above, look_below, NULL), 0);
    }
}

START_TEST(what_a_finalizer_will_see_can_be_had_until_it_has_run)
{
    make_below();
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
    ck_assert_uint_eq(below_seen, finalizers().run);
    for (int i = 0; i < 3; i++)
        collect();
    wait_for_none_queued();
    ck_assert_uint_le(count_there(), SPARED);
}
END_TEST

/* The reference itself is only in the object that is finalized. */
static uint32_t references_good;

static void use_inner_reference(void *object, void *data)
{
    void **words = object;
    __atomic_fetch_add(&references_good, memlog_weak_get(words[0]) == data, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void make_holders(void *target)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        void **object = memlog_malloc(48);
        object[0] = memlog_weak_create(target);
        ck_assert_int_eq(memlog_set_finalizer(object, use_inner_reference, target), 0);
    }
}

START_TEST(a_reference_that_only_a_finalizer_can_see_is_good)
{
    void *volatile target = memlog_malloc(48);
    make_holders(target);
    wait_for_runs(OBJECTS - SPARED);
    wait_for_none_queued();
    ck_assert_uint_eq(references_good, finalizers().run);
    memlog_keep_alive(target);
}
END_TEST

/* ---- by the program's hand --------------------------------------------------------------- */

START_TEST(freeing_the_object_empties_it_and_resizing_does_not)
{
    static const size_t sizes[] = { 10, 48, 5000, 100000, 20, 2000000 };
    static void *volatile objects[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = memlog_malloc(sizes[i % 6]);
        weak[i] = memlog_weak_create(objects[i]);
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        objects[i] = memlog_realloc(objects[i], sizes[(i + i / 6) % 6]);
        ck_assert_ptr_eq(memlog_weak_get(weak[i]), objects[i]);
        ck_assert_ptr_eq(memlog_weak_create(objects[i]), weak[i]);
    }
    collect();
    ck_assert_uint_eq(count_there(), OBJECTS);
    for (unsigned i = 0; i < OBJECTS; i++) {
        memlog_free(objects[i]);
        ck_assert_ptr_null(memlog_weak_get(weak[i]));
    }
    ck_assert_uint_eq(ml_weak_count(), 0);
    ck_assert_uint_eq(ml_watches_count, 0);
    assert_whole();
}
END_TEST

START_TEST(references_are_collected_without_their_objects)
{
    static void *volatile slots[OBJECTS];
    static hidden_t hidden[OBJECTS], references[OBJECTS];
    fill(slots, hidden, OBJECTS, 48, ML_SCAN);
    for (unsigned i = 0; i < OBJECTS; i++)
        references[i] = hide(memlog_weak_create(slots[i]));
    collect();
    assert_nearly_all_gone(references, OBJECTS);
    ck_assert_uint_eq(ml_weak_count(), count_alive(references, OBJECTS));
    ck_assert_uint_eq(ml_watches_count, ml_weak_count());
    for (unsigned i = 0; i < OBJECTS; i++) {
        if (!is_alive(references[i]))
            ck_assert_uint_eq(ml_state_kind(ml_granule_of(slots[i])), ML_STATE_PLAIN);
        weak[i] = memlog_weak_create(slots[i]);
        ck_assert_ptr_eq(memlog_weak_get(weak[i]), slots[i]);
    }
    assert_all_alive(hidden, OBJECTS);
}
END_TEST

START_TEST(a_reference_is_freed_when_all_its_holders_have_destroyed_it)
{
    void *object = memlog_malloc(48);
    struct memlog_weak *reference = memlog_weak_create(object);
    ck_assert_ptr_eq(memlog_weak_create(object), reference);
    memlog_weak_destroy(reference);
    ck_assert_ptr_eq(memlog_weak_get(reference), object);
    memlog_weak_destroy(reference);
    ck_assert(!ml_heap_is_object(reference));
    ck_assert_uint_eq(ml_weak_count(), 0);
    ck_assert_uint_eq(ml_state_kind(ml_granule_of(object)), ML_STATE_PLAIN);
    reference = memlog_weak_create(object);
    memlog_free(object);
    memlog_weak_destroy(reference);
    ck_assert(!ml_heap_is_object(reference));
    assert_whole();
}
END_TEST

START_TEST(a_reference_that_was_freed_is_forgotten)
{
    char *object = memlog_malloc(48);
    ck_assert_int_eq(memlog_set_finalizer(object, note_run, NULL), 0);
    memlog_free(memlog_weak_create(object));
    ck_assert_uint_eq(ml_weak_count(), 0);
    ck_assert_uint_eq(finalizers().registered, 1);
    char *filler = memlog_malloc_noscan(16); /* where the reference was */
    memset(filler, 0x55, 16);
    collect();
    struct memlog_weak *again = memlog_weak_create(object);
    ck_assert_ptr_eq(memlog_weak_get(again), object);
    ck_assert_int_eq(filler[0], 0x55);
    memlog_keep_alive(filler);
}
END_TEST

static void get(void *pointer) { memlog_keep_alive(memlog_weak_get(pointer)); }
static void destroy(void *pointer) { memlog_weak_destroy(pointer); }

/* The line that the child says and dies of. */
static const char *last_words(void (*act)(void *), void *pointer)
{
    capture_begin();
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        act(pointer);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    const char *words = capture_end();
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    return words;
}

START_TEST(what_is_no_reference_ends_the_program)
{
    static long variable;
    void *object = memlog_malloc(16);
    struct memlog_weak *reference = memlog_weak_create(object);
    memlog_weak_destroy(reference);
    void *const wrong[] = { &variable, object, reference };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *words = last_words(get, wrong[i]);
        ck_assert_ptr_nonnull(strstr(words, "memlog: memlog_weak_get: 0x"));
        ck_assert_ptr_nonnull(strstr(words, " is no weak reference\n"));
        ck_assert_ptr_nonnull(strstr(last_words(destroy, wrong[i]), "memlog_weak_destroy: 0x"));
    }
}
END_TEST

START_TEST(a_forked_child_has_its_own)
{
    static hidden_t hidden[OBJECTS];
    make_weak(hidden, 48, ML_SCAN);
    clear_stack();
    pid_t child = fork();
    if (child == 0) {
        if (count_there() != OBJECTS)
            _exit(1);
        collect();
        _exit(count_there() <= SPARED ? 0 : 2);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    ck_assert_uint_eq(count_there(), OBJECTS);
}
END_TEST

UNIT_MAIN("gc weak", a_reference_gives_the_object_while_that_is_reachable,
          of_large_and_noscan_objects_too, an_object_that_holds_its_own_reference_goes,
          what_was_got_is_alive, nothing_gives_nothing,
          a_stop_at_any_instruction_finds_the_address,
          a_reference_is_empty_before_the_finalizer_runs, and_stays_so_when_the_object_comes_back,
          what_a_finalizer_will_see_can_be_had_until_it_has_run,
          a_reference_that_only_a_finalizer_can_see_is_good,
          freeing_the_object_empties_it_and_resizing_does_not,
          references_are_collected_without_their_objects,
          a_reference_is_freed_when_all_its_holders_have_destroyed_it,
          a_reference_that_was_freed_is_forgotten, what_is_no_reference_ends_the_program,
          a_forked_child_has_its_own)
