/* SPDX-License-Identifier: MIT */
#include "image/notes.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "os/pages.h"
#include "stats/root.h"

/* More than linkers make. */
enum { PARTS_MOST = 64, NOTES_MOST = 4096 };

/* An object as its file has it, or as it was loaded: the parts stand elsewhere. */
struct object {
    struct ml_memory memory;
    uintptr_t begin; /* of the file's first byte */
    bool is_loaded;
};

static int read_file(void *fd, uintptr_t place, void *to, size_t bytes)
{
    return pread(*(const int *)fd, to, bytes, (off_t)place) == (ssize_t)bytes ? 0 : -EIO;
}

static int read_at(const struct object *object, uintptr_t place, void *to, size_t bytes)
{
    return object->memory.read(object->memory.context, place, to, bytes);
}

static int read_parts(const struct object *object, ElfW(Phdr) parts[PARTS_MOST], unsigned *count)
{
    ElfW(Ehdr) head;
    int error = read_at(object, object->begin, &head, sizeof(head));
    if (error != 0)
        return error;
    if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_phentsize != sizeof(*parts) || head.e_phnum > PARTS_MOST)
        return -ENOEXEC;
    *count = head.e_phnum;
    return read_at(object, object->begin + head.e_phoff, parts, *count * sizeof(*parts));
}

/* What is added to the addresses in the file: the part that begins it is at `begin`. */
static uintptr_t bias_of(const struct object *object, const ElfW(Phdr) *parts, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (parts[i].p_type == PT_LOAD && ml_align_down(parts[i].p_offset, ml_os_page_bytes()) == 0)
            return object->begin - ml_align_down(parts[i].p_vaddr, ml_os_page_bytes());
    return object->begin;
}

static bool visit_part(const struct object *object, const ElfW(Phdr) *part, uintptr_t bias,
                       ml_notes_visitor *visit, void *argument)
{
    uint32_t notes[NOTES_MOST / sizeof(uint32_t)];
    uintptr_t place = object->is_loaded ? bias + part->p_vaddr : part->p_offset;
    size_t bytes = ml_min(part->p_filesz, sizeof(notes));
    return read_at(object, place, notes, bytes) == 0 &&
           visit((const char *)notes, bytes, place, argument);
}

static void visit_notes(const struct object *object, ml_notes_visitor *visit, void *argument)
{
    ElfW(Phdr) parts[PARTS_MOST];
    unsigned count;
    if (read_parts(object, parts, &count) != 0)
        return;
    uintptr_t bias = bias_of(object, parts, count);
    for (unsigned i = 0; i < count; i++)
        if (parts[i].p_type == PT_NOTE && visit_part(object, &parts[i], bias, visit, argument))
            return;
}

void ml_notes_in_memory(const struct ml_memory *memory, uintptr_t begin, ml_notes_visitor *visit,
                        void *argument)
{
    const struct object object = { *memory, begin, true };
    visit_notes(&object, visit, argument);
}

uintptr_t ml_notes_bias(const struct ml_memory *memory, uintptr_t begin)
{
    const struct object object = { *memory, begin, true };
    ElfW(Phdr) parts[PARTS_MOST];
    unsigned count;
    return read_parts(&object, parts, &count) == 0 ? bias_of(&object, parts, count) : 0;
}

void ml_notes_in_file(int fd, ml_notes_visitor *visit, void *argument)
{
    const struct object object = { { read_file, &fd }, 0, false };
    visit_notes(&object, visit, argument);
}

bool ml_notes_same_parts(const struct ml_memory *memory, uintptr_t begin, int fd)
{
    const struct object loaded = { *memory, begin, true }, file = { { read_file, &fd }, 0, false };
    ElfW(Phdr) were[PARTS_MOST], are[PARTS_MOST];
    unsigned were_count, are_count;
    return read_parts(&loaded, were, &were_count) == 0 && read_parts(&file, are, &are_count) == 0 &&
           were_count == are_count && memcmp(were, are, were_count * sizeof(were[0])) == 0;
}

const char *ml_note_find(const char *notes, size_t bytes, const char *owner, uint32_t type,
                         size_t contents)
{
    ElfW(Nhdr) note;
    for (size_t at = 0, next; at + sizeof(note) <= bytes; at = next) {
        memcpy(&note, notes + at, sizeof(note));
        size_t name = at + sizeof(note), content = name + ml_align_up(note.n_namesz, 4);
        next = content + ml_align_up(note.n_descsz, 4);
        if (content > bytes || next > bytes)
            return NULL;
        if (note.n_type == type && note.n_descsz == contents &&
            note.n_namesz == strlen(owner) + 1 &&
            memcmp(notes + name, owner, note.n_namesz) == 0)
            return notes + content;
    }
    return NULL;
}

static bool take_root(const char *notes, size_t bytes, uintptr_t place, void *argument)
{
    int64_t distance;
    const char *note = ml_note_find(notes, bytes, ML_ROOT_NOTE_OWNER, ML_ROOT_NOTE_TYPE,
                                    sizeof(distance));
    if (note == NULL)
        return false;
    memcpy(&distance, note, sizeof(distance));
    *(uintptr_t *)argument = place + (uintptr_t)(note - notes) + (uintptr_t)distance;
    return true;
}

uintptr_t ml_notes_root(const struct ml_memory *memory, uintptr_t begin)
{
    uintptr_t root = 0;
    ml_notes_in_memory(memory, begin, take_root, &root);
    return root;
}

/* Where the loader has not gone over it, or not yet, what it points to is not beside it. */
enum { IS_PRELOAD = 1, IS_RELOCATED = 2, IS_ROOT = 4 };

static unsigned rank_of(const struct ml_memory *memory, uintptr_t address)
{
    enum { OBJECT_MOST = 1 << 30 };
    struct memlog_root root;
    if (memory->read(memory->context, address, &root, sizeof(root)) != 0 ||
        memcmp(root.magic, ML_ROOT_MAGIC, sizeof(root.magic)) != 0)
        return 0;
    uintptr_t apart = (uintptr_t)root.published - address + OBJECT_MOST;
    return IS_ROOT | (apart < 2u * OBJECT_MOST ? IS_RELOCATED : 0);
}

void ml_root_consider(struct ml_root_choice *choice, const struct ml_memory *memory,
                      uintptr_t begin, bool is_preload)
{
    unsigned preload = is_preload ? IS_PRELOAD : 0;
    if (choice->root != 0 && choice->rank >= (IS_ROOT | IS_RELOCATED | preload))
        return;
    uintptr_t root = ml_notes_root(memory, begin);
    unsigned rank = root == 0 ? 0 : preload | rank_of(memory, root);
    if (root != 0 && (choice->root == 0 || rank > choice->rank))
        *choice = (struct ml_root_choice){ root, rank };
}
