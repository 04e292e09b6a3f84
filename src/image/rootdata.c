/* SPDX-License-Identifier: MIT */
/* rootdata.c - the writable segments of the program and its libraries, by their headers in
 * memory, without what the loader made read-only. */
#include <elf.h>
#include <string.h>

#include "image/notes.h"
#include "image/rootbuild.h"
#include "os/pages.h"

enum { PARTS_MOST = 64 };

struct object {
    uintptr_t bias;
    Elf64_Phdr parts[PARTS_MOST];
    unsigned count;
};

static bool read_object(const struct ml_root_build *build, uintptr_t begin, struct object *object)
{
    Elf64_Ehdr head;
    if (!ml_root_read(build, begin, &head, sizeof(head)) ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_phentsize != sizeof(Elf64_Phdr) ||
        head.e_phnum > PARTS_MOST ||
        !ml_root_read(build, begin + head.e_phoff, object->parts,
                      head.e_phnum * sizeof(Elf64_Phdr)))
        return false;
    object->count = head.e_phnum;
    object->bias = begin;
    for (unsigned i = 0; i < object->count; i++)
        if (object->parts[i].p_type == PT_LOAD && object->parts[i].p_offset < ml_os_page_bytes()) {
            object->bias = begin - ml_align_down(object->parts[i].p_vaddr, ml_os_page_bytes());
            break;
        }
    return true;
}

static uintptr_t read_only_end(const struct object *object, uintptr_t begin, uintptr_t end)
{
    for (unsigned i = 0; i < object->count; i++) {
        uintptr_t from = object->bias + object->parts[i].p_vaddr;
        uintptr_t to = ml_align_down(from + object->parts[i].p_memsz, ml_os_page_bytes());
        if (object->parts[i].p_type == PT_GNU_RELRO && from <= begin && to > begin)
            begin = ml_min(to, end);
    }
    return begin;
}

/* In a program that memlog is linked into a part of its data is memlog's tables. */
static void add_but_hole(struct ml_root_build *build, uintptr_t begin, uintptr_t end, size_t which)
{
    const struct ml_published_list *list = ml_image_published(build->view->image);
    const struct ml_published *from = ml_published_find(list, "roots.no_roots_begin");
    const struct ml_published *to = ml_published_find(list, "roots.no_roots_end");
    uintptr_t hole = from == NULL ? 0 : (uintptr_t)from->address;
    uintptr_t hole_end = to == NULL ? 0 : (uintptr_t)to->address;
    if (hole < begin || hole >= end || hole_end > end) {
        ml_root_add(build, begin, end, ML_IMAGE_DATA, which);
        return;
    }
    ml_root_add(build, begin, hole, ML_IMAGE_DATA, which);
    ml_root_add(build, hole, hole_end, ML_IMAGE_OWN, which);
    ml_root_add(build, hole_end, end, ML_IMAGE_DATA, which);
}

static bool is_program(const struct ml_root_build *build, const struct ml_core_mapping *mapping)
{
    const struct ml_core_mapping *program =
        ml_core_mapping_at(build->core, build->core->program_headers);
    return program != NULL && strcmp(program->name, mapping->name) == 0;
}

/* A file that was mapped to be read has something else there. */
static bool is_in_place(const struct ml_root_build *build, const struct ml_core_mapping *mapping,
                        const Elf64_Phdr *part, uintptr_t begin)
{
    const struct ml_core_mapping *there = ml_core_mapping_at(build->core, begin);
    uint64_t within = there == NULL ? 0 : begin - there->begin;
    return part->p_filesz == 0 || (there != NULL && strcmp(there->name, mapping->name) == 0 &&
                                   there->offset + within == part->p_offset);
}

static void add_object(struct ml_root_build *build, size_t which)
{
    static struct object object; /* large */
    const struct ml_core_mapping *mapping = &build->core->mappings[which];
    const struct ml_memory memory = { ml_core_read, build->core };
    if (!read_object(build, mapping->begin, &object))
        return;
    bool is_own = ml_notes_root(&memory, mapping->begin) == build->root &&
                  !is_program(build, mapping);
    for (unsigned i = 0; i < object.count; i++) {
        const Elf64_Phdr *part = &object.parts[i];
        uintptr_t begin = object.bias + part->p_vaddr, end = begin + part->p_memsz;
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_W) ||
            !is_in_place(build, mapping, part, begin))
            continue;
        begin = read_only_end(&object, begin, end);
        if (is_own)
            ml_root_add(build, begin, end, ML_IMAGE_OWN, which);
        else
            add_but_hole(build, begin, end, which);
    }
}

void ml_root_add_data(struct ml_root_build *build)
{
    for (size_t i = 0; i < build->core->mappings_count; i++)
        if (build->core->mappings[i].offset == 0)
            add_object(build, i);
}
