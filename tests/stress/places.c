/* SPDX-License-Identifier: MIT */
/* places.c - where a worker's table lies: each place the collector has to look
 * into is the only one for somebody, for a while. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "stress.h"

enum kind {
    FRAME,    /* the worker's stack */
    THREAD,   /* a thread-local variable of the program */
    SPECIFIC, /* an object that is the value of pthread_setspecific */
    HEAP,     /* an uncollectable object; the stack refers into its middle */
    INSIDE,   /* an object; the stack refers into its middle */
    BEHIND,   /* an object; the stack refers to the address just past it */
    GLOBAL,   /* the program's data */
    ADDED,    /* malloc's memory, added as roots */
    MAPPED,   /* a mapping, added as roots */
    LIBRARY,  /* a loaded library's data */
    LIBRARY_BSS,
    LIBRARY_THREAD, /* a loaded library's thread-local variable */
    KINDS
};

enum { GLOBALS = 8, TABLE_BYTES = ROOMS * sizeof(struct room) };

pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static __thread struct room of_thread[ROOMS];
static struct room globals[GLOBALS][ROOMS] = { { { .sort = EMPTY } } };
static bool globals_taken[GLOBALS], library_taken[2];

static bool claim(bool *taken) { return !__atomic_exchange_n(taken, true, __ATOMIC_ACQ_REL); }
static void release(bool *taken) { __atomic_store_n(taken, false, __ATOMIC_RELEASE); }

static pthread_key_t key;

static void make_key(void)
{
    if (pthread_key_create(&key, NULL) != 0)
        failed("no pthread key");
}

static pthread_key_t specific_key(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_key);
    return key;
}

/* Of the loaded library: the variable that function returns. */
static struct room *of_library(struct place *place, const char *function)
{
    pthread_mutex_lock(&loading);
    place->library = dlopen(LIBRARIES "/library_roots.so", RTLD_NOW | RTLD_LOCAL);
    pthread_mutex_unlock(&loading);
    if (place->library == NULL) {
        if (!settings.limited)
            failed("%s", dlerror());
        return NULL;
    }
    struct room *(*variable)(void) = (struct room * (*)(void)) dlsym(place->library, function);
    struct room *rooms = variable();
    memset(rooms, 0, TABLE_BYTES);
    return rooms;
}

static struct room *a_global(void)
{
    for (int i = 0; i < GLOBALS; i++)
        if (claim(&globals_taken[i]))
            return globals[i];
    return NULL;
}

static struct room *added(struct room *rooms)
{
    if (rooms != NULL && memlog_add_roots(rooms, rooms + ROOMS) != 0) {
        if (!settings.limited)
            failed("roots were not added");
        return NULL;
    }
    return rooms;
}

/* A table that is no object, or NULL: there is none to be had, or it is one. */
static struct room *open_outside(struct place *place)
{
    void *mapping;
    switch (place->kind) {
    case FRAME: return place->frame;
    case THREAD: return of_thread;
    case GLOBAL: return a_global();
    case ADDED: return added(calloc(1, TABLE_BYTES));
    case MAPPED:
        mapping = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return added(mapping == MAP_FAILED ? NULL : mapping);
    case LIBRARY: return claim(&library_taken[0]) ? of_library(place, "library_data") : NULL;
    case LIBRARY_BSS: return claim(&library_taken[1]) ? of_library(place, "library_bss") : NULL;
    case LIBRARY_THREAD: return of_library(place, "library_tls");
    default: return NULL;
    }
}

/* The table as an object, referred to as the kind says; false: no memory. */
static __attribute__((noinline)) bool open_object(struct place *place, uint64_t *random)
{
    struct room *rooms = take(TABLE_BYTES, place->kind == HEAP ? UNCOLLECTABLE : SCANNED, random);
    if (rooms == NULL)
        return false;
    if (place->kind == SPECIFIC)
        pthread_setspecific(specific_key(), rooms);
    else
        place->held = place->kind == BEHIND ? (void *)(rooms + ROOMS) : (char *)rooms + 100;
    return true;
}

void place_open(struct place *place, uint64_t number, uint64_t *random)
{
    memset(place, 0, sizeof(*place));
    place->kind = (unsigned)(number % KINDS);
    bool is_object = place->kind == SPECIFIC || place->kind == HEAP || place->kind == INSIDE ||
                     place->kind == BEHIND;
    if (is_object && open_object(place, random))
        return;
    if (!is_object && (place->outside = open_outside(place)) != NULL)
        return;
    place->kind = FRAME;
    place->outside = place->frame;
}

struct room *place_rooms(struct place *place)
{
    switch (place->kind) {
    case SPECIFIC: return pthread_getspecific(specific_key());
    case HEAP:
    case INSIDE: return (struct room *)((char *)place->held - 100);
    case BEHIND: return (struct room *)place->held - ROOMS;
    default: return place->outside;
    }
}

void place_close(struct place *place)
{
    struct room *rooms = place_rooms(place);
    switch (place->kind) {
    case SPECIFIC: pthread_setspecific(specific_key(), NULL); break;
    case HEAP: give(rooms); break;
    case GLOBAL: release(&globals_taken[(rooms - globals[0]) / ROOMS]); break;
    case ADDED:
    case MAPPED:
        if (memlog_remove_roots(rooms, rooms + ROOMS) != 0)
            failed("roots that were added are not known");
        if (place->kind == ADDED)
            free(rooms);
        else
            munmap(rooms, TABLE_BYTES);
        break;
    case LIBRARY: release(&library_taken[0]); break;
    case LIBRARY_BSS: release(&library_taken[1]); break;
    default: break;
    }
    if (place->library != NULL) {
        pthread_mutex_lock(&loading);
        dlclose(place->library);
        pthread_mutex_unlock(&loading);
    }
    memset(place, 0, sizeof(*place));
}
