/* SPDX-License-Identifier: MIT */
#include "http/memo.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { HEADS = 1 << 14, ENTRIES_MOST = 1 << 17 };

struct name {
    struct ml_name name; /* its strings are ours */
    struct name *next;
};

struct entry {
    uintptr_t address;
    struct name *names; /* in the order they were told; NULL: none is known */
    struct entry *next;
};

struct ml_memo {
    struct ml_namer behind;
    struct entry *heads[HEADS];
    size_t count;
};

struct ml_memo *ml_memo_new(struct ml_namer behind)
{
    struct ml_memo *memo = calloc(1, sizeof(*memo));
    if (memo != NULL)
        memo->behind = behind;
    return memo;
}

static void free_names(struct name *name)
{
    for (struct name *next; name != NULL; name = next) {
        next = name->next;
        free((char *)name->name.function);
        free((char *)name->name.file);
        free(name);
    }
}

void ml_memo_forget(struct ml_memo *memo)
{
    for (size_t i = 0; i < HEADS; i++) {
        for (struct entry *entry = memo->heads[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            free_names(entry->names);
            free(entry);
        }
        memo->heads[i] = NULL;
    }
    memo->count = 0;
}

void ml_memo_free(struct ml_memo *memo)
{
    if (memo != NULL)
        ml_memo_forget(memo);
    free(memo);
}

/* ---- remembering -------------------------------------------------------------------------- */

struct taking {
    struct name **end;
    bool failed; /* no memory: told, but not remembered */
    ml_name_taker *take;
    void *argument;
};

static bool copy(const char *from, const char **to)
{
    *to = from == NULL ? NULL : strdup(from);
    return from == NULL || *to != NULL;
}

static void take_name(const struct ml_name *name, void *argument)
{
    struct taking *taking = argument;
    struct name *kept = calloc(1, sizeof(*kept));
    if (kept != NULL) {
        kept->name = *name;
        bool has_function = copy(name->function, &kept->name.function);
        bool has_file = copy(name->file, &kept->name.file);
        *taking->end = kept;
        taking->end = &kept->next;
        taking->failed |= !has_function || !has_file;
    }
    taking->failed |= kept == NULL;
    taking->take(name, taking->argument);
}

static struct entry **head_of(struct ml_memo *memo, uintptr_t address)
{
    return &memo->heads[(address * UINT64_C(0x9e3779b97f4a7c15)) >> 50];
}
_Static_assert(HEADS == 1 << (64 - 50), "a hash's first bits are a head's number");

static void ask(struct ml_memo *memo, uintptr_t address, ml_name_taker *take, void *argument)
{
    struct name *names = NULL;
    struct taking taking = { &names, false, take, argument };
    if (memo->count == ENTRIES_MOST)
        ml_memo_forget(memo);
    memo->behind.each(memo->behind.context, address, take_name, &taking);
    struct entry *entry = taking.failed ? NULL : malloc(sizeof(*entry));
    if (entry == NULL) {
        free_names(names);
        return;
    }
    struct entry **head = head_of(memo, address);
    *entry = (struct entry){ address, names, *head };
    *head = entry;
    memo->count++;
}

static void each(void *context, uintptr_t address, ml_name_taker *take, void *argument)
{
    struct ml_memo *memo = context;
    struct entry *entry = *head_of(memo, address);
    while (entry != NULL && entry->address != address)
        entry = entry->next;
    if (entry == NULL) {
        ask(memo, address, take, argument);
        return;
    }
    for (const struct name *name = entry->names; name != NULL; name = name->next)
        take(&name->name, argument);
}

struct ml_namer ml_memo_namer(struct ml_memo *memo) { return (struct ml_namer){ memo, each }; }
