/* SPDX-License-Identifier: MIT */
#include "cli/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/system.h"
#include "image/image.h"

static int open_of(pid_t pid, const char *file)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Any address will do: what is not there is another error than what may not be read. */
static int try_system_call(struct ml_space *space)
{
    char byte;
    int error = ml_memory_of_process(&space->pid, sizeof(byte), &byte, sizeof(byte));
    return error == -EFAULT ? 0 : error;
}

int ml_space_open(struct ml_space *space, pid_t pid)
{
    pid_t thread = ml_system_thread(pid);
    pid = thread == 0 ? pid : thread;
    *space = (struct ml_space){ pid, open_of(pid, "mem"), open_of(pid, "maps") };
    return space->memory >= 0 ? 0 : try_system_call(space);
}

void ml_space_close(struct ml_space *space)
{
    if (space->memory >= 0)
        close(space->memory);
    if (space->maps >= 0)
        close(space->maps);
    space->memory = space->maps = -1;
}

/* One that is ending has lost its memory some time before anybody hears of its end. */
static bool has_memory(pid_t pid) { return ml_system_thread(pid) != 0; }

int ml_space_read(void *context, uintptr_t address, void *to, size_t bytes)
{
    struct ml_space *space = context;
    if (space->memory < 0)
        return ml_memory_of_process(&space->pid, address, to, bytes);
    ssize_t got = pread(space->memory, to, bytes, (off_t)address);
    if (got == 0 && bytes != 0) /* nobody lives there any more */
        return has_memory(space->pid) ? -ESTALE : -ESRCH;
    return got == (ssize_t)bytes ? 0 : -EFAULT;
}

bool ml_space_was_left(const struct ml_space *space)
{
    char byte;
    return space->maps >= 0 && pread(space->maps, &byte, 1, 0) != 1 && has_memory(space->pid);
}
