/* SPDX-License-Identifier: MIT */
#include "http/published.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct entry {
    struct ml_variable variable;
    struct entry *next; /* in order of the names */
    char *string;
    char name[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *entries;
static unsigned functions; /* read without the lock: who holds it may be in one of them */

static struct entry *make(const struct ml_variable *variable)
{
    size_t length = strlen(variable->name);
    struct entry *entry = calloc(1, sizeof(*entry) + length + 1);
    if (entry == NULL)
        return NULL;
    memcpy(entry->name, variable->name, length + 1);
    entry->variable = *variable;
    entry->variable.name = entry->name;
    if (variable->kind != ML_VARIABLE_STRING)
        return entry;
    entry->string = strdup(variable->address);
    if (entry->string != NULL)
        return entry;
    free(entry);
    return NULL;
}

static void drop(struct entry *entry)
{
    free(entry->string);
    free(entry);
}

/* Where an entry of that name is, or would be. Under the lock, as the next. */
static struct entry **place_of(const char *name)
{
    struct entry **link = &entries;
    while (*link != NULL && strcmp((*link)->name, name) < 0)
        link = &(*link)->next;
    return link;
}

static struct entry *take_out(const char *name)
{
    struct entry **link = place_of(name), *entry = *link;
    if (entry == NULL || strcmp(entry->name, name) != 0)
        return NULL;
    *link = entry->next;
    (void)__atomic_sub_fetch(&functions, entry->variable.kind == ML_VARIABLE_FUNCTION, __ATOMIC_RELAXED);
    return entry;
}

int ml_published_add(const struct ml_variable *variable)
{
    const char *name = variable->name;
    if (name == NULL || *name == '\0' || strcmp(name, "cmdline") == 0 || strcmp(name, "memlog") == 0 ||
        strcmp(name, "memstats") == 0)
        return -EINVAL;
    struct entry *entry = make(variable);
    if (entry == NULL)
        return -ENOMEM;
    pthread_mutex_lock(&lock);
    (void)__atomic_add_fetch(&functions, variable->kind == ML_VARIABLE_FUNCTION, __ATOMIC_RELAXED);
    struct entry *before = take_out(name);
    struct entry **link = place_of(name);
    entry->next = *link;
    *link = entry;
    pthread_mutex_unlock(&lock);
    if (before != NULL)
        drop(before);
    return 0;
}

int ml_published_remove(const char *name)
{
    pthread_mutex_lock(&lock);
    struct entry *entry = take_out(name);
    pthread_mutex_unlock(&lock);
    if (entry == NULL)
        return -ENOENT;
    drop(entry);
    return 0;
}

bool ml_published_has_functions(void)
{
    return __atomic_load_n(&functions, __ATOMIC_RELAXED) != 0;
}

/* ---- writing ------------------------------------------------------------------------------ */

static bool is_json(const char *text, size_t length)
{
    json_t *value = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    json_decref(value);
    return value != NULL;
}

/* What it writes has to be JSON, or the whole page would not be. */
static void write_function(struct ml_buffer *buffer, const struct ml_variable *variable)
{
    char small[1024], *json = small;
    int length = variable->function(small, sizeof(small), variable->data);
    if (length >= (int)sizeof(small)) {
        size_t room = (size_t)length + 1;
        json = malloc(room);
        length = json == NULL ? -ENOMEM : variable->function(json, room, variable->data);
        if (length >= (int)room)
            length = -EMSGSIZE; /* it has grown meanwhile */
    }
    bool is_good = length > 0 && is_json(json, (size_t)length);
    ml_buffer_put(buffer, is_good ? json : "null", is_good ? (size_t)length : strlen("null"));
    if (json != small)
        free(json);
}

static void write_number(struct ml_text *text, void *argument)
{
    const struct ml_variable *variable = argument;
    if (variable->kind == ML_VARIABLE_INT) {
        ml_text_i64(text, __atomic_load_n((const int64_t *)variable->address, __ATOMIC_RELAXED));
        return;
    }
    double value;
    __atomic_load((const double *)variable->address, &value, __ATOMIC_RELAXED);
    ml_text_double_json(text, value);
}

static void write_value(struct ml_buffer *buffer, struct entry *entry)
{
    switch (entry->variable.kind) {
    case ML_VARIABLE_INT:
    case ML_VARIABLE_FLOAT:
        ml_buffer_text(buffer, write_number, &entry->variable);
        break;
    case ML_VARIABLE_STRING:
        ml_buffer_json(buffer, entry->string, strlen(entry->string));
        break;
    case ML_VARIABLE_FUNCTION:
        write_function(buffer, &entry->variable);
        break;
    }
}

void ml_published_write(struct ml_buffer *buffer, const char *after, const char *before, bool calls)
{
    pthread_mutex_lock(&lock);
    for (struct entry *entry = entries; entry != NULL; entry = entry->next) {
        if ((after != NULL && strcmp(entry->name, after) <= 0) ||
            (before != NULL && strcmp(entry->name, before) >= 0) ||
            (entry->variable.kind == ML_VARIABLE_FUNCTION && !calls))
            continue;
        ml_buffer_string(buffer, buffer->length <= 2 ? "" : ",\n");
        ml_buffer_json(buffer, entry->name, strlen(entry->name));
        ml_buffer_string(buffer, ": ");
        write_value(buffer, entry);
    }
    pthread_mutex_unlock(&lock);
}

void ml_published_after_fork_child(void) { pthread_mutex_init(&lock, NULL); }
