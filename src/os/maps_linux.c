/* SPDX-License-Identifier: MIT */
/* maps_linux.c - /proc/self/maps, and the notes of loaded objects. */
#include "os/maps.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>

#include "base/bits.h"
#include "os/living.h"
#include "os/syscall_linux.h"

/* ---- the list ---------------------------------------------------------------------- */

enum { LINE_MOST = 4096 };

struct lines {
    bool code_only;
    char line[LINE_MOST];
    size_t length;
    void (*take)(const char *line, size_t length, void *argument);
    void *argument;
};

/* "7f12a000-7f12c000 r-xp ..." */
static bool is_code(const char *line, size_t length)
{
    const char *blank = memchr(line, ' ', length);
    return blank != NULL && line + length - blank > 3 && blank[3] == 'x';
}

static void take_chunk(struct lines *lines, const char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != '\n') {
            if (lines->length < LINE_MOST)
                lines->line[lines->length++] = bytes[i];
            continue;
        }
        if (!lines->code_only || is_code(lines->line, lines->length))
            lines->take(lines->line, lines->length, lines->argument);
        lines->length = 0;
    }
}

static int read_lines(const char *path, struct lines *lines)
{
    char chunk[LINE_MOST];
    long got;
    int fd = ml_sys_open_read(path);
    if (fd < 0)
        return fd;
    while ((got = ml_sys_read(fd, chunk, sizeof(chunk))) > 0)
        take_chunk(lines, chunk, (size_t)got);
    ml_sys_close(fd);
    return (int)got;
}

int ml_os_each_mapping(const char *path,
                       void (*take)(const char *line, size_t length, void *argument),
                       void *argument)
{
    struct lines lines = { .take = take, .argument = argument };
    return read_lines(path, &lines);
}

int ml_os_each_code_mapping(void (*take)(const char *line, size_t length, void *argument),
                            void *argument)
{
    struct lines lines = { .code_only = true, .take = take, .argument = argument };
    char path[ML_OS_LIVING_BYTES];
    return read_lines(ml_os_living_file(path, 0, "/maps"), &lines);
}

/* ---- a line of it ---------------------------------------------------------------------- */

static uint64_t take_hex(const char **at, const char *end)
{
    uint64_t value = 0;
    for (; *at < end; (*at)++) {
        char c = **at;
        if (c >= '0' && c <= '9')
            value = value << 4 | (uint64_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        else
            break;
    }
    return value;
}

static uint64_t take_decimal(const char **at, const char *end)
{
    uint64_t value = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
        value = value * 10 + (uint64_t)(**at - '0');
    return value;
}

static const char *skip_to(const char *at, const char *end, bool blank)
{
    while (at < end && (*at == ' ') != blank)
        at++;
    return at;
}

static const char *next_word(const char *at, const char *end)
{
    return skip_to(skip_to(at, end, true), end, false);
}

void ml_os_parse_mapping(const char *line, size_t length, struct ml_os_mapping *mapping)
{
    static const char DELETED[] = " (deleted)";
    const size_t deleted = sizeof(DELETED) - 1;
    const char *at = line, *end = line + length;
    mapping->begin = take_hex(&at, end);
    at += at < end;
    mapping->end = take_hex(&at, end);
    at = next_word(at, end);
    mapping->is_readable = at < end && *at == 'r';
    mapping->is_code = is_code(line, length);
    at = next_word(at, end);
    mapping->offset = take_hex(&at, end);
    at = next_word(at, end);
    mapping->device = take_hex(&at, end) << 32;
    at += at < end;
    mapping->device |= take_hex(&at, end);
    at = next_word(at, end);
    mapping->inode = take_decimal(&at, end);
    mapping->name = next_word(at, end);
    mapping->name_length = (size_t)(end - mapping->name);
    mapping->is_deleted = mapping->name_length > deleted &&
                          memcmp(end - deleted, DELETED, deleted) == 0;
    if (mapping->is_deleted)
        mapping->name_length -= deleted;
}

/* ---- build ids ---------------------------------------------------------------------- */

struct search {
    uintptr_t address;
    uint8_t *id;
    size_t length;
};

/* Name and contents of a note follow its head, each padded to words. */
size_t ml_os_build_id_in(const char *notes, size_t bytes, uint8_t id[ML_OS_BUILD_ID_MOST])
{
    const size_t WORD = 4;
    const char *at = notes, *end = notes + bytes;
    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *head = (const void *)at;
        const char *name = at + sizeof(*head);
        const char *contents = name + ml_align_up(head->n_namesz, WORD);
        const char *next = contents + ml_align_up(head->n_descsz, WORD);
        if (next > end)
            return 0;
        if (head->n_type == NT_GNU_BUILD_ID && head->n_namesz == sizeof(ELF_NOTE_GNU) &&
            memcmp(name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 &&
            head->n_descsz <= ML_OS_BUILD_ID_MOST) {
            memcpy(id, contents, head->n_descsz);
            return head->n_descsz;
        }
        at = next;
    }
    return 0;
}

static bool is_over(const struct dl_phdr_info *object, uintptr_t address)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t begin = object->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_LOAD && address >= ml_align_down(begin, part->p_align) &&
            address < begin + part->p_memsz)
            return true;
    }
    return false;
}

static int look_at(struct dl_phdr_info *object, size_t size, void *argument)
{
    struct search *search = argument;
    (void)size;
    if (!is_over(object, search->address))
        return 0;
    for (int i = 0; i < object->dlpi_phnum && search->length == 0; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        const char *notes = (const char *)(object->dlpi_addr + part->p_vaddr);
        if (part->p_type == PT_NOTE)
            search->length = ml_os_build_id_in(notes, part->p_memsz, search->id);
    }
    return 1;
}

size_t ml_os_build_id(uintptr_t address, uint8_t id[ML_OS_BUILD_ID_MOST])
{
    struct search search = { .address = address, .id = id };
    dl_iterate_phdr(look_at, &search);
    return search.length;
}

/* ---- this code ----------------------------------------------------------------------- */

struct own_code {
    uintptr_t begin, end;
    bool is_first;
};

/* The program is the first object. */
static int look_for_this_code(struct dl_phdr_info *object, size_t size, void *argument)
{
    static const char landmark = 1;
    struct own_code *own = argument;
    (void)size;
    if (!is_over(object, (uintptr_t)&landmark)) {
        own->is_first = false;
        return 0;
    }
    for (int i = 0; i < object->dlpi_phnum && !own->is_first; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
            continue;
        own->begin = object->dlpi_addr + part->p_vaddr;
        own->end = own->begin + part->p_memsz;
    }
    return 1;
}

bool ml_os_own_code(uintptr_t *begin, uintptr_t *end)
{
    struct own_code own = { .is_first = true };
    dl_iterate_phdr(look_for_this_code, &own);
    *begin = own.begin;
    *end = own.end;
    return own.end != 0;
}
