/* SPDX-License-Identifier: MIT */
#include "image/published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats/layout.h"

static bool is_known(const struct memlog_root *root)
{
    return memcmp(root->magic, ML_ROOT_MAGIC, sizeof(root->magic)) == 0 &&
           root->version == ML_ROOT_VERSION && root->bytes == sizeof(*root) &&
           root->layout == ML_ROOT_LAYOUT;
}

int ml_published_read(struct ml_published_list *list, const struct ml_memory *memory,
                      uintptr_t address)
{
    enum { ENTRIES_MOST = 1000 };
    struct memlog_root root;
    int error = memory->read(memory->context, address, &root, sizeof(root));
    if (error != 0)
        return error;
    size_t bytes = (uintptr_t)root.published_end - (uintptr_t)root.published;
    if (!is_known(&root) || bytes % sizeof(*list->entries) != 0 ||
        bytes / sizeof(*list->entries) > ENTRIES_MOST)
        return -ENOTSUP;
    list->count = bytes / sizeof(*list->entries);
    list->entries = malloc(bytes + 1);
    error = list->entries == NULL
                ? -ENOMEM
                : memory->read(memory->context, (uintptr_t)root.published, list->entries, bytes);
    if (error != 0)
        ml_published_free(list);
    return error;
}

void ml_published_free(struct ml_published_list *list)
{
    free(list->entries);
    *list = (struct ml_published_list){ 0 };
}

const struct ml_published *ml_published_find(const struct ml_published_list *list,
                                             const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strncmp(list->entries[i].name, name, sizeof(list->entries[i].name)) == 0)
            return &list->entries[i];
    return NULL;
}

uintptr_t ml_published_variable(const struct ml_published_list *list, const char *name,
                                size_t bytes)
{
    const struct ml_published *entry = ml_published_find(list, name);
    return entry != NULL && entry->bytes == bytes ? (uintptr_t)entry->address : 0;
}
