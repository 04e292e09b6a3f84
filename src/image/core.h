/* SPDX-License-Identifier: MIT */
/* core.h - a process's core file: its memory, as far as it was written, its threads, and what it
 * had mapped. What the system leaves out because it stands in a file (code, constants) is
 * read from that file, if it is here and is the same.
 *
 * The file is believed within its own bounds only: it may have been cut short.
 */
#ifndef ML_IMAGE_CORE_H
#define ML_IMAGE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

struct ml_core_segment {
    uintptr_t begin, end;      /* of memory */
    uint64_t offset, bytes;    /* in the file; less than end - begin where not all was written */
    bool is_writable, is_code;
};

enum { ML_CORE_VECTORS = 16 };
struct ml_core_thread {
    int tid;
    bool is_ignored; /* memlog's own, or one that the collector does not know: no root (roots.h) */
    struct user_regs_struct registers;
    uint64_t vectors[ML_CORE_VECTORS][4]; /* ymm0 and so on; 0 where they are not known */
};

/* A mapping of a file, as the process had it. */
struct ml_core_mapping {
    uintptr_t begin, end;
    uint64_t offset;
    const char *name;
};

struct ml_core {
    int fd;
    struct ml_core_segment *segments; /* in order of their addresses */
    size_t segments_count;
    struct ml_core_thread *threads; /* the one that was hit by the signal first */
    size_t threads_count;
    struct ml_core_mapping *mappings; /* likewise in order */
    size_t mappings_count;
    char command[81]; /* as it was begun; "": not known */
    int pid, signal;  /* 0: not known, none */
    uintptr_t first_stack;     /* an address at its end; 0: not known */
    uintptr_t program_headers; /* of the program, in its memory; 0: not known */
    bool has_fault;
    uintptr_t fault; /* the address that SIGSEGV or SIGBUS is about */
    uint64_t file_bytes, wanted_bytes; /* less than wanted: it was cut short */
    const char *program; /* the program's file, where the core's own name for it means nothing */

    char *notes;
    size_t notes_bytes;
    struct ml_core_file *files; /* opened so far */
    size_t files_count;
};

/* program: see above; NULL: as the core names it; both stay the caller's. 0, or -errno; then *why,
 * if not NULL, says what is wrong with it in words, and there is nothing to close. */
int ml_core_open(struct ml_core *core, const char *file, const char *program, const char **why);
void ml_core_close(struct ml_core *core);

/* For struct ml_memory; the context is a struct ml_core. -EFAULT: nothing was there; -ENODATA: it
 * was, and is not in the core file; -EIO. One thread at a time. */
int ml_core_read(void *core, uintptr_t address, void *to, size_t bytes);

/* The segment that the address is in; NULL: none. */
const struct ml_core_segment *ml_core_segment_at(const struct ml_core *core, uintptr_t address);
/* The end of the hole that the address is in: of what was never mapped (*was_mapped: false), or was
 * mapped and is neither in the core file nor in another. The address itself: it is in none. */
uintptr_t ml_core_hole_end(const struct ml_core *core, uintptr_t address, bool *was_mapped);
/* The mapping of a file that it is in; NULL: none. */
const struct ml_core_mapping *ml_core_mapping_at(const struct ml_core *core, uintptr_t address);

/* The mapping's file, if it is here and the same; NULL: it is not. */
const char *ml_core_file_of(struct ml_core *core, const struct ml_core_mapping *mapping);

/* The address of memlog's root (stats/root.h), the preload library's if there are several; 0:
 * there is no memlog in it, as far as it can be seen. */
uintptr_t ml_core_root(struct ml_core *core);
/* Whether a file called as memlog's libraries was mapped. */
bool ml_core_has_library(const struct ml_core *core);

#endif
