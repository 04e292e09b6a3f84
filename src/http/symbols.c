/* SPDX-License-Identifier: MIT */
#include "http/symbols.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/elf.h"
#include "http/memo.h"
#include "os/living.h"
#include "os/maps.h"

/* A file of which code is mapped. */
struct file {
    char *name;
    uint64_t device, inode;
    bool is_deleted;
    bool was_opened; /* or it was tried */
    bool is_mapped;  /* still */
    struct ml_elf *elf;
    struct file *next;
};

struct mapping {
    uintptr_t begin, end;
    uint64_t offset;
    struct file *file;
};

struct ml_symbols {
    pid_t pid;
    struct file *files;
    struct mapping *mappings; /* in order of their addresses */
    size_t count, room;
    int error;
    uint64_t signature; /* of all mappings: whether others are there now */
    struct ml_memo *plain, *with_lines;
};

/* ---- what is mapped ----------------------------------------------------------------------- */

static struct file *need_file(struct ml_symbols *symbols, const struct ml_os_mapping *mapping)
{
    for (struct file *file = symbols->files; file != NULL; file = file->next)
        if (strlen(file->name) == mapping->name_length && file->inode == mapping->inode &&
            file->device == mapping->device && file->is_deleted == mapping->is_deleted &&
            memcmp(file->name, mapping->name, mapping->name_length) == 0)
            return file;
    struct file *file = calloc(1, sizeof(*file));
    if (file == NULL || (file->name = strndup(mapping->name, mapping->name_length)) == NULL) {
        free(file);
        return NULL;
    }
    file->device = mapping->device;
    file->inode = mapping->inode;
    file->is_deleted = mapping->is_deleted;
    file->next = symbols->files;
    return symbols->files = file;
}

static void take_mapping(const char *line, size_t length, void *argument)
{
    enum { FIRST = 256 };
    struct ml_symbols *symbols = argument;
    struct ml_os_mapping mapping;
    ml_os_parse_mapping(line, length, &mapping);
    bool is_file = mapping.name_length != 0 && mapping.name[0] == '/';
    if (!mapping.is_code || !is_file || symbols->error != 0)
        return;
    if (symbols->count == symbols->room) {
        size_t room = symbols->room == 0 ? FIRST : symbols->room * 2;
        struct mapping *larger = realloc(symbols->mappings, room * sizeof(*larger));
        symbols->error = larger == NULL ? -ENOMEM : 0;
        symbols->mappings = larger == NULL ? symbols->mappings : larger;
        symbols->room = larger == NULL ? symbols->room : room;
    }
    struct file *file = symbols->error == 0 ? need_file(symbols, &mapping) : NULL;
    if (file == NULL) {
        symbols->error = -ENOMEM;
        return;
    }
    file->is_mapped = true;
    symbols->mappings[symbols->count++] =
        (struct mapping){ mapping.begin, mapping.end, mapping.offset, file };
}

static void drop_file(struct file *file)
{
    ml_elf_close(file->elf);
    free(file->name);
    free(file);
}

static void drop_unmapped(struct ml_symbols *symbols)
{
    struct file **link = &symbols->files, *file;
    while ((file = *link) != NULL) {
        if (file->is_mapped) {
            link = &file->next;
            continue;
        }
        *link = file->next;
        drop_file(file);
    }
}

static uint64_t signature(const struct ml_symbols *symbols)
{
    uint64_t sum = symbols->count;
    for (size_t i = 0; i < symbols->count; i++) {
        const struct mapping *at = &symbols->mappings[i];
        const uint64_t parts[] = { at->begin, at->end, at->offset, at->file->inode,
                                   at->file->device };
        for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++)
            sum = (sum ^ parts[part]) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return sum;
}

/* Other code may be at addresses whose names are remembered. */
static void forget_old_names(struct ml_symbols *symbols)
{
    uint64_t now = signature(symbols);
    if (now == symbols->signature)
        return;
    symbols->signature = now;
    ml_memo_forget(symbols->plain);
    ml_memo_forget(symbols->with_lines);
}

int ml_symbols_refresh(struct ml_symbols *symbols)
{
    char path[ML_OS_LIVING_BYTES];
    for (struct file *file = symbols->files; file != NULL; file = file->next)
        file->is_mapped = false;
    symbols->count = 0;
    symbols->error = 0;
    int error = ml_os_each_mapping(ml_os_living_file(path, symbols->pid, "/maps"), take_mapping, symbols);
    error = error != 0 ? error : symbols->error;
    if (error != 0)
        symbols->count = 0;
    drop_unmapped(symbols);
    forget_old_names(symbols);
    return error;
}

/* ---- names -------------------------------------------------------------------------------- */

/* The link says the program's name, with a word behind it where the file is gone. */
static bool is_program(const struct ml_symbols *symbols, const struct file *file,
                       char path[PATH_MAX])
{
    char target[PATH_MAX];
    size_t length = strlen(file->name);
    ml_os_living_file(path, symbols->pid, "/exe");
    ssize_t got = readlink(path, target, sizeof(target));
    return got >= 0 && (size_t)got >= length && memcmp(target, file->name, length) == 0 &&
           ((size_t)got == length || target[length] == ' ');
}

static void open_file(const struct ml_symbols *symbols, struct file *file)
{
    char path[PATH_MAX], root[ML_OS_LIVING_BYTES];
    file->was_opened = true;
    if (is_program(symbols, file, path)) {
        file->elf = ml_elf_open(path);
        return;
    }
    int length =
        snprintf(path, sizeof(path), "%s%s", ml_os_living_file(root, symbols->pid, "/root"), file->name);
    if (!file->is_deleted && length < (int)sizeof(path))
        file->elf = ml_elf_open(path);
}

static const struct mapping *mapping_of(const struct ml_symbols *symbols, uintptr_t address)
{
    size_t low = 0, high = symbols->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (symbols->mappings[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    bool in = low < symbols->count && symbols->mappings[low].begin <= address;
    return in ? &symbols->mappings[low] : NULL;
}

static void each(struct ml_symbols *symbols, uintptr_t address, bool with_lines,
                 ml_name_taker *take, void *argument)
{
    const struct mapping *mapping = mapping_of(symbols, address);
    if (mapping == NULL)
        return;
    if (!mapping->file->was_opened)
        open_file(symbols, mapping->file);
    if (mapping->file->elf != NULL)
        ml_elf_each(mapping->file->elf, address - mapping->begin + mapping->offset, with_lines,
                    take, argument);
}

static void each_plainly(void *symbols, uintptr_t address, ml_name_taker *take, void *argument)
{
    each(symbols, address, false, take, argument);
}

static void each_with_lines(void *symbols, uintptr_t address, ml_name_taker *take, void *argument)
{
    each(symbols, address, true, take, argument);
}

/* ---- opening ------------------------------------------------------------------------------ */

struct ml_symbols *ml_symbols_open(pid_t pid)
{
    struct ml_symbols *symbols = calloc(1, sizeof(*symbols));
    if (symbols == NULL)
        return NULL;
    symbols->pid = pid;
    symbols->plain = ml_memo_new((struct ml_namer){ symbols, each_plainly });
    symbols->with_lines = ml_memo_new((struct ml_namer){ symbols, each_with_lines });
    if (symbols->plain != NULL && symbols->with_lines != NULL)
        return symbols;
    ml_symbols_close(symbols);
    return NULL;
}

void ml_symbols_close(struct ml_symbols *symbols)
{
    if (symbols == NULL)
        return;
    for (struct file *file = symbols->files, *next; file != NULL; file = next) {
        next = file->next;
        drop_file(file);
    }
    ml_memo_free(symbols->plain);
    ml_memo_free(symbols->with_lines);
    free(symbols->mappings);
    free(symbols);
}

struct ml_namer ml_symbols_namer(struct ml_symbols *symbols)
{
    return ml_memo_namer(symbols->plain);
}

struct ml_namer ml_symbols_namer_with_lines(struct ml_symbols *symbols)
{
    return ml_memo_namer(symbols->with_lines);
}
