/* SPDX-License-Identifier: MIT */
/* prog_gdb_heap.c - a heap with something of everything, for gdb to look at.
 *
 *   prog_gdb_heap [ACTION...]
 *
 *   plant       make it; says NAME=ADDRESS of what is where, NAME@TID of threads, and what the
 *               statistics say: STATISTIC N, and "live SIZE OBJECTS" of size classes
 *   fill MIB    objects of 64 bytes, in lists, before; says last=ADDRESS
 *   storm N     so many threads allocate and free, without end
 *   turn        come by the functions `reached`, then allocate and free, then `turned`
 *   wait FILE   until the file is there
 *   abort       end so
 *
 * With LINKED the objects are of the collected door, else of malloc.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifdef LINKED
#include "memlog.h"
#define ALLOCATE memlog_malloc
#define FREE memlog_free
static int (*const read_memstats)(struct memlog_memstats *) = memlog_read_memstats;
#else
#include "memlog_stats.h"
#define ALLOCATE malloc
#define FREE free
static int (*read_memstats)(struct memlog_memstats *);
#endif

static void say(const char *name, const void *address) { printf("%s=%p\n", name, address); }

/* ---- places ---------------------------------------------------------------------------------- */

enum { PAGE = 8192 };

void *kept[4000], *held_last; /* data of the program's */
static __thread long own_data[4];

__attribute__((noinline)) void *allocated_here(size_t bytes)
{
    void *volatile object = ALLOCATE(bytes);
    return object;
}

static char *page_of(const void *address) { return (char *)((size_t)address / PAGE * PAGE); }

/* Slots that went from the thread's magazine back to their spans, and one that did not. */
static void free_some(void)
{
    enum { MANY = 3000 };
    for (int i = 0; i < MANY; i++)
        kept[i] = ALLOCATE(96);
    void *one = allocated_here(96);
    say("in_span", kept[0]);
    say("in_magazine", one);
    for (int i = 0; i < MANY; i++)
        FREE(kept[i]);
    memset(kept, 0, sizeof(kept));
    FREE(one);
}

static void plant_objects(void)
{
    char *small = kept[0] = allocated_here(48);
    char *large = kept[1] = ALLOCATE(300000);
    kept[2] = ALLOCATE(20);
    memset(large, 1, 300000);
    say("small", small);
    say("small_inside", small + 17);
    say("tail", page_of(small) + PAGE - 4);
    say("large", large);
    say("large_inside", large + 123456);
    say("large_rest", large + 300000);
    say("reserved", small + ((size_t)600 << 30));
    say("mapped", mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    say("data", &kept[7]);
    say("code", (void *)(size_t)allocated_here);
    say("own_data", &own_data[1]);
}

static void free_large(void)
{
    char *given = ALLOCATE(5000000);
    say("free_run", given + 2500000);
    FREE(given);
}

static pthread_barrier_t there;

static void *stand(void *unused)
{
    int here[10] = { 0 };
    say("thread_stack", &here[5]);
    say("thread_data", &own_data[2]);
    printf("thread@%d\n", (int)gettid());
    pthread_barrier_wait(&there);
    for (;;)
        pause();
    return unused;
}

#ifdef LINKED
static void finalizer(void *object, void *data) { (void)object, (void)data; }

static void plant_kinds(void)
{
    struct pair {
        void *pointer;
        long number;
    };
    unsigned long bitmap[MEMLOG_BITMAP_LONGS(struct pair)] = { 0 };
    memlog_bitmap_set(bitmap, offsetof(struct pair, pointer));
    kept[10] = memlog_malloc_noscan(100);
    kept[11] = memlog_malloc_uncollectable(100);
    kept[12] = memlog_malloc_typed(
        memlog_type_new(sizeof(struct pair), bitmap, MEMLOG_BITMAP_LONGS(struct pair)));
    kept[13] = memlog_malloc(100);
    kept[14] = memlog_weak_create(kept[13]);
    kept[15] = memlog_malloc_noscan(200000);
    memlog_set_finalizer(kept[13], finalizer, NULL);
    say("noscan", kept[10]);
    say("uncollectable", kept[11]);
    say("typed", kept[12]);
    say("finalized", kept[13]);
    say("weak", kept[14]);
    say("large_noscan", kept[15]);
    char *range = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memlog_add_roots(range, range + 100);
    say("added", range + 50);
}
#else
static void plant_kinds(void) {}
#endif

static void say_numbers(void)
{
    static struct memlog_memstats stats;
    read_memstats(&stats);
    printf("HeapSys %lu\nHeapInuse %lu\nHeapIdle %lu\nHeapAlloc %lu\nHeapObjects %lu\n",
           stats.heap_sys, stats.heap_inuse, stats.heap_idle, stats.heap_alloc,
           stats.heap_objects);
    for (int i = 0; i < MEMLOG_BY_SIZE; i++)
        if (stats.by_size[i].mallocs != stats.by_size[i].frees)
            printf("live %u %lu\n", stats.by_size[i].size,
                   stats.by_size[i].mallocs - stats.by_size[i].frees);
}

static void plant(void)
{
    pthread_t thread;
    free_some();
    plant_objects();
    plant_kinds();
    free_large();
    pthread_barrier_init(&there, NULL, 2);
    if (pthread_create(&thread, NULL, stand, NULL) != 0)
        exit(99);
    pthread_barrier_wait(&there);
    printf("main@%d\n", (int)getpid());
    say_numbers(); /* printf has its buffer by now */
    puts("planted");
    fflush(stdout);
}

/* ---- much, and often ---------------------------------------------------------------------------- */

struct node {
    struct node *next, *other;
    long rest[6];
};

static void fill(size_t mib)
{
    struct node *last = NULL;
    for (size_t i = 0; i < mib << 14; i++) {
        struct node *node = ALLOCATE(sizeof(*node));
        *node = (struct node){ last, (i & 7) == 0 ? node : last, { (long)i } };
        last = node;
    }
    held_last = last;
    say("last", last);
    fflush(stdout);
}

static void *churn(void *unused)
{
    enum { SLOTS = 500 };
    void *held[SLOTS] = { NULL };
    for (unsigned long random = (size_t)&held | 1;;) {
        random = random * 6364136223846793005 + 1442695040888963407;
        unsigned slot = random >> 40, bytes = random >> 33 & 4095;
        FREE(held[slot % SLOTS]);
        held[slot % SLOTS] = ALLOCATE(slot % 64 == 0 ? bytes * 100 : bytes);
    }
    return unused;
}

static void storm(int threads)
{
    pthread_t thread;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&thread, NULL, churn, NULL) != 0)
            exit(99);
}

__attribute__((noinline)) void reached(void) { __asm__ volatile(""); }
__attribute__((noinline)) void turned(void) { __asm__ volatile(""); }

static void turn(void)
{
    void *objects[40];
    reached();
    for (int i = 0; i < 40; i++)
        objects[i] = ALLOCATE(i % 10 == 9 ? 100000 : 2000);
    for (int i = 0; i < 40; i++)
        FREE(objects[i]);
    turned();
}

static void wait_for(const char *file)
{
    const struct timespec a_while = { 0, 10000000 };
    while (access(file, F_OK) != 0)
        nanosleep(&a_while, NULL);
}

int main(int count, char **arguments)
{
#ifndef LINKED
    *(void **)&read_memstats = dlsym(RTLD_DEFAULT, "memlog_read_memstats");
    if (read_memstats == NULL)
        return 99;
#endif
    for (int i = 1; i < count; i++) {
        const char *action = arguments[i];
        if (strcmp(action, "plant") == 0)
            plant();
        else if (strcmp(action, "turn") == 0)
            turn();
        else if (strcmp(action, "abort") == 0)
            abort();
        else if (++i == count)
            return 99;
        else if (strcmp(action, "fill") == 0)
            fill(strtoul(arguments[i], NULL, 10));
        else if (strcmp(action, "storm") == 0)
            storm(atoi(arguments[i]));
        else if (strcmp(action, "wait") == 0)
            wait_for(arguments[i]);
    }
    return 0;
}
