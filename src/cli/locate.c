/* SPDX-License-Identifier: MIT */
#include "cli/locate.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"

#define ROOT_NAME "memlog_root"
#define ROOT_SECTION ".memlog_root"
#define PRELOAD_NAME "libmemlog-preload"

/* ---- the mappings -------------------------------------------------------------- */

/* A line of /proc/PID/maps. */
struct mapping {
    uintptr_t start;
    unsigned long offset;
    const char *path; /* "": none */
};

/* All of the list, with a NUL behind it, or NULL. To be freed. */
static char *read_list(const struct ml_space *space)
{
    size_t length = 0, capacity = 0;
    char *list = NULL;
    for (;;) {
        if (capacity - length < 4096) {
            char *more = realloc(list, capacity = 2 * capacity + 65536);
            if (more == NULL)
                break;
            list = more;
        }
        ssize_t got = pread(space->maps, list + length, capacity - length - 1, (off_t)length);
        if (got <= 0) {
            list[length] = '\0';
            return list;
        }
        length += (size_t)got;
    }
    free(list);
    return NULL;
}

/* Cuts the line out of the list. */
static bool parse(char *line, struct mapping *mapping)
{
    int path = 0;
    if (sscanf(line, "%lx-%*x %*4s %lx %*s %*u %n", &mapping->start, &mapping->offset, &path) < 2 ||
        path == 0)
        return false;
    mapping->path = line + path;
    return true;
}

/* ---- an object's symbols, in memory ------------------------------------------------ */

struct object {
    struct ml_space *space;
    uintptr_t bias; /* what was added to its addresses when it was loaded */
    uintptr_t symbols, names, hash;
};

static bool read_at(const struct object *object, uintptr_t address, void *to, size_t bytes)
{
    return ml_space_read(object->space, address, to, bytes) == 0;
}

static bool is_elf(const Elf64_Ehdr *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 &&
           header->e_ident[EI_CLASS] == ELFCLASS64 && header->e_machine == EM_X86_64 &&
           header->e_phentsize == sizeof(Elf64_Phdr);
}

/* The loader has added the bias to most of them, but not in every object. */
static uintptr_t address_of(const struct object *object, const Elf64_Dyn *entry)
{
    uintptr_t address = entry->d_un.d_ptr;
    return address < object->bias ? address + object->bias : address;
}

static bool read_dynamic(struct object *object, uintptr_t dynamic)
{
    enum { ENTRIES_MOST = 200 };
    Elf64_Dyn entry = { .d_tag = DT_NULL };
    for (int i = 0; i < ENTRIES_MOST; i++) {
        if (!read_at(object, dynamic + (uintptr_t)i * sizeof(entry), &entry, sizeof(entry)) ||
            entry.d_tag == DT_NULL)
            break;
        if (entry.d_tag == DT_SYMTAB)
            object->symbols = address_of(object, &entry);
        else if (entry.d_tag == DT_STRTAB)
            object->names = address_of(object, &entry);
        else if (entry.d_tag == DT_GNU_HASH)
            object->hash = address_of(object, &entry);
    }
    return object->symbols != 0 && object->names != 0 && object->hash != 0;
}

/* Its bias and, unless it has none, its dynamic section. */
static bool read_headers(struct object *object, uintptr_t start, uintptr_t *dynamic)
{
    Elf64_Ehdr header;
    bool has_bias = false;
    *dynamic = 0;
    if (!read_at(object, start, &header, sizeof(header)) || !is_elf(&header))
        return false;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        uintptr_t at = start + header.e_phoff + (uintptr_t)i * sizeof(segment);
        if (!read_at(object, at, &segment, sizeof(segment)))
            return false;
        if (segment.p_type == PT_LOAD && !has_bias) {
            object->bias = start - (segment.p_vaddr - segment.p_offset);
            has_bias = true;
        } else if (segment.p_type == PT_DYNAMIC) {
            *dynamic = segment.p_vaddr;
        }
    }
    *dynamic += *dynamic == 0 ? 0 : object->bias;
    return has_bias;
}

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name != '\0'; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* The address of the symbol with that number, if it is the root. */
static uintptr_t value_if_root(const struct object *object, uint32_t number)
{
    char text[sizeof(ROOT_NAME)];
    Elf64_Sym symbol;
    if (!read_at(object, object->symbols + number * sizeof(symbol), &symbol, sizeof(symbol)) ||
        symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0 ||
        !read_at(object, object->names + symbol.st_name, text, sizeof(text)) ||
        memcmp(text, ROOT_NAME, sizeof(text)) != 0)
        return 0;
    return symbol.st_value + object->bias;
}

/* The table: four numbers, the filter's words of 8 bytes, the buckets, and from the
 * first symbol on a hash for each; the last of a bucket is odd. */
static uintptr_t look_up_root(const struct object *object)
{
    enum { CHAIN_MOST = 10000 };
    struct {
        uint32_t buckets, first, filter_words, shift;
    } head;
    uint32_t hash = gnu_hash(ROOT_NAME), number, entry = 0;
    if (!read_at(object, object->hash, &head, sizeof(head)) || head.buckets == 0)
        return 0;
    uintptr_t buckets = object->hash + sizeof(head) + head.filter_words * sizeof(uint64_t);
    uintptr_t chains = buckets + head.buckets * sizeof(uint32_t);
    uintptr_t bucket = buckets + hash % head.buckets * sizeof(number);
    if (!read_at(object, bucket, &number, sizeof(number)) ||
        number < head.first)
        return 0;
    for (int i = 0; i < CHAIN_MOST && !(entry & 1); i++, number++) {
        uintptr_t at = chains + (number - head.first) * sizeof(uint32_t);
        if (!read_at(object, at, &entry, sizeof(entry)))
            return 0;
        uintptr_t value = (entry | 1) == (hash | 1) ? value_if_root(object, number) : 0;
        if (value != 0)
            return value;
    }
    return 0;
}

static uintptr_t exported_root(struct ml_space *space, uintptr_t start)
{
    struct object object = { .space = space };
    uintptr_t dynamic;
    if (!read_headers(&object, start, &dynamic) || dynamic == 0 || !read_dynamic(&object, dynamic))
        return 0;
    return look_up_root(&object);
}

/* ---- the program itself, in its file ------------------------------------------------- */

static bool pread_all(int fd, void *to, size_t bytes, uint64_t offset)
{
    return pread(fd, to, bytes, (off_t)offset) == (ssize_t)bytes;
}

/* Names of sections outlive strip. 0: there is no such section. */
static uintptr_t root_section(int fd)
{
    Elf64_Ehdr header;
    Elf64_Shdr section, names;
    char text[sizeof(ROOT_SECTION)];
    if (!pread_all(fd, &header, sizeof(header), 0) || !is_elf(&header) ||
        header.e_shentsize != sizeof(section) ||
        !pread_all(fd, &names, sizeof(names),
                   header.e_shoff + header.e_shstrndx * sizeof(section)))
        return 0;
    for (unsigned i = 0; i < header.e_shnum; i++)
        if (pread_all(fd, &section, sizeof(section), header.e_shoff + i * sizeof(section)) &&
            pread_all(fd, text, sizeof(text), names.sh_offset + section.sh_name) &&
            memcmp(text, ROOT_SECTION, sizeof(text)) == 0)
            return section.sh_addr;
    return 0;
}

/* Of the process: "exe" is a link that can be opened where its path means nothing here. */
static const char *program_file(const struct ml_space *space, char path[64])
{
    snprintf(path, 64, "/proc/%d/exe", (int)space->pid);
    return path;
}

static uintptr_t linked_root(struct ml_space *space, uintptr_t start)
{
    struct object object = { .space = space };
    char path[64];
    int fd = open(program_file(space, path), O_RDONLY | O_CLOEXEC);
    uintptr_t dynamic, address = fd < 0 ? 0 : root_section(fd);
    if (fd >= 0)
        close(fd);
    return address != 0 && read_headers(&object, start, &dynamic) ? address + object.bias : 0;
}

/* ---- all of them ----------------------------------------------------------------------- */

static bool is_called(const struct mapping *mapping, const char *name)
{
    const char *slash = strrchr(mapping->path, '/');
    return slash != NULL && strncmp(slash + 1, name, strlen(name)) == 0;
}

static uintptr_t root_in(struct ml_space *space, const struct mapping *mapping, const char *program)
{
    uintptr_t root = exported_root(space, mapping->start);
    bool is_program = strcmp(mapping->path, program) == 0;
    return root == 0 && is_program ? linked_root(space, mapping->start) : root;
}

uintptr_t ml_locate_root(struct ml_space *space)
{
    char *list = space->maps < 0 ? NULL : read_list(space), *rest = list, *line;
    char link[64], program[PATH_MAX];
    ssize_t length = readlink(program_file(space, link), program, sizeof(program) - 1);
    uintptr_t found = 0;
    program[length < 0 ? 0 : length] = '\0';
    while (list != NULL && (line = strsep(&rest, "\n")) != NULL) {
        struct mapping mapping;
        if (!parse(line, &mapping) || mapping.offset != 0 || mapping.path[0] != '/')
            continue;
        bool is_preload = is_called(&mapping, PRELOAD_NAME);
        uintptr_t root = found == 0 || is_preload ? root_in(space, &mapping, program) : 0;
        found = root != 0 ? root : found;
        if (root != 0 && is_preload)
            break;
    }
    free(list);
    return found;
}

bool ml_locate_library(const struct ml_space *space)
{
    char *list = space->maps < 0 ? NULL : read_list(space);
    bool found = list != NULL && (strstr(list, "/" PRELOAD_NAME) != NULL ||
                                  strstr(list, "/libmemlog.so") != NULL);
    free(list);
    return found;
}
