/* SPDX-License-Identifier: MIT */
/* test_gc_type.c - types: one of each, however often and by however many threads
 * it is asked for; which words they name; what kind of objects they make, and
 * where those keep them. */
#include "gc/type.h"

#include <errno.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gc_objects.h"
#include "heap/metadata.h"
#include "unit.h"

enum { WORD = 8, BLOCK = 64 };

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* ---- one of each ------------------------------------------------------------------ */

START_TEST(equal_types_are_one)
{
    uint64_t bitmap[] = { 5, 0, 0 }, other[] = { 6 }, late[] = { 0, 0, 4 };
    const struct memlog_type *type = ml_type_new(800, bitmap, 3);
    ck_assert_ptr_nonnull(type);
    ck_assert_ptr_eq(ml_type_new(800, bitmap, 3), type);
    ck_assert_ptr_eq(ml_type_new(800, bitmap, 1), type); /* nothing beyond */
    ck_assert_ptr_eq(ml_type_new(797, bitmap, 3), type); /* rounded up */
    ck_assert_ptr_ne(ml_type_new(808, bitmap, 3), type);
    ck_assert_ptr_ne(ml_type_new(792, bitmap, 3), type);
    ck_assert_ptr_ne(ml_type_new(800, other, 1), type);
    const struct memlog_type *third = ml_type_new(1600, late, 3);
    ck_assert_ptr_eq(ml_type_new(1600, late, 3), third);
    late[2] = 8; /* it has its own bitmap */
    ck_assert_ptr_ne(ml_type_new(1600, late, 3), third);
    ck_assert_uint_eq(third->bitmap[2], 4);
}
END_TEST

START_TEST(asking_again_takes_no_memory)
{
    uint64_t bitmap[40] = { 0 };
    bitmap[39] = 1;
    const struct memlog_type *type = ml_type_new(100000, bitmap, 40);
    uint64_t inuse = ml_metadata_inuse(ML_POOL_OTHER);
    for (int i = 0; i < 100000; i++)
        ck_assert_ptr_eq(ml_type_new(100000, bitmap, 40), type);
    ck_assert_uint_eq(ml_metadata_inuse(ML_POOL_OTHER), inuse);
}
END_TEST

enum { MANY = 20000 };
static const struct memlog_type *many[MANY];

START_TEST(many_types_are_found_again)
{
    for (unsigned i = 0; i < MANY; i++) {
        uint64_t bitmap = i + 1;
        many[i] = ml_type_new(264, &bitmap, 1);
        ck_assert_ptr_nonnull(many[i]);
    }
    for (unsigned i = 0; i < MANY; i++) {
        uint64_t bitmap = i + 1;
        ck_assert_ptr_eq(ml_type_new(264, &bitmap, 1), many[i]);
        void *object = ml_gc_alloc_typed(264, many[i]);
        ck_assert_ptr_eq(ml_type_of((uintptr_t)object, ml_heap_block_bytes(object)), many[i]);
        ck_assert_uint_eq(many[i]->bitmap[0], bitmap);
        memlog_free(object);
    }
}
END_TEST

enum { MAKERS = 2, MADE = 3000 };
static const struct memlog_type *made[MAKERS][MADE];
static unsigned came;

static void *make_types(void *row)
{
    const struct memlog_type **types = row;
    for (unsigned i = 0; i < MADE; i++) {
        uint64_t bitmap[2] = { i, 1 };
        types[i] = ml_type_new(1024, bitmap, 2);
    }
    return NULL;
}

/* Until so many have come: together, since they don't sleep. */
static void meet(unsigned count)
{
    __atomic_fetch_add(&came, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&came, __ATOMIC_RELAXED) < count)
        sched_yield();
}

static void *make_types_together(void *row)
{
    const struct memlog_type **types = row;
    for (unsigned i = 0; i < MADE; i++) {
        uint64_t bitmap[2] = { i, 1 };
        meet((i + 1) * MAKERS);
        types[i] = ml_type_new(1024, bitmap, 2);
    }
    return NULL;
}

START_TEST(threads_that_ask_at_once_get_the_same)
{
    pthread_t threads[MAKERS];
    for (unsigned i = 0; i < MAKERS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, make_types_together, made[i]), 0);
    for (unsigned i = 0; i < MAKERS; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < MADE; i++)
        for (unsigned j = 0; j < MAKERS; j++) {
            ck_assert_ptr_nonnull(made[j][i]);
            ck_assert_ptr_eq(made[j][i], made[0][i]);
            ck_assert(i == 0 || made[j][i] != made[0][i - 1]);
        }
}
END_TEST

static bool over;

static void *make_types_until_over(void *unused)
{
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED))
        make_types(made[0]);
    return unused;
}

START_TEST(a_child_that_was_forked_meanwhile_makes_types)
{
    enum { CHILDREN = 50 };
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, make_types_until_over, NULL), 0);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            alarm(60); /* what hangs is ended */
            uint64_t bitmap = 1;
            const struct memlog_type *type = ml_type_new(48, &bitmap, 1);
            make_types(made[1]);
            _exit(type == NULL || ml_gc_alloc_typed(48, type) == NULL ||
                  made[1][MADE - 1] == NULL);
        }
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_int_eq(status, 0);
    }
    __atomic_store_n(&over, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
}
END_TEST

/* ---- which words -------------------------------------------------------------------- */

static bool bit(const uint64_t *bitmap, size_t word)
{
    return bitmap[word / BLOCK] >> word % BLOCK & 1;
}

/* Of each word of [from, end) once, whether the type names it. */
static void assert_names(const struct memlog_type *type, const uint64_t *bitmap, size_t words,
                         size_t from, size_t end)
{
    const uintptr_t OBJECT = 0x10000; /* nobody looks there */
    uintptr_t at = OBJECT + from * WORD, last = OBJECT + end * WORD;
    size_t bytes;
    for (; at < last; at += bytes) {
        uint64_t bits = ml_type_pointers(type, OBJECT, at, last, &bytes);
        size_t word = (at - OBJECT) / WORD;
        ck_assert_uint_gt(bytes, 0);
        for (size_t i = 0; i < ml_min(bytes / WORD, end - word); i++)
            ck_assert_msg((i < BLOCK && (bits >> i & 1)) == bit(bitmap, (word + i) % words),
                          "word %zu of [%zu, %zu), %zu a pattern", word + i, from, end, words);
        for (size_t i = end - word; i < BLOCK; i++)
            ck_assert_uint_eq(bits >> i & 1, 0); /* none beyond */
    }
}

START_TEST(a_type_names_the_words_of_its_bitmap_over_and_over)
{
    uint64_t state = 42, bitmap[8];
    for (int round = 0; round < 3000; round++) {
        size_t words = 1 + next_random(&state) % (round % 2 == 0 ? 20 : 500);
        memset(bitmap, 0, sizeof(bitmap));
        for (size_t i = 0; i < words; i++)
            bitmap[i / BLOCK] |= (uint64_t)(next_random(&state) % (1u + (unsigned)round % 9) == 0)
                                 << i % BLOCK;
        const struct memlog_type *type = ml_type_new(words * WORD, bitmap, (words + 63) / BLOCK);
        ck_assert_ptr_nonnull(type);
        size_t end = 1 + next_random(&state) % 1500;
        assert_names(type, bitmap, words, 0, end);
        assert_names(type, bitmap, words, next_random(&state) % end, end);
    }
}
END_TEST

START_TEST(a_large_type_with_a_short_bitmap)
{
    enum { WORDS = 1 << 20 };
    static uint64_t bitmap[WORDS / BLOCK] = { 1, 2 };
    const struct memlog_type *type = ml_type_new((size_t)WORDS * WORD, bitmap, 2);
    ck_assert_ptr_eq(ml_type_new((size_t)WORDS * WORD, bitmap, WORDS / BLOCK), type);
    assert_names(type, bitmap, WORDS, 0, 1000);
    assert_names(type, bitmap, WORDS, WORDS - 100, WORDS + 100);
}
END_TEST

/* ---- what they make ------------------------------------------------------------------ */

START_TEST(without_pointers_noscan_with_nothing_else_plain)
{
    static const uint64_t none[2] = { 0, 0 }, full[2] = { UINT64_MAX, 1 }, some[2] = { 1, 1 };
    ck_assert_uint_eq(ml_type_new(0, NULL, 0)->kind, ML_NOSCAN);
    ck_assert_uint_eq(ml_type_new(24, NULL, 7)->kind, ML_NOSCAN);
    ck_assert_uint_eq(ml_type_new(24, none, 2)->kind, ML_NOSCAN);
    ck_assert_uint_eq(ml_type_new(24, none, 0)->kind, ML_NOSCAN);
    ck_assert_uint_eq(ml_type_new(65 * WORD, full, 2)->kind, ML_SCAN);
    ck_assert_uint_eq(ml_type_new(64 * WORD, full, 1)->kind, ML_SCAN);
    ck_assert_uint_eq(ml_type_new(65 * WORD, full, 1)->kind, ML_TYPED);
    ck_assert_uint_eq(ml_type_new(64 * WORD + 1, full, 1)->kind, ML_TYPED); /* not the byte */
    ck_assert_uint_eq(ml_type_new(65 * WORD, some, 2)->kind, ML_TYPED);
    ck_assert_uint_eq(ml_type_new(8, some, 1)->kind, ML_SCAN);
    for (unsigned words = 1; words <= 65; words++) {
        const struct memlog_type *type = ml_type_new(words * WORD, full, words > 64 ? 2 : 0);
        enum ml_kind kind = ml_heap_kind(ml_gc_alloc_typed(words * WORD, type));
        ck_assert_int_eq(kind, words > 64 ? ML_SCAN : ML_NOSCAN);
    }
}
END_TEST

START_TEST(what_can_t_be_described_is_refused)
{
    static const uint64_t third[] = { 4 }, in_second[] = { 0, 1 };
    static const struct {
        size_t bytes;
        const uint64_t *bitmap;
        size_t blocks;
        int error;
    } wrong[] = {
        { 16, third, 1, EINVAL },  { 23, third, 1, EINVAL },      { 0, third, 1, EINVAL },
        { 8, in_second, 2, EINVAL }, { 512, in_second, 2, EINVAL }, { 519, in_second, 2, EINVAL },
        { (size_t)PTRDIFF_MAX + 1, NULL, 0, ENOMEM }, { SIZE_MAX, third, 1, ENOMEM },
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        errno = 0;
        ck_assert_ptr_null(ml_type_new(wrong[i].bytes, wrong[i].bitmap, wrong[i].blocks));
        ck_assert_int_eq(errno, wrong[i].error);
    }
    ck_assert_ptr_nonnull(ml_type_new(24, third, 1));
    ck_assert_ptr_nonnull(ml_type_new(520, in_second, 2));
    ck_assert_ptr_nonnull(ml_type_new(PTRDIFF_MAX, third, 1));
}
END_TEST

/* ---- where the type stands ------------------------------------------------------------- */

static const size_t sizes[] = { 16, 24, 40, 56, 120, 248, 256, 264, 1000, 8184, 8192, 20000,
                                32768, 65520, 65528, 65536, 80000, 1000000 };
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static const struct memlog_type *first_word(size_t bytes)
{
    static const uint64_t bitmap[] = { 1 };
    return ml_type_new(bytes, bitmap, 1);
}

START_TEST(any_address_in_an_object_leads_to_its_type)
{
    for (unsigned i = 0; i < SIZES; i++) {
        const struct memlog_type *type = first_word(sizes[i]);
        char *object = ml_gc_alloc_typed(sizes[i], type);
        uintptr_t begin = 0;
        ck_assert_uint_ge(memlog_usable_size(object), sizes[i]);
        ck_assert_uint_eq(memlog_usable_size(object), ml_heap_block_bytes(object) - 8);
        memset(object, 0xff, memlog_usable_size(object)); /* all of that is the program's */
        ck_assert_ptr_eq(ml_type_of((uintptr_t)object, ml_heap_block_bytes(object)), type);
        for (size_t at = 0; at < sizes[i]; at += 1 + sizes[i] / 7) {
            ck_assert_ptr_eq(ml_type_over((uintptr_t)object + at, &begin), type);
            ck_assert_ptr_eq((void *)begin, object);
        }
    }
}
END_TEST

START_TEST(what_is_no_type_s_word_is_none)
{
    uintptr_t begin;
    for (unsigned i = 0; i < SIZES; i++) {
        char *object = ml_gc_alloc_typed(sizes[i], first_word(sizes[i]));
        size_t block = ml_heap_block_bytes(object);
        static const uint64_t words[] = { 0, 1, 2, UINT64_MAX, UINT64_C(0xdfdfdfdfdfdfdfdf),
                                          UINT64_C(0xfffff00000000fff) /* not that many */ };
        if (block > ML_SMALL_MAX)
            continue;
        for (unsigned j = 0; j < sizeof(words) / sizeof(words[0]); j++) {
            memcpy(object + block - WORD, &words[j], WORD);
            ck_assert_ptr_null(ml_type_of((uintptr_t)object, block));
        }
    }
    ck_assert_ptr_null(ml_type_over((uintptr_t)memlog_malloc(64), &begin));
    char *gone = ml_gc_alloc_typed(100000, first_word(100000));
    memlog_free(gone);
    ck_assert_ptr_null(ml_type_over((uintptr_t)gone + 50000, &begin));
}
END_TEST

UNIT_MAIN("gc type", equal_types_are_one, asking_again_takes_no_memory, many_types_are_found_again,
          threads_that_ask_at_once_get_the_same, a_child_that_was_forked_meanwhile_makes_types,
          a_type_names_the_words_of_its_bitmap_over_and_over, a_large_type_with_a_short_bitmap,
          without_pointers_noscan_with_nothing_else_plain, what_can_t_be_described_is_refused,
          any_address_in_an_object_leads_to_its_type, what_is_no_type_s_word_is_none)
