/* SPDX-License-Identifier: MIT */
#include "log/place.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/format.h"
#include "os/process.h"

/* A program may call itself anything (prctl): it must not choose the directory. */
static void add_program(struct ml_text *text, const char *program)
{
    for (; *program != '\0'; program++)
        ml_text_char(text, *program == '/' ? '_' : *program);
}

int ml_place_expand(const char *pattern, const char *program, pid_t pid, char *name,
                    size_t capacity, const char **bad)
{
    struct ml_text text;

    ml_text_init(&text, name, capacity);
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at != '%') {
            ml_text_char(&text, *at);
            continue;
        }
        at++;
        if (*at == 'p')
            ml_text_i64(&text, pid);
        else if (*at == 'e')
            add_program(&text, program);
        else if (*at == '%')
            ml_text_char(&text, '%');
        else {
            *bad = at - 1;
            return -EINVAL;
        }
    }
    return ml_text_finish(&text) < capacity ? 0 : -ENAMETOOLONG;
}

static int find_directory(char *directory, size_t capacity)
{
    /* The C library's getcwd() walks the tree with opendir(), which allocates,
     * when the kernel's answer is not a path from the root. */
    if (syscall(SYS_getcwd, directory, capacity) < 0)
        return -errno;
    return directory[0] == '/' ? 0 : -ENOENT;
}

static int copy_text(char *to, size_t capacity, const char *from)
{
    struct ml_text text;

    ml_text_init(&text, to, capacity);
    ml_text_string(&text, from);
    return ml_text_finish(&text) < capacity ? 0 : -ENAMETOOLONG;
}

int ml_place_remember(struct ml_place *place, const char *pattern)
{
    int error = copy_text(place->pattern, sizeof(place->pattern), pattern);

    (void)copy_text(place->name, sizeof(place->name), pattern);
    place->program[0] = place->directory[0] = '\0';
    ml_os_program_name(place->program, sizeof(place->program));
    if (error == 0 && pattern[0] != '/')
        error = find_directory(place->directory, sizeof(place->directory));
    return error;
}

/* name as an absolute path below the directory. */
static int make_absolute(struct ml_place *place)
{
    struct ml_text text;

    ml_text_init(&text, place->shared, sizeof(place->shared));
    if (place->name[0] != '/') {
        ml_text_string(&text, place->directory);
        ml_text_char(&text, '/');
    }
    ml_text_string(&text, place->name);
    return ml_text_finish(&text) < sizeof(place->shared) ? 0 : -ENAMETOOLONG;
}

static int make_own_path(struct ml_place *place, pid_t pid)
{
    struct ml_text text;

    ml_text_init(&text, place->path, sizeof(place->path));
    ml_text_string(&text, place->shared);
    if (strcmp(place->shared, place->taken) == 0) {
        ml_text_char(&text, '.');
        ml_text_i64(&text, pid);
    }
    return ml_text_finish(&text) < sizeof(place->path) ? 0 : -ENAMETOOLONG;
}

int ml_place_choose(struct ml_place *place, pid_t pid, const char **bad)
{
    int error = ml_place_expand(place->pattern, place->program, pid, place->name,
                                sizeof(place->name), bad);

    if (error == 0)
        error = make_absolute(place);
    if (error == 0)
        error = make_own_path(place, pid);
    return error;
}

void ml_place_leave_to_parent(struct ml_place *place)
{
    strcpy(place->taken, place->shared);
}
