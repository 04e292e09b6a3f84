/* SPDX-License-Identifier: MIT */
/* prog_core_altstack.c - a program that dies in a signal handler on a stack of its own, as programs do
 * that print where they crashed: two threads, of each an object that only its first stack holds.
 *
 * With LINKED the objects are of the collected door, else of malloc. Says NAME=ADDRESS of each.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef LINKED
#include "memlog.h"
#define ALLOCATE memlog_malloc
#else
#define ALLOCATE malloc
#endif

#define NOINLINE __attribute__((noinline, noclone))
enum { STACK_BYTES = 64 << 10 };

static pthread_barrier_t both;

static void stand(int signal)
{
    (void)signal;
    pthread_barrier_wait(&both);
    for (;;)
        pause();
}

NOINLINE static uintptr_t complement_of_new(const char *name)
{
    void *object = ALLOCATE(100);
    printf("%s=%p\n", name, object);
    return ~(uintptr_t)object;
}

NOINLINE static void hold(const char *name)
{
    volatile uintptr_t held[3] = { 0, 0, 0 };
    held[1] = complement_of_new(name);
    held[1] = ~held[1];
    raise(SIGUSR1);
    __asm__ volatile("" : : "r"(held) : "memory");
}

static void *run(void *name)
{
    stack_t stack = { .ss_size = STACK_BYTES };
    stack.ss_sp = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&stack, NULL);
    hold(name);
    return NULL;
}

static void *wait_and_abort(void *unused)
{
    pthread_barrier_wait(&both);
    printf("planted\n");
    fflush(stdout);
    abort();
    return unused;
}

int main(void)
{
    pthread_t thread;
    struct sigaction action = { .sa_handler = stand, .sa_flags = SA_ONSTACK };
    sigaction(SIGUSR1, &action, NULL);
    pthread_barrier_init(&both, NULL, 3);
    pthread_create(&thread, NULL, run, "other_stack");
    pthread_create(&thread, NULL, wait_and_abort, NULL);
    run("first_stack");
    return 0;
}
