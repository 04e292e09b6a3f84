/* SPDX-License-Identifier: MIT */
/* test_api_libraries.c - threads that a library starts, which was linked without memlog:
 * the collector knows them as it knows the program's.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

#include "memlog.h"
#include "unit.h"

static int (*begin)(void *(*make)(void));
static void *(*end)(void);

static void load(void)
{
    void *library = dlopen(LIBRARIES "/library_thread.so", RTLD_NOW);
    ck_assert_msg(library != NULL, "%s", dlerror());
    begin = (int (*)(void *(*)(void)))dlsym(library, "library_thread_begin");
    end = (void *(*)(void))dlsym(library, "library_thread_end");
    ck_assert(begin != NULL && end != NULL);
}

enum { BYTES = 64 };

/* Not allocated in the thread itself: who allocates is known by that. */
static void *volatile made;
static void *take_it(void)
{
    void *mine = made;
    made = NULL;
    return mine;
}

static void make_it(void)
{
    made = memlog_malloc_noscan(BYTES);
    memset(made, 0x5a, BYTES);
}

static void fill_holes(void)
{
    for (int i = 0; i < 10000; i++) {
        char *object = memlog_malloc_noscan(BYTES);
        memset(object, 0, BYTES);
    }
}

START_TEST(what_only_a_librarys_thread_refers_to_stays)
{
    load();
    make_it();
    ck_assert_int_eq(begin(take_it), 0);
    for (int i = 0; i < 3; i++) {
        memlog_gc();
        fill_holes();
    }
    const unsigned char *kept = end();
    ck_assert_ptr_nonnull(kept);
    for (int i = 0; i < BYTES; i++)
        ck_assert_uint_eq(kept[i], 0x5a);
}
END_TEST

UNIT_MAIN("api libraries", what_only_a_librarys_thread_refers_to_stays)
