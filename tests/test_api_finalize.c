/* SPDX-License-Identifier: MIT */
/* test_api_finalize.c - finalizers and weak references as a program has them. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memlog.h"
#include "unit.h"

enum { COUNT = 100, SPARED = 5, PATIENCE_MS = 60000 };

static struct memlog_extra extra_now(void)
{
    struct memlog_extra extra = { .size = sizeof(extra) };
    ck_assert_int_eq(memlog_read_extra(&extra), 0);
    return extra;
}

static __attribute__((noinline)) void clear_stack(void)
{
    volatile char waste[32 * 1024];
    for (size_t i = 0; i < sizeof(waste); i++)
        waste[i] = 0;
}

static void wait_for_runs(uint64_t at_least)
{
    for (int ms = 0; ms < PATIENCE_MS && extra_now().finalizers_run < at_least; ms += 5) {
        clear_stack();
        memlog_gc();
        usleep(5000);
    }
    ck_assert_uint_ge(extra_now().finalizers_run, at_least);
}

/* Something that owns a descriptor, which nobody closes. */
struct stream {
    int descriptor;
    char *name;
};

static unsigned names_right;

static void close_stream(void *object, void *data)
{
    struct stream *stream = object;
    names_right += strcmp(stream->name, data) == 0;
    close(stream->descriptor);
}

static __attribute__((noinline)) void open_streams(int *descriptors)
{
    for (int i = 0; i < COUNT; i++) {
        struct stream *stream = memlog_malloc(sizeof(*stream));
        stream->descriptor = descriptors[i] = open("/dev/null", O_WRONLY);
        stream->name = memlog_strdup("a stream");
        ck_assert_int_ge(stream->descriptor, 0);
        ck_assert_int_eq(memlog_set_finalizer(stream, close_stream, memlog_strdup("a stream")), 0);
    }
}

START_TEST(descriptors_are_closed_with_their_owners)
{
    int descriptors[COUNT];
    open_streams(descriptors);
    ck_assert_uint_eq(extra_now().finalizers_registered, COUNT);
    wait_for_runs(COUNT - SPARED);
    struct memlog_extra extra = extra_now();
    int closed = 0;
    for (int i = 0; i < COUNT; i++)
        closed += fcntl(descriptors[i], F_GETFD) < 0;
    ck_assert_int_ge(closed, COUNT - SPARED);
    ck_assert_uint_eq(extra.finalizers_registered + extra.finalizers_queued + extra.finalizers_run,
                      COUNT);
    ck_assert_uint_ge(names_right, COUNT - SPARED);
}
END_TEST

/* A cache of what others use: it forgets by itself. */
static struct memlog_weak *cache[COUNT];

static __attribute__((noinline)) char *look_up(int number)
{
    char *text = memlog_weak_get(cache[number]);
    if (text == NULL) {
        text = memlog_calloc_noscan(1, 300);
        snprintf(text, 300, "text %d", number);
        cache[number] = memlog_weak_create(text);
    }
    return text;
}

static __attribute__((noinline)) void fill_cache(char **texts)
{
    for (int i = 0; i < COUNT; i++) {
        char *text = look_up(i);
        if (i % 2 == 0)
            texts[i] = text;
    }
}

START_TEST(a_cache_holds_what_others_use)
{
    static char *texts[COUNT];
    fill_cache(texts);
    ck_assert_uint_eq(extra_now().weak_references, COUNT);
    clear_stack();
    memlog_gc();
    ck_assert_uint_ge(extra_now().weak_references, COUNT / 2);
    ck_assert_uint_le(extra_now().weak_references, COUNT / 2 + SPARED);
    for (int i = 0; i < COUNT; i += 2)
        ck_assert_ptr_eq(look_up(i), texts[i]);
    for (int i = 0; i < COUNT; i++)
        memlog_weak_destroy(cache[i]);
    ck_assert_uint_eq(extra_now().weak_references, 0);
    memlog_keep_alive(texts);
}
END_TEST

/* As long as keep_alive says that it is used. */
static uint32_t used_closed;

static void note_closed(void *object, void *data)
{
    (void)object;
    __atomic_store_n((uint32_t *)data, 1, __ATOMIC_RELEASE);
}

START_TEST(keep_alive_keeps_from_being_finalized)
{
    char *object = memlog_malloc(100);
    ck_assert_int_eq(memlog_set_finalizer(object, note_closed, &used_closed), 0);
    for (int i = 0; i < 20; i++) {
        clear_stack();
        memlog_gc();
        usleep(1000);
    }
    ck_assert_uint_eq(__atomic_load_n(&used_closed, __ATOMIC_ACQUIRE), 0);
    ck_assert_uint_eq(extra_now().finalizers_queued, 0);
    memlog_keep_alive(object);
}
END_TEST

START_TEST(mistakes_are_told)
{
    char *object = memlog_malloc(100);
    ck_assert_int_eq(memlog_set_finalizer(NULL, close_stream, NULL), -EINVAL);
    ck_assert_int_eq(memlog_set_finalizer(object + 1, close_stream, NULL), -EINVAL);
    ck_assert_int_eq(memlog_set_finalizer(object, close_stream, object), -EINVAL);
    errno = 0;
    ck_assert_ptr_null(memlog_weak_create(object + 1));
    ck_assert_int_eq(errno, EINVAL);
    ck_assert_uint_eq(extra_now().finalizers_registered + extra_now().weak_references, 0);
    memlog_free(object);
}
END_TEST

UNIT_MAIN("api finalize", descriptors_are_closed_with_their_owners, a_cache_holds_what_others_use,
          keep_alive_keeps_from_being_finalized, mistakes_are_told)
