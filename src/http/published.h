/* SPDX-License-Identifier: MIT */
/* published.h - what the program itself shows at /debug/vars: variables by name.
 *
 * One lock. It is held while a variable is read, so that whoever takes one back can free what
 * belongs to it.
 */
#ifndef ML_HTTP_PUBLISHED_H
#define ML_HTTP_PUBLISHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/buffer.h"

enum ml_variable_kind { ML_VARIABLE_INT, ML_VARIABLE_FLOAT, ML_VARIABLE_STRING, ML_VARIABLE_FUNCTION };

struct ml_variable {
    const char *name;
    enum ml_variable_kind kind;
    const void *address; /* of an int64_t, a double; the string itself, which is copied */
    int (*function)(char *json, size_t n, void *data);
    void *data;
};
/* What had the name before is replaced. 0, -EINVAL for a name that is empty or one of memlog's,
 * -ENOMEM. */
int ml_published_add(const struct ml_variable *variable);
/* 0, or -ENOENT. */
int ml_published_remove(const char *name);
/* Some is a function: its thread must be one that the collector knows. Waits for nobody. */
bool ml_published_has_functions(void);
/* Each as `,\n"name": value`, in order of the names, those that come behind `after` and before `before`
 * in it (NULL: no bound). Functions are called, or left out where the thread is not one for that. */
void ml_published_write(struct ml_buffer *buffer, const char *after, const char *before, bool calls);
/* In a forked child, whose other threads are gone. */
void ml_published_after_fork_child(void);

#endif
