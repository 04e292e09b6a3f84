/* SPDX-License-Identifier: MIT */
#include "image/buildid.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/pages.h"

/* More than linkers make. */
enum { PARTS_MOST = 64, NOTES_MOST = 4096 };

/* An object as its file has it, or as it was loaded: the parts stand elsewhere. */
struct object {
    int (*read)(const struct object *object, uintptr_t place, void *to, size_t bytes);
    struct ml_image *image;
    int fd;
    uintptr_t begin; /* of the file's first byte */
    bool is_loaded;
};

static int read_memory(const struct object *object, uintptr_t place, void *to, size_t bytes)
{
    return ml_image_copy(object->image, place, to, bytes);
}

static int read_file(const struct object *object, uintptr_t place, void *to, size_t bytes)
{
    return pread(object->fd, to, bytes, (off_t)place) == (ssize_t)bytes ? 0 : -EIO;
}

static int read_parts(const struct object *object, ElfW(Phdr) parts[PARTS_MOST], unsigned *count)
{
    ElfW(Ehdr) head;
    int error = object->read(object, object->begin, &head, sizeof(head));
    if (error != 0)
        return error;
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_phentsize != sizeof(*parts) || head.e_phnum > PARTS_MOST)
        return -ENOEXEC;
    *count = head.e_phnum;
    return object->read(object, object->begin + head.e_phoff, parts, *count * sizeof(*parts));
}

/* What is added to the addresses in the file: the part that begins it is at `begin`. */
static uintptr_t bias_of(const struct object *object, const ElfW(Phdr) *parts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (parts[i].p_type == PT_LOAD && ml_align_down(parts[i].p_offset, ml_os_page_bytes()) == 0)
            return object->begin - ml_align_down(parts[i].p_vaddr, ml_os_page_bytes());
    return object->begin;
}

static size_t look_in_notes(const struct object *object, const ElfW(Phdr) *part, uintptr_t bias,
                            uint8_t *id)
{
    uint32_t notes[NOTES_MOST / sizeof(uint32_t)];
    uintptr_t place = object->is_loaded ? bias + part->p_vaddr : part->p_offset;
    size_t bytes = ml_min(part->p_filesz, sizeof(notes));
    if (part->p_type != PT_NOTE || object->read(object, place, notes, bytes) != 0)
        return 0;
    return ml_os_build_id_in((const char *)notes, bytes, id);
}

static void find_id(const struct object *object, ml_build_id id)
{
    ElfW(Phdr) parts[PARTS_MOST];
    uint8_t bytes[ML_OS_BUILD_ID_MOST];
    size_t length = 0;
    unsigned count;
    if (read_parts(object, parts, &count) == 0) {
        uintptr_t bias = bias_of(object, parts, count);
        for (unsigned i = 0; i < count && length == 0; i++)
            length = look_in_notes(object, &parts[i], bias, bytes);
    }
    for (size_t i = 0; i < length; i++)
        sprintf(id + 2 * i, "%02x", bytes[i]);
    id[2 * length] = '\0';
}

void ml_build_id_in_memory(ml_build_id id, struct ml_image *image, uintptr_t begin)
{
    const struct object object = { read_memory, .image = image, .begin = begin, .is_loaded = true };
    find_id(&object, id);
}

void ml_build_id_in_file(ml_build_id id, pid_t pid, const char *name)
{
    char path[PATH_MAX];
    id[0] = '\0';
    if ((size_t)snprintf(path, sizeof(path), "/proc/%d/root%s", (int)pid, name) >= sizeof(path))
        return;
    const struct object object = { read_file, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
    if (object.fd < 0)
        return;
    find_id(&object, id);
    close(object.fd);
}
