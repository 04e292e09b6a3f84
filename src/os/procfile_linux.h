/* SPDX-License-Identifier: MIT */
/* procfile_linux.h - the files of /proc/PID as text: their names, and numbers in them. Pure. */
#ifndef ML_OS_PROCFILE_LINUX_H
#define ML_OS_PROCFILE_LINUX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/format.h"

enum { ML_PROC_PATH_BYTES = 512 };

/* "/proc/self" and "/stat"; returns path. */
static inline const char *ml_proc_path(char path[ML_PROC_PATH_BYTES], const char *folder,
                                       const char *file)
{
    struct ml_text text;
    ml_text_init(&text, path, ML_PROC_PATH_BYTES);
    ml_text_string(&text, folder);
    ml_text_string(&text, file);
    ml_text_finish(&text);
    return path;
}

static inline const char *ml_proc_after_blanks(const char *text)
{
    while (*text == ' ' || *text == '\t')
        text++;
    return text;
}

static inline uint64_t ml_proc_number(const char *text)
{
    uint64_t number = 0;
    for (text = ml_proc_after_blanks(text); *text >= '0' && *text <= '9'; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

/* /proc/PID/stat is "4242 (any name) S 1 ...", numbers between blanks. From the state on, which
 * is the third field and follows the name; NULL where that was cut. */
static inline const char *ml_proc_stat_state(const char *content)
{
    const char *name_end = strrchr(content, ')');
    return name_end == NULL || name_end[1] != ' ' ? NULL : name_end + 2;
}

/* Fields are counted from 1, as in proc(5). 0 where there are not so many. */
static inline uint64_t ml_proc_stat_field(const char *state, int field)
{
    enum { STATE = 3 };
    for (int at = STATE; at < field && state != NULL; at++) {
        state = strchr(state, ' ');
        state = state == NULL ? NULL : state + 1;
    }
    return state == NULL ? 0 : ml_proc_number(state);
}

#endif
