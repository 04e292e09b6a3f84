/* SPDX-License-Identifier: MIT */
/* prog_gdb_stats.c - a program for gdb to look at: threads that allocate and free in all ways,
 * and what memlog itself says of it.
 *
 *   prog_gdb_stats THREADS [ACTION...]
 *
 *   say NAME    when the numbers stand still: NAME.stats, NAME.extra (the structs' bytes) and
 *               NAME.json
 *   wait FILE   until the file is there
 *   reach       come by the function `reached`, for a breakpoint
 *   turn BYTES  the same, then malloc and free an object of so many
 *   abort       end so
 *
 * Without LINKED it knows nothing of memlog but the names of three functions, which the preload
 * library has.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memlog_stats.h"

/* ---- the two doors ------------------------------------------------------------------------- */

static struct {
    int (*read)(struct memlog_memstats *);
    int (*extra)(struct memlog_extra *);
    int (*json)(const struct memlog_memstats *, char *, size_t);
} its;

#ifdef LINKED
#include "memlog.h"

static void find_functions(void)
{
    its.read = memlog_read_memstats;
    its.extra = memlog_read_extra;
    its.json = memlog_memstats_json;
}

static void *(*const allocate[])(size_t) = { memlog_malloc, memlog_malloc_noscan,
                                             memlog_malloc_uncollectable };
static void give(void *object) { memlog_free(object); }
static void *resize(void *object, size_t bytes) { return memlog_realloc(object, bytes); }

static void end_of_life(void *object, void *data) { *(void **)data = object; }

/* More collections than the rings have places, finalizers that wait and that have run. At the end
 * nothing is left that memlog would give back in its own time. */
static void collect(void)
{
    enum { COLLECTIONS = MEMLOG_PAUSES + 10, WATCHED = 20 };
    static void *watched[WATCHED], *last;
    for (int i = 0; i < WATCHED; i++) {
        watched[i] = memlog_malloc(100);
        memlog_set_finalizer(watched[i], end_of_life, &last);
        memlog_weak_create(watched[i]);
    }
    for (int i = 0; i < COLLECTIONS; i++) {
        watched[i % (WATCHED / 2)] = NULL;
        memlog_gc();
    }
    memlog_free_os_memory();
}
#else
static void find_functions(void)
{
    *(void **)&its.read = dlsym(RTLD_DEFAULT, "memlog_read_memstats");
    *(void **)&its.extra = dlsym(RTLD_DEFAULT, "memlog_read_extra");
    *(void **)&its.json = dlsym(RTLD_DEFAULT, "memlog_memstats_json");
    if (its.read == NULL || its.extra == NULL || its.json == NULL) {
        fprintf(stderr, "there is no memlog\n");
        exit(99);
    }
}

static void *(*const allocate[])(size_t) = { malloc };
static void give(void *object) { free(object); }
static void *resize(void *object, size_t bytes) { return realloc(object, bytes); }
static void collect(void) {}
#endif

enum { WAYS = sizeof(allocate) / sizeof(allocate[0]) };

/* ---- what is allocated --------------------------------------------------------------------- */

enum { OBJECTS = 120, LARGE_EVERY = 50, LARGEST_SMALL = 3000, LARGE = 70000 };

/* Objects of every size, a third of them freed by this thread, some for others to free. */
static void mix(void **kept, unsigned seed)
{
    for (unsigned i = 0; i < OBJECTS; i++) {
        size_t bytes = i % LARGE_EVERY == 0 ? LARGE : (i * i * 7 + seed * 13) % LARGEST_SMALL;
        kept[i] = allocate[i % WAYS](bytes);
        if (i % 3 == 0) {
            give(kept[i]);
            kept[i] = NULL;
        } else if (i % 7 == 0) {
            kept[i] = resize(kept[i], bytes * 2);
        }
    }
}

static pthread_barrier_t done;

/* Every other one ends; the others stand there, with all that they hold. */
static void *work(void *argument)
{
    void **kept = argument;
    unsigned number = (unsigned)(size_t)kept[OBJECTS];
    mix(kept, number);
    pthread_barrier_wait(&done);
    while (number % 2 == 0)
        pause();
    return NULL;
}

static void run_threads(unsigned count)
{
    enum { STACK = 256 << 10 }; /* gdb writes all of it to its core file */
    static void *(*kept)[OBJECTS + 1];
    static pthread_t threads[200];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK);
    kept = allocate[WAYS - 1]((count + 1) * sizeof(*kept));
    pthread_barrier_init(&done, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        kept[i][OBJECTS] = (void *)(size_t)i;
        if (pthread_create(&threads[i], &attributes, work, kept[i]) != 0)
            exit(99);
    }
    pthread_barrier_wait(&done);
    for (unsigned i = 1; i < count; i += 2)
        pthread_join(threads[i], NULL);
    mix(kept[count], 99);
    for (unsigned i = 0; i < count; i++)
        for (unsigned object = 0; object < OBJECTS; object += 5) {
            give(kept[i][object]);
            kept[i][object] = NULL;
        }
}

/* ---- what memlog says ---------------------------------------------------------------------- */

static void nap(long ms)
{
    const struct timespec time = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&time, NULL);
}

static void write_file(const char *name, const char *ending, const void *bytes, size_t count)
{
    char path[200];
    snprintf(path, sizeof(path), "%s.%s", name, ending);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0 || write(fd, bytes, count) != (ssize_t)count || close(fd) != 0)
        exit(99);
}

/* memlog's own threads may still be at work: until a while has changed nothing. */
static void say(const char *name)
{
    enum { A_WHILE_MS = 200, PATIENCE = 100 };
    static struct memlog_memstats stats, before;
    static struct memlog_extra extra = { .size = sizeof(extra) };
    static char json[20480];
    its.read(&stats);
    for (int i = 0; i < PATIENCE; i++) {
        before = stats;
        nap(A_WHILE_MS);
        its.read(&stats);
        if (memcmp(&before, &stats, sizeof(stats)) == 0)
            break;
    }
    its.extra(&extra);
    int length = its.json(&stats, json, sizeof(json));
    write_file(name, "stats", &stats, sizeof(stats));
    write_file(name, "extra", &extra, sizeof(extra));
    write_file(name, "json", json, (size_t)length);
}

/* ---- for breakpoints ----------------------------------------------------------------------- */

__attribute__((noinline)) void reached(void) { __asm__ volatile(""); }
__attribute__((noinline)) void turned(void) { __asm__ volatile(""); }

static void turn(size_t bytes)
{
    reached();
    void *volatile object = allocate[0](bytes);
    give(object);
    turned();
}

int main(int count, char **arguments)
{
    find_functions();
    run_threads(count < 2 ? 0 : (unsigned)atoi(arguments[1]));
    collect();
    for (char **word = arguments + 2; word < arguments + count; word++) {
        if (strcmp(*word, "say") == 0)
            say(*++word);
        else if (strcmp(*word, "wait") == 0)
            for (word++; access(*word, F_OK) != 0;)
                nap(5);
        else if (strcmp(*word, "reach") == 0)
            reached();
        else if (strcmp(*word, "turn") == 0)
            turn((size_t)atol(*++word));
        else if (strcmp(*word, "abort") == 0)
            abort();
        else
            return 2;
    }
    return 0;
}
