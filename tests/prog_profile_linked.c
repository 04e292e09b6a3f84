/* SPDX-License-Identifier: MIT */
/* prog_profile_linked.c - a program that links memlog, and leaks by all its doors: in the first
 * thread, in another one, in a finalizer. Writes its profile in both forms.
 *
 *   prog_profile_linked PPROF TEXT
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "memlog.h"

enum { ROUNDS = 100, DOORS = 9 };

void *kept[4][ROUNDS * DOORS]; /* not static: the compiler would see that nobody reads it */

__attribute__((noinline)) static void *keep(void **place, void *object)
{
    return *place = object;
}

/* One after the other; each is the last thing that a function does, or is not. */
__attribute__((noinline)) static void *planted_leak(void **places)
{
    static const unsigned long bitmap[1] = { 1 };
    const struct memlog_type *type = memlog_type_new(24, bitmap, 1);
    keep(&places[0], memlog_malloc(3000));
    keep(&places[1], memlog_malloc_noscan(3000));
    keep(&places[2], memlog_malloc_uncollectable(3000));
    keep(&places[3], memlog_calloc(3, 1000));
    keep(&places[4], memlog_calloc_noscan(3, 1000));
    keep(&places[5], memlog_aligned_alloc(1024, 3000));
    keep(&places[6], memlog_realloc(memlog_realloc(NULL, 10), 3000));
    keep(&places[7], memlog_calloc_typed(125, type));
    return keep(&places[8], memlog_strdup("a string that somebody keeps"));
}

__attribute__((noinline)) static void *thread_leak(void **places)
{
    return keep(places, memlog_malloc(70000));
}

static void *work(void *unused)
{
    for (int i = 0; i < ROUNDS; i++)
        thread_leak(&kept[1][i]);
    return unused;
}

static int finalized;

__attribute__((noinline)) static void *finalizer_leak(int i)
{
    return keep(&kept[2][i], memlog_malloc(5000));
}

static void finalizer(void *object, void *data)
{
    (void)object, (void)data;
    int i = __atomic_fetch_add(&finalized, 1, __ATOMIC_SEQ_CST);
    finalizer_leak(i < ROUNDS ? i : 0);
}

__attribute__((noinline)) static void garbage(void)
{
    for (int i = 0; i < ROUNDS; i++)
        memlog_set_finalizer(memlog_malloc(100), finalizer, NULL);
}

static int write_profile(const char *path, int format)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int error = memlog_profile_write(fd, format);
    close(fd);
    return error;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 3)
        return 2;
    for (int i = 0; i < ROUNDS; i++)
        planted_leak(&kept[0][i * DOORS]);
    if (pthread_create(&thread, NULL, work, NULL) != 0 || pthread_join(thread, NULL) != 0)
        return 3;
    garbage();
    for (int i = 0; i < 1000 && __atomic_load_n(&finalized, __ATOMIC_SEQ_CST) < ROUNDS / 2; i++) {
        memlog_gc();
        usleep(1000);
    }
    if (write_profile(argv[1], MEMLOG_PROFILE_PPROF) != 0 ||
        write_profile(argv[2], MEMLOG_PROFILE_TEXT) != 0)
        return 4;
    printf("%d\n", __atomic_load_n(&finalized, __ATOMIC_SEQ_CST) >= ROUNDS / 2);
    return 0;
}
