/* SPDX-License-Identifier: MIT */
/* prog_gdb_refs.c - objects of which each is held in one place alone, for gdb to find out where.
 *
 *   prog_gdb_refs LIBRARY [ACTION...]
 *
 *   plant       make them; says NAME=ADDRESS of each, and NAME@TID of the thread it is a thread's
 *   wait FILE   until the file is there
 *   abort       end so
 *
 * With LINKED the objects are of the collected door, else of malloc. LIBRARY is
 * prog_gdb_library.c's, to be loaded, or "none"; the same may be linked, too. Nobody but the place
 * an object is named for has its address afterwards: it is handed about as its complement, and
 * stacks are swept where it was.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef uintptr_t hidden; /* the complement of an address */

#define NOINLINE __attribute__((noinline, noclone))

/* What calls have left on the stack below, and in registers. */
NOINLINE static void sweep_stack(void)
{
    volatile char below[64 << 10];
    memset((char *)below, 0, sizeof(below));
    __asm__ volatile("xor %%ebx, %%ebx\n\txor %%r12d, %%r12d\n\txor %%r13d, %%r13d\n\t"
                     "xor %%r14d, %%r14d\n\txor %%r15d, %%r15d\n\t"
                     "pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\tpxor %%xmm2, %%xmm2\n\t"
                     "pxor %%xmm3, %%xmm3\n\tpxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\t"
                     "pxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7"
                     : : : "rbx", "r12", "r13", "r14", "r15", "xmm0", "xmm1", "xmm2", "xmm3",
                       "xmm4", "xmm5", "xmm6", "xmm7", "memory");
}

static void say(const char *name, hidden object) { printf("%s=%#lx\n", name, ~object); }
static void say_thread(const char *name) { printf("%s@%d\n", name, (int)gettid()); }

#ifdef LINKED
#include "memlog.h"
#define ALLOCATE memlog_malloc
#else
#define ALLOCATE malloc
#endif

NOINLINE static hidden new_object(size_t bytes)
{
    char *object = ALLOCATE(bytes);
    memset(object, 0, bytes);
    return ~(hidden)object;
}

/* The only one who makes an address of it again: straight to where it is to be. */
NOINLINE static void put(void *place, hidden object, size_t offset)
{
    *(volatile uintptr_t *)place = ~object + offset;
}

static hidden plant(const char *name, size_t bytes, void *place)
{
    hidden object = new_object(bytes);
    put(place, object, 0);
    say(name, object);
    return object;
}

/* ---- data ----------------------------------------------------------------------------------- */

void *held_by_global[3], *held_inside[1], *held_past_end[1], *held_chain[1];

static void plant_in_data(void)
{
    static void *held_by_static_local;
    plant("global", 100, &held_by_global[2]);
    plant("static_local", 100, &held_by_static_local);
    put(held_inside, plant("inside", 1000, held_inside), 808);
    /* Right behind an object that has no byte to spare: that is no pointer to it, from here. */
    put(held_past_end, plant("past_end", 64, held_past_end), 64);
}

#ifdef LINKED
/* What else has to stay. */
void *kept[20];
static int kept_count;

static void *keep(hidden object)
{
    put(&kept[kept_count], object, 0);
    return kept[kept_count++];
}
#endif

/* Held by many. */
void *held_often[10];

static void plant_popular(void)
{
    hidden object = plant("popular", 100, &held_often[0]);
    for (int i = 1; i < 10; i++)
        put(&held_often[i], object, 0);
}

static void plant_chain(void)
{
    hidden top = new_object(48), middle = new_object(5000), bottom = new_object(32);
    put(held_chain, top, 0);
    put((char *)~top + 8, middle, 16);
    put((char *)~middle + 4000, bottom, 0);
    say("chain_top", top);
    say("chain_middle", middle);
    say("chain", bottom);
}

/* Two that hold each other, one that nobody holds, and one that only memory holds that is no root. */
static void plant_lost(void)
{
    hidden one = new_object(40), other = new_object(40);
    put((void *)~one, other, 0);
    put((void *)~other, one, 8);
    say("cycle", one);
    say("cycle_other", other);
    say("lost", new_object(24));
    void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    plant("other_memory", 200, (char *)mapped + 800);
}

/* ---- threads --------------------------------------------------------------------------------- */

static pthread_barrier_t planted;

static void start(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, argument) != 0)
        exit(99);
}

NOINLINE static void stand_there(void)
{
    pthread_barrier_wait(&planted);
    for (;;)
        pause();
}

NOINLINE static void hold_on_stack(hidden object)
{
    volatile uintptr_t held[4] = { 0 };
    put((void *)&held[1], object, 24);
    sweep_stack();
    stand_there();
    __asm__ volatile("" : : "r"(held) : "memory");
}

static void *with_stack(void *unused)
{
    hidden object = new_object(100);
    say("stack", object);
    say_thread("stack");
    hold_on_stack(object);
    return unused;
}

/* Right behind an object: on a stack that counts. */
NOINLINE static void hold_end_on_stack(hidden object)
{
    volatile uintptr_t held[4] = { 0 };
    put((void *)&held[1], object, 96);
    sweep_stack();
    stand_there();
    __asm__ volatile("" : : "r"(held) : "memory");
}

static void *with_stack_end(void *unused)
{
    hidden object = new_object(96);
    say("stack_end", object);
    say_thread("stack_end");
    hold_end_on_stack(object);
    return unused;
}

/* A signal's handler on a stack of its own: what is on the thread's counts all the same. */
static hidden for_handler;

NOINLINE static void hold_in_handler(int signal)
{
    (void)signal;
    hold_on_stack(for_handler);
}

NOINLINE static void hold_below_handler(hidden object)
{
    volatile uintptr_t held[4] = { 0 };
    put((void *)&held[1], object, 0);
    sweep_stack();
    raise(SIGUSR1);
    __asm__ volatile("" : : "r"(held) : "memory");
}

static void *with_handler(void *unused)
{
    enum { BYTES = 256 << 10, GUARD = 4096 };
    stack_t stack = { .ss_size = BYTES };
    struct sigaction action = { .sa_handler = hold_in_handler, .sa_flags = SA_ONSTACK };
    hidden below = new_object(100);
    char *mapped = mmap(NULL, BYTES + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack.ss_sp = mapped + GUARD; /* what lies beside it is not looked at with it */
    mprotect(stack.ss_sp, BYTES, PROT_READ | PROT_WRITE);
    sigaltstack(&stack, NULL);
    sigaction(SIGUSR1, &action, NULL);
    for_handler = new_object(100);
    say("handler", for_handler);
    say("below_handler", below);
    say_thread("handler");
    hold_below_handler(below);
    return unused;
}

/* In a register it stays as long as the program is not at work: clock_nanosleep from here. */
static void *with_registers(void *unused)
{
    hidden object = new_object(100), in_vector = new_object(150);
    static const struct timespec a_while = { 3600, 0 };
    say("register", object);
    say_thread("register");
    say("vector", in_vector);
    pthread_barrier_wait(&planted);
    sweep_stack();
    __asm__ volatile("mov %0, %%r12\n\tnot %%r12\n\tmov %1, %%rax\n\tnot %%rax\n\t"
                     "movq %%rax, %%xmm5\n\tpunpcklqdq %%xmm5, %%xmm5\n\t"
                     "1: mov $230, %%eax\n\tmov $1, %%edi\n\txor %%esi, %%esi\n\tmov %2, %%rdx\n\t"
                     "xor %%r10d, %%r10d\n\tsyscall\n\tjmp 1b"
                     : : "r"(object), "r"(in_vector), "r"(&a_while)
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r10", "r11", "r12", "xmm5", "memory");
    return unused;
}

static __thread void *held_by_tls[5];
static pthread_key_t low_key, high_key;
static void **(*library_tls)(void); /* NULL: there is no library */

/* The values are handed to pthread_setspecific in registers and on the stack, which is swept. */
NOINLINE static void set_values(hidden low, hidden high)
{
    pthread_setspecific(low_key, (void *)~low);
    pthread_setspecific(high_key, (void *)~high);
}

static void *with_data_of_its_own(void *unused)
{
    hidden low = new_object(100), high = new_object(100);
    plant("tls", 100, &held_by_tls[3]);
    if (library_tls != NULL)
        plant("library_tls", 100, &library_tls()[1]);
    set_values(low, high);
    say_thread("own_data");
    say("specific", low);
    say("specific_high", high);
    sweep_stack();
    stand_there();
    return unused;
}

static void plant_in_threads(void)
{
    pthread_key_t keys[40];
    for (int i = 0; i < 40; i++)
        pthread_key_create(&keys[i], NULL);
    low_key = keys[1], high_key = keys[39];
    pthread_barrier_init(&planted, NULL, 6);
    start(with_stack, NULL);
    start(with_stack_end, NULL);
    start(with_handler, NULL);
    start(with_registers, NULL);
    start(with_data_of_its_own, NULL);
    pthread_barrier_wait(&planted);
}

/* ---- what only the collected door has ---------------------------------------------------------- */

#ifdef LINKED
static void never(void *object, void *data) { (void)object, (void)data; }

/* Two finalizers that are due, of which the first that is called never returns. */
static volatile void *volatile entered;

static void blocking(void *object, void *data)
{
    (void)object, (void)data;
    entered = &entered;
    for (;;)
        pause();
}

NOINLINE static void plant_one_due(const char *name, const char *data_name)
{
    hidden object = new_object(100), data = new_object(100);
    memlog_set_finalizer((void *)~object, blocking, (void *)~data);
    say(name, object);
    say(data_name, data);
}

/* First of all: the collection frees what is planted to be lost. */
static void plant_due(void)
{
    plant_one_due("due", "due_data");
    plant_one_due("due_too", "due_too_data");
    sweep_stack();
    memlog_gc();
    while (entered == NULL)
        usleep(1000);
}

static void *give_back(void *result) { return result; }

/* The result of a thread that nobody joins; the thread's stack goes, or is no thread's. */
static void *make_result(void *unused)
{
    (void)unused;
    hidden object = new_object(100);
    say("result", object);
    return (void *)~object;
}

static void plant_typed(void)
{
    enum { WORDS = 10 };
    struct element {
        void *words[WORDS];
    };
    unsigned long bitmap[MEMLOG_BITMAP_LONGS(struct element)] = { 0 };
    memlog_bitmap_set(bitmap, 3 * sizeof(void *));
    const struct memlog_type *type =
        memlog_type_new(sizeof(struct element), bitmap, MEMLOG_BITMAP_LONGS(struct element));
    hidden small = ~(hidden)memlog_malloc_typed(type);
    hidden large = ~(hidden)memlog_calloc_typed(10000, type);
    keep(small);
    keep(large);
    plant("typed", 100, (void **)~small + 3);
    plant("typed_not", 100, (void **)~small + 4);
    plant("typed_large", 100, (void **)~large + 9990 * WORDS + 3);
    plant("typed_large_not", 100, (void **)~large + 9990 * WORDS + 4);
}

static void plant_collected(void (*delay_next)(void))
{
    plant("uncollectable", 100, (char *)keep(~(hidden)memlog_malloc_uncollectable(300)) + 56);
    plant("noscan", 100, keep(~(hidden)memlog_malloc_noscan(300)));
    plant_typed();
    char *range = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memlog_add_roots(range + 64, range + 128);
    plant("added", 100, range + 120);
    plant("added_not", 100, range + 128);
    char *freed = memlog_malloc_uncollectable(2000);
    plant("freed", 100, freed + 800);
    memlog_free(freed);
    hidden data = new_object(100), watched = new_object(100);
    memlog_set_finalizer(keep(watched), never, (void *)~data);
    say("finalizer", data);
    say("finalized", watched);
    hidden referred = new_object(100);
    memlog_weak_create((void *)~referred);
    say("weak", referred);
    pthread_t thread;
    pthread_create(&thread, NULL, make_result, NULL);
    if (delay_next == NULL)
        return;
    hidden argument = new_object(100);
    delay_next();
    start(give_back, (void *)~argument);
    say("argument", argument);
}
#else
static void plant_due(void) {}
static void plant_collected(void (*delay_next)(void)) { (void)delay_next; }
#endif

/* ---- all ----------------------------------------------------------------------------------------- */

static void load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(99);
    }
    *(void **)&library_tls = dlsym(library, "library_tls");
    plant("library", 100, dlsym(library, "library_slot"));
}

NOINLINE static void plant_all(const char *path)
{
    void (*delay_next)(void) = NULL;
    plant_due();
    if (strcmp(path, "none") != 0) {
        load(path);
        *(void **)&delay_next = dlsym(RTLD_DEFAULT, "delay_next");
    }
    plant_in_data();
    plant_chain();
    plant_popular();
    plant_lost();
    plant_in_threads();
    plant_collected(delay_next);
    sleep(1); /* the thread that ends */
    puts("planted");
    fflush(stdout);
}

static void wait_for(const char *file)
{
    const struct timespec a_while = { 0, 10000000 };
    while (access(file, F_OK) != 0)
        nanosleep(&a_while, NULL);
}

int main(int count, char **arguments)
{
    if (count < 2)
        return 99;
    for (int i = 2; i < count; i++)
        if (strcmp(arguments[i], "plant") == 0) {
            plant_all(arguments[1]);
            sweep_stack();
        } else if (strcmp(arguments[i], "wait") == 0 && i + 1 < count) {
            wait_for(arguments[++i]);
        } else if (strcmp(arguments[i], "abort") == 0) {
            abort();
        }
    return 0;
}
