/* SPDX-License-Identifier: MIT */
/* test_gc_libraries.c - libraries that are loaded and unloaded while others
 * collect: what only their variables refer to lives as long as they are there.
 * Each thread has a copy of the library's file for itself, so that its
 * variables are new every time. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gc_objects.h"
#include "unit.h"

enum { LOADERS = 2, BYTES = 48 };

typedef void **slots_function(void);

static const char *const places[] = { "library_data", "library_bss", "library_tls" };
enum { PLACES = sizeof(places) / sizeof(places[0]) };

struct loader {
    pthread_t thread;
    char file[256];
    unsigned rounds;
    hidden_t hidden[PLACES][OBJECTS];
};

static uint32_t over;

static bool is_over(void) { return __atomic_load_n(&over, __ATOMIC_ACQUIRE) != 0; }

static __attribute__((noinline)) void fill_library(struct loader *loader, void *library)
{
    for (unsigned i = 0; i < PLACES; i++) {
        slots_function *slots = (slots_function *)dlsym(library, places[i]);
        fill(slots(), loader->hidden[i], OBJECTS, BYTES, ML_SCAN);
    }
}

static void *load_and_unload(void *argument)
{
    struct loader *loader = argument;
    for (; !is_over(); loader->rounds++) {
        void *library = dlopen(loader->file, RTLD_NOW);
        if (library == NULL)
            ck_abort_msg("%s", dlerror());
        fill_library(loader, library);
        clear_stack();
        usleep(loader->rounds * 977 % 3000);
        for (unsigned i = 0; i < PLACES; i++)
            if (count_alive(loader->hidden[i], OBJECTS) != OBJECTS)
                ck_abort_msg("an object in %s was lost in round %u", places[i], loader->rounds);
        dlclose(library);
    }
    return NULL;
}

static void copy_library(char *directory, struct loader *loader, int number)
{
    char command[1024];
    snprintf(loader->file, sizeof(loader->file), "%s/copy%d.so", directory, number);
    snprintf(command, sizeof(command), "cp '%s/library_roots.so' '%s'", LIBRARIES, loader->file);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(what_a_library_refers_to_lives_while_it_is_loaded)
{
    static struct loader loaders[LOADERS];
    enum { COLLECTIONS = 100, LEAST_ROUNDS = 20 };
    const char *full = getenv("MEMLOG_FULL");
    unsigned collections = full != NULL && full[0] == '1' ? 10 * COLLECTIONS : COLLECTIONS;
    char directory[] = "/tmp/memlog-libraries-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    for (int i = 0; i < LOADERS; i++)
        copy_library(directory, &loaders[i], i);
    for (int i = 0; i < LOADERS; i++)
        ck_assert_int_eq(pthread_create(&loaders[i].thread, NULL, load_and_unload, &loaders[i]), 0);
    for (unsigned i = 0; i < collections || loaders[0].rounds < LEAST_ROUNDS; i++)
        memlog_gc();
    __atomic_store_n(&over, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < LOADERS; i++) {
        pthread_join(loaders[i].thread, NULL);
        ck_assert_int_eq(unlink(loaders[i].file), 0);
    }
    rmdir(directory);
    assert_whole();
}
END_TEST

UNIT_MAIN("gc libraries", what_a_library_refers_to_lives_while_it_is_loaded)
