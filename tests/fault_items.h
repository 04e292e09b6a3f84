/* SPDX-License-Identifier: MIT */
/* fault_items.h - for programs whose system calls fail: objects that know what
 * they hold, so that one which was collected, moved or overwritten shows; and
 * an allocation that may be refused once, as documented, and then may not.
 */
#ifndef MEMLOG_TESTS_FAULT_ITEMS_H
#define MEMLOG_TESTS_FAULT_ITEMS_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memlog.h"

/* On stdout, since stderr belongs to memlog here. Also from forked children. */
#define WRONG(...)                                                  \
    do {                                                            \
        char line_[512];                                            \
        int length_ = snprintf(line_, sizeof(line_), __VA_ARGS__);  \
        line_[length_] = '\n';                                      \
        if (write(STDOUT_FILENO, line_, (size_t)length_ + 1) > 0)   \
            _exit(1);                                               \
        _exit(2);                                                   \
    } while (0)
#define MUST(condition)                                                       \
    do {                                                                      \
        if (!(condition))                                                     \
            WRONG("%s:%d: %s does not hold", __FILE__, __LINE__, #condition); \
    } while (0)

/* Faults that last, a limit that was reached: whatever is refused, stays so. */
extern bool faults_last;

/* Whether a call that was refused is to be made again: only one call to the
 * system fails, so that the second time nothing can be in the way. */
static inline bool once_more(bool refused, unsigned *attempts)
{
    if (!refused)
        return false;
    if (!faults_last && ++*attempts > 1)
        WRONG("refused twice, although the system refused once");
    return !faults_last;
}

enum item_kind { SCANNED, NOSCAN, UNCOLLECTABLE, ALIGNED, KINDS_OF_ITEMS };

struct item {
    struct item *next;
    size_t bytes; /* of data */
    uint64_t seed;
    enum item_kind kind;
    uint64_t data[];
};

static inline bool is_zero(const unsigned char *bytes, size_t count)
{
    return count == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0);
}

static inline void *allocate(enum item_kind kind, size_t bytes)
{
    unsigned attempts = 0;
    void *got;
    do {
        errno = 0;
        got = kind == NOSCAN          ? memlog_malloc_noscan(bytes) :
              kind == UNCOLLECTABLE   ? memlog_malloc_uncollectable(bytes) :
              kind == ALIGNED         ? memlog_aligned_alloc(256, bytes) :
                                        memlog_malloc(bytes);
        MUST(got != NULL || errno == ENOMEM);
    } while (once_more(got == NULL, &attempts));
    MUST(kind != ALIGNED || (uintptr_t)got % 256 == 0);
    if (got != NULL && kind != NOSCAN && !is_zero(got, bytes))
        WRONG("%zu new bytes are not all zero", bytes);
    return got;
}

/* Data are words that depend on item and place, and at the end a part of one.
 * Not bytes: to look at each was most of what a run took. */
static inline uint64_t item_word(const struct item *item, size_t i)
{
    return (item->seed + i) * UINT64_C(0x9e3779b97f4a7c15);
}

static inline void fill(struct item *item)
{
    size_t words = item->bytes / sizeof(uint64_t), i;
    for (i = 0; i < words; i++)
        item->data[i] = item_word(item, i);
    uint64_t last = item_word(item, i);
    memcpy(&item->data[i], &last, item->bytes % sizeof(last));
}

static inline void check_item(const struct item *item)
{
    size_t words = item->bytes / sizeof(uint64_t), i;
    for (i = 0; i < words && item->data[i] == item_word(item, i); i++)
        ;
    uint64_t last = item_word(item, i);
    if (i < words || memcmp(&item->data[i], &last, item->bytes % sizeof(last)) != 0)
        WRONG("word %zu of the item of %zu bytes has changed", i, item->bytes);
}

/* A new item before the list; the list itself when there is no memory. */
static inline struct item *push(struct item *list, enum item_kind kind, size_t bytes)
{
    static uint64_t seeds;
    struct item *item = allocate(kind, sizeof(*item) + bytes);
    if (item == NULL)
        return list;
    item->bytes = bytes;
    item->kind = kind;
    item->seed = __atomic_add_fetch(&seeds, 1, __ATOMIC_RELAXED);
    item->next = list;
    fill(item);
    return item;
}

static inline size_t check_list(const struct item *list)
{
    size_t count = 0;
    for (; list != NULL; list = list->next, count++)
        check_item(list);
    return count;
}

/* What lies between the old size and the new one is zero, where that is promised. */
static inline struct item *resize(struct item *item, size_t bytes)
{
    unsigned attempts = 0;
    struct item *resized;
    do {
        errno = 0;
        resized = memlog_realloc(item, sizeof(*item) + bytes);
        MUST(resized != NULL || errno == ENOMEM);
        if (resized == NULL)
            check_item(item);
    } while (once_more(resized == NULL, &attempts));
    if (resized == NULL)
        return item;
    size_t old = resized->bytes;
    resized->bytes = bytes < old ? bytes : old;
    check_item(resized);
    MUST(resized->kind == NOSCAN || bytes <= old ||
         is_zero((unsigned char *)resized->data + old, bytes - old));
    resized->bytes = bytes;
    fill(resized);
    return resized;
}

#endif
