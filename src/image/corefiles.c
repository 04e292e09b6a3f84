/* SPDX-License-Identifier: MIT */
#include "image/corefiles.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "image/buildid.h"
#include "image/notes.h"

/* One that was looked for. */
struct ml_core_file {
    const char *name; /* as the core has it */
    int fd;           /* -1: it is not here, or another */
};

/* The mapping that the file's first byte is in. */
static const struct ml_core_mapping *first_mapping(const struct ml_core *core, const char *name)
{
    for (size_t i = 0; i < core->mappings_count; i++)
        if (core->mappings[i].offset == 0 && strcmp(core->mappings[i].name, name) == 0)
            return &core->mappings[i];
    return NULL;
}

static bool is_program(const struct ml_core *core, const char *name)
{
    const struct ml_core_mapping *program = ml_core_mapping_at(core, core->program_headers);
    return program != NULL && strcmp(program->name, name) == 0;
}

/* The core has the first page of each file, unless it was made otherwise. */
static bool is_same(struct ml_core *core, const char *name, int fd)
{
    const struct ml_memory memory = { ml_core_read, core };
    const struct ml_core_mapping *first = first_mapping(core, name);
    ml_build_id was = "", is = "";
    const struct ml_core_segment *segment =
        first == NULL ? NULL : ml_core_segment_at(core, first->begin);
    if (segment == NULL || segment->bytes == 0)
        return true; /* nobody knows */
    ml_build_id_in_memory(was, &memory, first->begin);
    ml_build_id_of_file(is, fd);
    return strcmp(was, is) == 0 &&
           (was[0] != '\0' || ml_notes_same_parts(&memory, first->begin, fd));
}

static bool add_file(struct ml_core *core, const char *name)
{
    struct ml_core_file *more =
        realloc(core->files, (core->files_count + 1) * sizeof(*core->files));
    if (more == NULL)
        return false;
    core->files = more;
    core->files[core->files_count++] = (struct ml_core_file){ name, -1 };
    return true;
}

static const char *path_of(const struct ml_core *core, const char *name)
{
    return core->program != NULL && is_program(core, name) ? core->program : name;
}

static int open_same(struct ml_core *core, const char *name)
{
    int fd = open(path_of(core, name), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && !is_same(core, name, fd)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static int file_called(struct ml_core *core, const char *name)
{
    for (size_t i = 0; i < core->files_count; i++)
        if (strcmp(core->files[i].name, name) == 0)
            return core->files[i].fd;
    size_t index = core->files_count;
    if (!add_file(core, name))
        return -1;
    int fd = open_same(core, name); /* its headers may be asked for meanwhile: the entry is there */
    return core->files[index].fd = fd;
}

const char *ml_core_file_of(struct ml_core *core, const struct ml_core_mapping *mapping)
{
    return file_called(core, mapping->name) < 0 ? NULL : path_of(core, mapping->name);
}

ssize_t ml_corefiles_read(struct ml_core *core, uintptr_t address, void *to, size_t bytes)
{
    const struct ml_core_mapping *mapping = ml_core_mapping_at(core, address);
    int fd = mapping == NULL ? -1 : file_called(core, mapping->name);
    if (fd < 0)
        return 0;
    bytes = ml_min(bytes, mapping->end - address);
    ssize_t got = pread(fd, to, bytes, (off_t)(mapping->offset + (address - mapping->begin)));
    return got < 0 ? 0 : got;
}

void ml_corefiles_close(struct ml_core *core)
{
    for (size_t i = 0; i < core->files_count; i++)
        if (core->files[i].fd >= 0)
            close(core->files[i].fd);
    free(core->files);
}
