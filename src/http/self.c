/* SPDX-License-Identifier: MIT */
/* The statistics are asked for as any program may. Cycles and the profile, for which there is no
 * such function, are read where a reader from outside finds them, from memlog_root on.
 */
#include "http/self.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "image/image.h"
#include "memlog.h"
#include "stats/root.h"

/* One for each of the server's threads: reading changes what an image holds. */
static struct ml_image *of_server, *of_worker;

static int read_own(void *unused, uintptr_t address, void *to, size_t bytes)
{
    (void)unused;
    memcpy(to, (const void *)address, bytes);
    return 0;
}

/* A profile looks at libraries that the program may unload meanwhile: then the system says that they
 * are gone, and nobody is sent a signal. */
static pid_t own_pid;
static const struct ml_memory by_copy = { read_own, NULL }, by_call = { ml_memory_of_process, &own_pid };

static int open_image(struct ml_image **image, const struct ml_memory *memory)
{
    int error = 0;
    if (*image == NULL)
        *image = ml_image_open(memory, (uintptr_t)&memlog_root, &error);
    return error;
}

static int read_numbers(void *unused, struct memlog_memstats *stats, struct memlog_extra *extra)
{
    (void)unused;
    int error = memlog_read_memstats(stats);
    return error != 0 ? error : memlog_read_extra(extra);
}

static uint64_t cycles(void *unused)
{
    (void)unused;
    return ml_image_cycles(of_server);
}

static bool cycle(void *unused, uint64_t number, struct ml_gc_record *record)
{
    (void)unused;
    return ml_image_cycle(of_server, number, record);
}

static int take_profile(void *unused, struct ml_snapshot *snapshot)
{
    (void)unused;
    return ml_snapshot_take(snapshot, of_worker, getpid());
}

/* For as long as it takes the thread is one of those that the collector knows. */
static void enter(void *unused)
{
    (void)unused;
    (void)memlog_register_thread();
}

static void leave(void *unused)
{
    (void)unused;
    (void)memlog_unregister_thread();
}

static int collect(void *unused)
{
    enter(unused);
    memlog_gc();
    leave(unused);
    return 0;
}

int ml_self_source(struct ml_source *source)
{
    own_pid = getpid();
    *source = (struct ml_source){ NULL, own_pid, read_numbers, cycles, cycle, take_profile,
                                  collect, enter, leave };
    int error = open_image(&of_server, &by_copy);
    return error != 0 ? error : open_image(&of_worker, &by_call);
}
