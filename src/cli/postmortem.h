/* SPDX-License-Identifier: MIT */
/* postmortem.h - a core file with memlog in it, for the parts of memlog core. They print to the
 * standard output; what is wrong goes in one line to the standard error. */
#ifndef ML_CLI_POSTMORTEM_H
#define ML_CLI_POSTMORTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/coreframes.h"
#include "image/core.h"
#include "image/heapview.h"
#include "image/image.h"
#include "image/refs.h"
#include "image/roots.h"

struct ml_postmortem {
    const char *file;
    struct ml_core core;
    uintptr_t root;
    struct ml_image *image;
    struct ml_heap_view heap;
    bool has_heap;
    struct ml_root_places places;
    bool has_places;
    struct ml_core_frames *frames; /* may be NULL */
};

/* 0; an exit status after words of what is wrong. program: NULL, or the program's file. To be
 * closed in any case. */
int ml_postmortem_open(struct ml_postmortem *dead, const char *file, const char *program);
void ml_postmortem_close(struct ml_postmortem *dead);

/* What takes longer to find out, once it is asked for. False after words. */
bool ml_postmortem_need_heap(struct ml_postmortem *dead);
bool ml_postmortem_need_places(struct ml_postmortem *dead);

/* One line about the file, with what is wrong. */
void ml_postmortem_complain(const struct ml_postmortem *dead, const char *what, int error);
/* A line about each thread that was in the middle of an update, after ml_image_read. */
void ml_postmortem_tell_of_updates(const struct ml_postmortem *dead);

/* "thread 1 (LWP 4242)", as debuggers number them. All return `text`. */
enum { ML_PLACE_BYTES = 512 };
char *ml_thread_text(char text[ML_PLACE_BYTES], const struct ml_postmortem *dead, size_t thread);
/* "table+8, data of /usr/bin/prog", or, where there are no names, "data of /usr/bin/prog at 0x4060":
 * that is the address in the file. */
char *ml_root_text(char text[ML_PLACE_BYTES], const struct ml_postmortem *dead,
                   const struct ml_root_place *root, uintptr_t place);
/* "0x7f0000001240, an object of 64 bytes (scan)". */
char *ml_object_text(char text[ML_PLACE_BYTES], const struct ml_view_object *object);
/* "scan", "noscan", "uncollectable", "typed". */
const char *ml_kind_text(unsigned kind);

/* The parts. Exit statuses. */
int ml_core_print_spans(struct ml_postmortem *dead);
int ml_core_print_top(struct ml_postmortem *dead, unsigned count);
int ml_core_print_where(struct ml_postmortem *dead, uintptr_t address);
int ml_core_print_refs(struct ml_postmortem *dead, uintptr_t address, bool everywhere,
                       unsigned limit, unsigned depth);
int ml_core_print_check(struct ml_postmortem *dead);
int ml_core_write_profile(struct ml_postmortem *dead, const char *path);
/* Nothing where there is no profile, or no names are to be had. */
void ml_core_print_stacks(struct ml_postmortem *dead, unsigned most);

enum { ML_CORE_FAILED = 125 };

#endif
