/* SPDX-License-Identifier: MIT */
#include "cli/coreframes.h"

#include <stdlib.h>
#include <string.h>

#include "cli/tools.h"
#include "image/notes.h"

struct ml_core_frames {
    struct ml_core *core;
    const struct ml_module *tools;
    struct ml_frames *unwound; /* NULL: nobody has asked yet */
    struct ml_frames_file files[]; /* at most one for each mapping */
};

/* The mapping of the file's first byte that the code belongs to: the nearest below; NULL: none. */
static const struct ml_core_mapping *first_of(const struct ml_core *core, size_t code)
{
    for (size_t i = code + 1; i-- > 0;)
        if (core->mappings[i].offset == 0 &&
            strcmp(core->mappings[i].name, core->mappings[code].name) == 0)
            return &core->mappings[i];
    return NULL;
}

static bool is_code(const struct ml_core *core, const struct ml_core_mapping *mapping)
{
    const struct ml_core_segment *segment = ml_core_segment_at(core, mapping->begin);
    return segment != NULL && segment->is_code;
}

static size_t find_files(struct ml_core *core, struct ml_frames_file *files)
{
    const struct ml_memory memory = { ml_core_read, core };
    const struct ml_core_mapping *last = NULL;
    size_t count = 0;
    for (size_t i = 0; i < core->mappings_count; i++) {
        const struct ml_core_mapping *first =
            is_code(core, &core->mappings[i]) ? first_of(core, i) : NULL;
        if (first == NULL || first == last)
            continue;
        last = first;
        const char *path = ml_core_file_of(core, first);
        if (path != NULL)
            files[count++] = (struct ml_frames_file){ path, ml_notes_bias(&memory, first->begin) };
    }
    return count;
}

struct ml_core_frames *ml_core_frames_open(struct ml_core *core)
{
    const struct ml_module *tools = ml_tools_try();
    struct ml_core_frames *frames =
        tools == NULL ? NULL : malloc(sizeof(*frames) + core->mappings_count * sizeof(frames->files[0]));
    if (frames == NULL)
        return NULL;
    frames->core = core;
    frames->tools = tools;
    frames->unwound = NULL;
    return frames;
}

void ml_core_frames_close(struct ml_core_frames *frames)
{
    if (frames == NULL)
        return;
    if (frames->unwound != NULL)
        frames->tools->frames_close(frames->unwound);
    free(frames);
}

/* Nothing is opened before somebody asks. */
static struct ml_frames *unwound(struct ml_core_frames *frames)
{
    const struct ml_memory memory = { ml_core_read, frames->core };
    if (frames->unwound == NULL)
        frames->unwound =
            frames->tools->frames_open(&memory, frames->files, find_files(frames->core, frames->files));
    return frames->unwound;
}

bool ml_core_frames_over(struct ml_core_frames *frames, const struct ml_root_place *stack,
                         uintptr_t address, char *text, size_t bytes)
{
    if (frames == NULL || unwound(frames) == NULL)
        return false;
    const struct ml_frames_stack where = { &frames->core->threads[stack->which].registers, stack->begin,
                                           stack->end };
    return frames->tools->frames_over(frames->unwound, &where, address, text, bytes);
}
