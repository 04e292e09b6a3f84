/* SPDX-License-Identifier: MIT */
#include "stats/root.h"

#include "stats/layout.h"

/* The linker's names for the section's ends. */
extern const struct ml_published __start_memlog_published[], __stop_memlog_published[];

__attribute__((visibility("default"))) struct memlog_root memlog_root = {
    .magic = ML_ROOT_MAGIC,
    .version = ML_ROOT_VERSION,
    .bytes = sizeof(struct memlog_root),
    .layout = ML_ROOT_LAYOUT,
    .published = __start_memlog_published,
    .published_end = __stop_memlog_published,
};

/* The exported symbol could be another library's at run time: the linker wants one of our own to
 * measure how far it is. */
extern struct memlog_root memlog_root_here
    __attribute__((alias("memlog_root"), visibility("hidden"), used));

_Static_assert(sizeof(ML_ROOT_NOTE_OWNER) == 7 && ML_ROOT_NOTE_TYPE == 1, "as written below");
__asm__(".pushsection .note.memlog, \"a\", @note\n"
        ".balign 4\n"
        ".long 7, 8, 1\n" /* bytes of the owner, bytes of what it holds, its type */
        ".asciz \"memlog\"\n"
        ".balign 4\n"
        "0: .quad memlog_root_here - 0b\n"
        ".popsection\n");
