/* SPDX-License-Identifier: MIT */
/* maps.h - what is mapped where, as the system lists it. */
#ifndef ML_OS_MAPS_H
#define ML_OS_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Call take(line, length, argument) with each line of a file as /proc/PID/maps, without the
 * line's end. A line of more than 4 KiB is cut. 0, or -errno when the file can't be read.
 * Nothing is allocated. */
int ml_os_each_mapping(const char *path,
                       void (*take)(const char *line, size_t length, void *argument),
                       void *argument);
/* The same with those lines of this process that are of code. */
int ml_os_each_code_mapping(void (*take)(const char *line, size_t length, void *argument),
                            void *argument);

/* What such a line says. */
struct ml_os_mapping {
    uintptr_t begin, end;
    bool is_readable, is_code; /* its rights have an r, an x */
    uint64_t offset;
    uint64_t device, inode; /* device: as major << 32 | minor */
    const char *name; /* into the line: a file's path, or "[vdso]"; not NUL-terminated */
    size_t name_length; /* without a " (deleted)" at the end; 0: nothing is said */
    bool is_deleted;    /* it had that */
};
void ml_os_parse_mapping(const char *line, size_t length, struct ml_os_mapping *mapping);

/* The build id of the loaded object that has this address; bytes of it, 0 for none. */
enum { ML_OS_BUILD_ID_MOST = 64 };
size_t ml_os_build_id(uintptr_t address, uint8_t id[ML_OS_BUILD_ID_MOST]);
/* The same out of a copy of an object's notes, aligned to words, which may hold anything. */
size_t ml_os_build_id_in(const char *notes, size_t bytes, uint8_t id[ML_OS_BUILD_ID_MOST]);

/* The code of the library that memlog is; false, and nothing, where it is linked into the
 * program. */
bool ml_os_own_code(uintptr_t *begin, uintptr_t *end);

#endif
