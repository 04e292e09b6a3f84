/* SPDX-License-Identifier: MIT */
#include "image/buildid.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "image/notes.h"
#include "os/living.h"

static bool take_id(const char *notes, size_t bytes, uintptr_t place, void *id)
{
    uint8_t found[ML_OS_BUILD_ID_MOST];
    (void)place;
    size_t length = ml_os_build_id_in(notes, bytes, found);
    for (size_t i = 0; i < length; i++)
        sprintf((char *)id + 2 * i, "%02x", found[i]);
    return length != 0;
}

void ml_build_id_in_memory(ml_build_id id, const struct ml_memory *memory, uintptr_t begin)
{
    id[0] = '\0';
    ml_notes_in_memory(memory, begin, take_id, id);
}

void ml_build_id_of_file(ml_build_id id, int fd)
{
    id[0] = '\0';
    ml_notes_in_file(fd, take_id, id);
}

void ml_build_id_in_file(ml_build_id id, pid_t pid, const char *name)
{
    char path[PATH_MAX], root[ML_OS_LIVING_BYTES];
    id[0] = '\0';
    int length = snprintf(path, sizeof(path), "%s%s", ml_os_living_file(root, pid, "/root"), name);
    if ((size_t)length >= sizeof(path))
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    ml_build_id_of_file(id, fd);
    close(fd);
}
