/* SPDX-License-Identifier: MIT */
#include "cli/postmortem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/tools.h"
#include "cli/units.h"
#include "image/notes.h"
#include "os/process.h"

/* ---- words of what is wrong --------------------------------------------------------------------- */

static const char *words_for(const struct ml_postmortem *dead, int error)
{
    bool is_cut = dead->core.file_bytes < dead->core.wanted_bytes;
    switch (error) {
    case -EFAULT:
    case -ENODATA:
        return is_cut ? "the part of the memory that is needed is missing: the file was cut short "
                        "(ulimit -c? a full disk?)"
                      : "the part of the memory that is needed is not in it (coredump_filter? was it "
                        "overwritten?)";
    case -ENOTSUP:
        return "memlog in it is another version, or was overwritten: use the memlog that the program "
               "ran with";
    case -EBADMSG:
        return "what it says of its heap makes no sense: it was overwritten";
    default:
        return ml_os_error_text(-error);
    }
}

void ml_postmortem_complain(const struct ml_postmortem *dead, const char *what, int error)
{
    ml_os_complain(dead->file, ": ", what, error == 0 ? "" : words_for(dead, error), NULL);
}

/* ---- open and close --------------------------------------------------------------------------------- */

static void warn_if_cut(const struct ml_postmortem *dead)
{
    char there[32], wanted[32];
    if (dead->core.file_bytes >= dead->core.wanted_bytes)
        return;
    ml_bytes_text(dead->core.file_bytes, there, sizeof(there));
    ml_bytes_text(dead->core.wanted_bytes, wanted, sizeof(wanted));
    fprintf(stderr, "memlog: %s: it was cut short: %s of %s are there (ulimit -c? a full disk?)\n",
            dead->file, there, wanted);
}

/* The file that was named as the program's is needed for little: it goes on without. */
static void warn_of_program(struct ml_postmortem *dead, const char *program)
{
    const struct ml_core_mapping *mapping =
        ml_core_mapping_at(&dead->core, dead->core.program_headers);
    if (program == NULL || mapping == NULL)
        return;
    if (access(program, R_OK) != 0)
        ml_os_complain(program, ": ", ml_os_error_text(errno), ": there are no names from it", NULL);
    else if (ml_core_file_of(&dead->core, mapping) == NULL)
        ml_os_complain(program, ": it is another program, or another build, than the one that ", dead->file,
                       " is of: there are no names from it", NULL);
}

static int refuse_without_memlog(const struct ml_postmortem *dead)
{
    bool has_library = ml_core_has_library(&dead->core);
    const char *what = dead->core.mappings_count == 0
                           ? "it does not say which files were mapped (NT_FILE): memlog can't be found"
                       : has_library
                           ? "memlog's library was in the process, but its headers are not in the core "
                             "file (coredump_filter without bit 4? cut short?)"
                           : "there is no memlog in the process (or the program that it is linked into "
                             "is to be named: memlog core FILE EXE)";
    ml_postmortem_complain(dead, what, 0);
    return ML_CORE_FAILED;
}

int ml_postmortem_open(struct ml_postmortem *dead, const char *file, const char *program)
{
    const char *why;
    *dead = (struct ml_postmortem){ .file = file, .core = { .fd = -1 } };
    int error = ml_core_open(&dead->core, file, program, &why);
    if (error != 0) {
        ml_os_complain(file, ": ", why != NULL ? why : ml_os_error_text(-error), NULL);
        return ML_CORE_FAILED;
    }
    warn_if_cut(dead);
    warn_of_program(dead, program);
    dead->root = ml_core_root(&dead->core);
    if (dead->root == 0)
        return refuse_without_memlog(dead);
    const struct ml_memory memory = { ml_core_read, &dead->core };
    dead->image = ml_image_open(&memory, dead->root, &error);
    if (dead->image == NULL) {
        ml_postmortem_complain(dead, "", error);
        return ML_CORE_FAILED;
    }
    return 0;
}

void ml_postmortem_close(struct ml_postmortem *dead)
{
    ml_core_frames_close(dead->frames);
    if (dead->has_places)
        ml_root_places_free(&dead->places);
    if (dead->has_heap)
        ml_heap_view_close(&dead->heap);
    ml_image_close(dead->image);
    if (dead->core.fd >= 0)
        ml_core_close(&dead->core);
}

bool ml_postmortem_need_heap(struct ml_postmortem *dead)
{
    int error = dead->has_heap ? 0 : ml_heap_view_open(&dead->heap, dead->image);
    dead->has_heap = error == 0;
    if (error != 0)
        ml_postmortem_complain(dead, "the heap can't be read: ", error);
    if (error == 0 && dead->heap.strange_count != 0)
        fprintf(stderr,
                "memlog: %s: %" PRIu32 " spans make no sense (the first is number %" PRIu32
                "): they were overwritten, and are left out\n",
                dead->file, dead->heap.strange_count, dead->heap.strange_first);
    return error == 0;
}

bool ml_postmortem_need_places(struct ml_postmortem *dead)
{
    if (dead->has_places)
        return true;
    if (!ml_postmortem_need_heap(dead))
        return false;
    int error = ml_root_places_find(&dead->places, &dead->core, &dead->heap, dead->root);
    dead->has_places = error == 0;
    if (error != 0)
        ml_postmortem_complain(dead, "", error);
    else
        dead->frames = ml_core_frames_open(&dead->core);
    return error == 0;
}

/* ---- threads ------------------------------------------------------------------------------------------- */

char *ml_thread_text(char text[ML_PLACE_BYTES], const struct ml_postmortem *dead, size_t thread)
{
    snprintf(text, ML_PLACE_BYTES, "thread %zu (LWP %d)", thread + 1,
             dead->core.threads[thread].tid);
    return text;
}

static void tell_of_update(const struct ml_postmortem *dead, uint32_t tid)
{
    char text[ML_PLACE_BYTES];
    snprintf(text, sizeof(text), "a thread (LWP %" PRIu32 ")", tid);
    for (size_t i = 0; i < dead->core.threads_count; i++)
        if ((uint32_t)dead->core.threads[i].tid == tid)
            ml_thread_text(text, dead, i);
    fprintf(stderr, "memlog: %s was in the middle of an update: counts may be off by one object\n",
            text);
}

void ml_postmortem_tell_of_updates(const struct ml_postmortem *dead)
{
    enum { MOST = 16 };
    uint32_t tids[MOST];
    size_t count = ml_image_amid(dead->image, tids, MOST);
    for (size_t i = 0; i < count && i < MOST; i++)
        tell_of_update(dead, tids[i]);
    if (count > MOST)
        fprintf(stderr, "memlog: and %zu threads more\n", count - MOST);
    if (ml_image_is_torn(dead->image))
        fprintf(stderr, "memlog: figures of the whole heap were being changed: they may not fit "
                        "together\n");
}

/* ---- places ---------------------------------------------------------------------------------------------- */

const char *ml_kind_text(unsigned kind)
{
    static const char *const texts[ML_KINDS] = { [ML_SCAN] = "scan",
                                                 [ML_NOSCAN] = "noscan",
                                                 [ML_UNCOLLECTABLE] = "uncollectable",
                                                 [ML_TYPED] = "typed" };
    return kind < ML_KINDS ? texts[kind] : "?";
}

char *ml_object_text(char text[ML_PLACE_BYTES], const struct ml_view_object *object)
{
    snprintf(text, ML_PLACE_BYTES, "0x%" PRIxPTR ", an object of %" PRIu64 " bytes (%s)",
             object->begin, object->bytes, ml_kind_text(object->span->kind));
    return text;
}

static void data_text(char text[ML_PLACE_BYTES], const struct ml_postmortem *dead,
                      const struct ml_root_place *root, uintptr_t place)
{
    const struct ml_core_mapping *mapping = &dead->core.mappings[root->which];
    const struct ml_memory memory = { ml_core_read, (void *)&dead->core };
    uintptr_t address = place - ml_notes_bias(&memory, mapping->begin);
    const struct ml_module *tools = ml_tools_try();
    const char *file = ml_core_file_of((struct ml_core *)&dead->core, mapping);
    char name[256];
    if (tools != NULL && file != NULL && tools->variable(file, address, name, sizeof(name)))
        snprintf(text, ML_PLACE_BYTES, "%s, data of %.200s", name, mapping->name);
    else
        snprintf(text, ML_PLACE_BYTES, "data of %.400s at 0x%" PRIxPTR, mapping->name, address);
}

/* A thread in a signal's handler may be on another stack than the one it began with. */
static void stack_text(char text[ML_PLACE_BYTES], const struct ml_postmortem *dead,
                       const struct ml_root_place *root, const char *whose, uintptr_t place)
{
    char frame[256];
    uintptr_t pointer = dead->core.threads[root->which].registers.rsp;
    bool has_left = ml_core_segment_at(&dead->core, pointer) == NULL; /* it was overrun */
    if (ml_core_frames_over(dead->frames, root, place, frame, sizeof(frame)))
        snprintf(text, ML_PLACE_BYTES, "stack of %.100s, %s", whose, frame);
    else if (!has_left && (pointer >= root->end || pointer < root->begin))
        snprintf(text, ML_PLACE_BYTES, "stack of %.100s, elsewhere than its stack pointer", whose);
    else
        snprintf(text, ML_PLACE_BYTES, "stack of %.100s, %" PRIuPTR " bytes %s its stack pointer", whose,
                 place < pointer ? pointer - place : place - pointer,
                 place < pointer ? "below" : "above");
}

char *ml_root_text(char text[ML_PLACE_BYTES], const struct ml_postmortem *dead,
                   const struct ml_root_place *root, uintptr_t place)
{
    char thread[ML_PLACE_BYTES];
    const char *whose = root->kind > ML_IMAGE_TLS ? "" : ml_thread_text(thread, dead, root->which);
    switch (root->kind) {
    case ML_IMAGE_STACK:
        stack_text(text, dead, root, whose, place);
        break;
    case ML_IMAGE_TLS:
        snprintf(text, ML_PLACE_BYTES, "thread-local storage of %.100s", whose);
        break;
    case ML_IMAGE_DATA:
        data_text(text, dead, root, place);
        break;
    case ML_IMAGE_ADDED:
        strcpy(text, "a range given to memlog_add_roots");
        break;
    case ML_IMAGE_THREAD:
        strcpy(text, "the argument or result of a thread");
        break;
    case ML_IMAGE_FINALIZER:
        strcpy(text, "what a finalizer is to be given");
        break;
    case ML_IMAGE_OWN:
        strcpy(text, "memlog's own data");
        break;
    }
    return text;
}
