/* SPDX-License-Identifier: MIT */
#include "http/dead.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/buffer.h"
#include "http/collapse.h"
#include "http/elf.h"
#include "http/profile.h"
#include "os/process.h"

static int encode(const struct ml_snapshot *snapshot, struct ml_buffer *buffer)
{
    struct ml_profile profile;
    int error = ml_profile_of(&profile, snapshot);
    if (error != 0)
        return error;
    error = ml_profile_encode(&profile, ML_INUSE_SPACE, "memlog: out of a core file", buffer);
    ml_profile_free(&profile);
    return error;
}

int ml_dead_write_profile(const struct ml_snapshot *snapshot, int fd)
{
    struct ml_buffer buffer = { 0 };
    int error = encode(snapshot, &buffer);
    if (error == 0 && !ml_buffer_gzip(&buffer))
        error = -ENOMEM;
    if (error == 0)
        error = ml_os_write_all(fd, buffer.bytes, buffer.length);
    ml_buffer_free(&buffer);
    return error;
}

int ml_dead_stacks(const struct ml_snapshot *snapshot, char **lines)
{
    struct ml_buffer buffer = { 0 }, folded = { 0 };
    int error = encode(snapshot, &buffer);
    if (error == 0)
        error = ml_collapse_bytes(&buffer, &folded);
    if (error == 0) {
        *lines = strdup(folded.length == 0 ? "" : folded.bytes);
        error = *lines == NULL ? -ENOMEM : 0;
    }
    ml_buffer_free(&folded);
    ml_buffer_free(&buffer);
    return error;
}

/* The last file that was asked about stays open: they come one after the other. */
static struct ml_elf *open_again(const char *file)
{
    static struct ml_elf *elf;
    static char *name;
    if (name != NULL && strcmp(name, file) == 0)
        return elf;
    ml_elf_close(elf);
    free(name);
    name = strdup(file);
    return elf = ml_elf_open(file);
}

bool ml_dead_variable(const char *file, uint64_t address, char *text, size_t bytes)
{
    struct ml_name name;
    struct ml_elf *elf = open_again(file);
    if (elf == NULL || !ml_elf_variable(elf, address, &name))
        return false;
    if (name.offset == 0)
        snprintf(text, bytes, "%s", name.function);
    else
        snprintf(text, bytes, "%s+%" PRIu64, name.function, name.offset);
    return true;
}
