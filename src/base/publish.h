/* SPDX-License-Identifier: MIT */
/* publish.h - what can be read from outside of the process: variables, by their names, out of
 * its memory or its core file, without any debug information; and how the structs look that they
 * lead to, for a reader that was not built from these sources (src/gdb).
 *
 * A file that owns a variable or a struct publishes it; the entries of all files stand one behind
 * the other in a section of their own, which stats/root.h tells where to find. They are
 * constants, but in a section that can be written: a core file holds that whole, and of what is
 * only read none or some. Linkers that drop what nobody refers to (lld's --gc-sections) are told
 * to keep them.
 */
#ifndef ML_BASE_PUBLISH_H
#define ML_BASE_PUBLISH_H

#include <stddef.h>
#include <stdint.h>

enum { ML_PUBLISHED_NAME_BYTES = 48 };

struct ml_published {
    char name[ML_PUBLISHED_NAME_BYTES]; /* "room.variable", "struct.member", "struct", "number.name" */
    const void *address;                /* of a member the offset; of a number the value */
    uint64_t bytes;                     /* of a number 0 */
};

#define ML_PUBLISH_ENTRY(identifier, ...)                                                    \
    __attribute__((section("memlog_published"), used, retain)) static struct ml_published    \
        ml_published_##identifier = { __VA_ARGS__ }

/* At file scope, once for each name. */
#define ML_PUBLISH(its_name, variable)                                                       \
    ML_PUBLISH_ENTRY(variable, its_name, &(variable), sizeof(variable))
/* The same for a struct by its tag, and for one of its members. */
#define ML_PUBLISH_STRUCT(tag) ML_PUBLISH_ENTRY(struct_##tag, #tag, NULL, sizeof(struct tag))
#define ML_PUBLISH_MEMBER(tag, member)                                                       \
    ML_PUBLISH_ENTRY(tag##_##member, #tag "." #member, (const void *)offsetof(struct tag, member), \
                     sizeof(((struct tag *)NULL)->member))
/* A constant, which needs no more than the bits of an address. */
#define ML_PUBLISH_NUMBER(its_name, value)                                                   \
    ML_PUBLISH_ENTRY(number_##its_name, "number." #its_name, (const void *)(uintptr_t)(value), 0)

#endif
