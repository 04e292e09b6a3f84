/* SPDX-License-Identifier: MIT */
#include "image/core.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bits.h"
#include "image/corefiles.h"
#include "image/corenotes.h"
#include "image/notes.h"

static bool read_file(const struct ml_core *core, uint64_t offset, void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(core->fd, (char *)to + done, bytes - done, (off_t)(offset + done));
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* ---- headers ---------------------------------------------------------------------------- */

static const char *refuse_header(const Elf64_Ehdr *header)
{
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
        return "it is no core file (not ELF; a compressed one is to be unpacked first)";
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        return "it is of another kind of machine than this memlog is for (x86_64)";
    if (header->e_type != ET_CORE)
        return "it is no core file, but a program or a library";
    return header->e_phentsize == sizeof(Elf64_Phdr) ? NULL : "its headers make no sense";
}

/* With more parts than the header's field holds their number stands in the first section. */
static bool count_parts(const struct ml_core *core, const Elf64_Ehdr *header, size_t *count)
{
    Elf64_Shdr first;
    *count = header->e_phnum;
    if (header->e_phnum != PN_XNUM)
        return true;
    bool is_read = read_file(core, header->e_shoff, &first, sizeof(first));
    *count = is_read ? first.sh_info : 0;
    return is_read;
}

static void add_segment(struct ml_core *core, const Elf64_Phdr *part)
{
    if (part->p_memsz == 0 || part->p_vaddr + part->p_memsz < part->p_vaddr)
        return;
    struct ml_core_segment *segment = &core->segments[core->segments_count++];
    *segment = (struct ml_core_segment){
        .begin = part->p_vaddr,
        .end = part->p_vaddr + part->p_memsz,
        .offset = part->p_offset,
        .bytes = ml_min(part->p_filesz, part->p_memsz),
        .is_writable = part->p_flags & PF_W,
        .is_code = part->p_flags & PF_X,
    };
    uint64_t there = part->p_offset < core->file_bytes ? core->file_bytes - part->p_offset : 0;
    segment->bytes = ml_min(segment->bytes, there);
}

static bool read_notes(struct ml_core *core, const Elf64_Phdr *part)
{
    enum { NOTES_MOST = 1 << 28 };
    if (core->notes != NULL || part->p_filesz > NOTES_MOST)
        return true;
    core->notes = malloc(part->p_filesz + 1);
    core->notes_bytes = part->p_filesz;
    return core->notes != NULL && read_file(core, part->p_offset, core->notes, part->p_filesz);
}

static bool take_parts(struct ml_core *core, const Elf64_Phdr *parts, size_t count)
{
    bool has_notes = true;
    for (size_t i = 0; i < count; i++) {
        uint64_t end = parts[i].p_offset + parts[i].p_filesz;
        core->wanted_bytes = ml_max(core->wanted_bytes, end);
        if (parts[i].p_type == PT_LOAD)
            add_segment(core, &parts[i]);
        else if (parts[i].p_type == PT_NOTE)
            has_notes &= read_notes(core, &parts[i]);
    }
    return has_notes;
}

static int by_address(const void *a, const void *b)
{
    const struct ml_core_segment *left = a, *right = b;
    return left->begin < right->begin ? -1 : left->begin > right->begin;
}

/* gdb writes them last. */
static const char *const cut_short = "it was cut short: the list of its memory is missing "
                                     "(ulimit -c? a full disk?)";

static int read_headers(struct ml_core *core, const char **why)
{
    Elf64_Ehdr header;
    size_t count;
    *why = "it is no core file: too short";
    if (!read_file(core, 0, &header, sizeof(header)))
        return -ENOEXEC;
    *why = refuse_header(&header);
    if (*why != NULL)
        return -ENOEXEC;
    *why = cut_short;
    if (!count_parts(core, &header, &count) || count > core->file_bytes / sizeof(Elf64_Phdr))
        return -ENOEXEC;
    Elf64_Phdr *parts = malloc(count * sizeof(*parts) + 1);
    core->segments = malloc(count * sizeof(*core->segments) + 1);
    bool is_read = parts != NULL && core->segments != NULL &&
                   read_file(core, header.e_phoff, parts, count * sizeof(*parts)) &&
                   take_parts(core, parts, count);
    free(parts);
    if (!is_read)
        return -ENOEXEC;
    qsort(core->segments, core->segments_count, sizeof(*core->segments), by_address);
    *why = NULL;
    return 0;
}

/* ---- open and close ------------------------------------------------------------------------ */

static int find_length(struct ml_core *core, const char **why)
{
    struct stat status;
    if (fstat(core->fd, &status) != 0)
        return -errno;
    if (S_ISDIR(status.st_mode))
        return -EISDIR;
    *why = S_ISREG(status.st_mode) ? NULL : "it is no file, but a pipe or a device";
    core->file_bytes = (uint64_t)status.st_size;
    return *why == NULL ? 0 : -ESPIPE;
}

int ml_core_open(struct ml_core *core, const char *file, const char *program, const char **why)
{
    *core = (struct ml_core){ .fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
                              .program = program };
    *why = NULL;
    if (core->fd < 0)
        return -errno;
    int error = find_length(core, why);
    if (error == 0)
        error = read_headers(core, why);
    if (error == 0)
        error = ml_corenotes_read(core);
    if (error != 0)
        ml_core_close(core);
    return error;
}

void ml_core_close(struct ml_core *core)
{
    ml_corefiles_close(core);
    free(core->segments);
    free(core->threads);
    free(core->mappings);
    free(core->notes);
    if (core->fd >= 0)
        close(core->fd);
    *core = (struct ml_core){ .fd = -1 };
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* The first segment that ends behind the address. */
static size_t segment_up_from(const struct ml_core *core, uintptr_t address)
{
    size_t low = 0, high = core->segments_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (core->segments[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct ml_core_segment *ml_core_segment_at(const struct ml_core *core, uintptr_t address)
{
    size_t at = segment_up_from(core, address);
    bool is_in = at < core->segments_count && core->segments[at].begin <= address;
    return is_in ? &core->segments[at] : NULL;
}

uintptr_t ml_core_hole_end(const struct ml_core *core, uintptr_t address, bool *was_mapped)
{
    const struct ml_core_segment *segment = ml_core_segment_at(core, address);
    size_t at = segment_up_from(core, address);
    uintptr_t end = segment != NULL                ? segment->end
                    : at == core->segments_count ? UINTPTR_MAX
                                                 : core->segments[at].begin;
    *was_mapped = segment != NULL;
    if (segment != NULL && address - segment->begin < segment->bytes)
        return address;
    for (size_t i = 0; i < core->mappings_count; i++) {
        const struct ml_core_mapping *mapping = &core->mappings[i];
        if (address < mapping->end)
            end = ml_min(end, ml_max(address, mapping->begin));
    }
    return end;
}

/* As far as it is in one place. Returns the bytes read, or -errno. */
static ssize_t read_some(struct ml_core *core, uintptr_t address, void *to, size_t bytes)
{
    const struct ml_core_segment *segment = ml_core_segment_at(core, address);
    uint64_t within = segment == NULL ? 0 : address - segment->begin;
    if (segment != NULL && within < segment->bytes) {
        bytes = ml_min(bytes, segment->bytes - within);
        return read_file(core, segment->offset + within, to, bytes) ? (ssize_t)bytes : -EIO;
    }
    ssize_t got = ml_corefiles_read(core, address, to, bytes);
    return got == 0 ? (segment != NULL ? -ENODATA : -EFAULT) : got;
}

int ml_core_read(void *context, uintptr_t address, void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = read_some(context, address + done, (char *)to + done, bytes - done);
        if (got < 0)
            return (int)got;
        done += (size_t)got;
    }
    return 0;
}

/* ---- memlog in it ------------------------------------------------------------------------------ */

const struct ml_core_mapping *ml_core_mapping_at(const struct ml_core *core, uintptr_t address)
{
    for (size_t i = 0; i < core->mappings_count; i++)
        if (address >= core->mappings[i].begin && address < core->mappings[i].end)
            return &core->mappings[i];
    return NULL;
}

static bool is_called(const struct ml_core_mapping *mapping, const char *name)
{
    const char *slash = strrchr(mapping->name, '/');
    return slash != NULL && strncmp(slash + 1, name, strlen(name)) == 0;
}

#define PRELOAD_NAME "libmemlog-preload"

uintptr_t ml_core_root(struct ml_core *core)
{
    const struct ml_memory memory = { ml_core_read, core };
    struct ml_root_choice choice = { 0 };
    for (size_t i = 0; i < core->mappings_count; i++) {
        const struct ml_core_mapping *mapping = &core->mappings[i];
        if (mapping->offset == 0)
            ml_root_consider(&choice, &memory, mapping->begin, is_called(mapping, PRELOAD_NAME));
    }
    return choice.root;
}

bool ml_core_has_library(const struct ml_core *core)
{
    for (size_t i = 0; i < core->mappings_count; i++)
        if (is_called(&core->mappings[i], PRELOAD_NAME) ||
            is_called(&core->mappings[i], "libmemlog.so"))
            return true;
    return false;
}
