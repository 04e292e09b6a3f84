/* SPDX-License-Identifier: MIT */
/* library_thread.c - a library that knows nothing of memlog and starts a thread, which keeps
 * what it is given on its stack until it is asked for it.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

int library_thread_begin(void *(*make)(void));
void *library_thread_end(void);

static pthread_t thread;
static sem_t has_it, give_it;

static void *keep(void *make)
{
    void *volatile mine = ((void *(*)(void))make)();
    sem_post(&has_it);
    while (sem_wait(&give_it) != 0) {
    }
    return mine;
}

/* A thread that calls make and keeps the result. 0 when it has it. */
int library_thread_begin(void *(*make)(void))
{
    sem_init(&has_it, 0, 0);
    sem_init(&give_it, 0, 0);
    int error = pthread_create(&thread, NULL, keep, (void *)make);
    while (error == 0 && sem_wait(&has_it) != 0) {
    }
    return error;
}

void *library_thread_end(void)
{
    void *result;
    sem_post(&give_it);
    return pthread_join(thread, &result) == 0 ? result : NULL;
}
