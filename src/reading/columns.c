/* SPDX-License-Identifier: MIT */
#include "reading/columns.h"

#include <string.h>

#include "base/format.h"

static bool is_spelled(const struct ml_column *column, const char *name, size_t length)
{
    return strlen(column->name) == length && memcmp(column->name, name, length) == 0;
}

int ml_columns_find(const struct ml_columns *columns, const char *name, size_t length)
{
    const struct ml_field *field = ml_field_find(name, length);
    for (unsigned i = 0; i < columns->count; i++) {
        const struct ml_column *column = &columns->list[i];
        bool is_it = field != NULL ? column->field == field : is_spelled(column, name, length);
        if (is_it)
            return (int)i;
    }
    return -1;
}

void ml_columns_add(struct ml_columns *columns, const struct ml_log_run *run)
{
    for (unsigned i = 0; i < run->count && columns->count < ML_COLUMNS_MOST; i++) {
        size_t length = strlen(run->names[i]);
        if (ml_columns_find(columns, run->names[i], length) >= 0)
            continue;
        struct ml_column *column = &columns->list[columns->count++];
        memcpy(column->name, run->names[i], length + 1);
        column->field = ml_field_find(column->name, length);
        column->place = -1;
    }
}

/* Of two columns of one name the first is it. */
unsigned ml_columns_enter(struct ml_columns *columns, const struct ml_log_run *run)
{
    unsigned others = 0;
    for (unsigned i = 0; i < columns->count; i++)
        columns->list[i].place = -1;
    for (unsigned i = 0; i < run->count; i++) {
        int at = ml_columns_find(columns, run->names[i], strlen(run->names[i]));
        if (at < 0)
            others++;
        else if (columns->list[at].place < 0)
            columns->list[at].place = (int)i;
    }
    return others;
}

int ml_column_place(const struct ml_column *column, const struct ml_log_run *run)
{
    const struct ml_field *field = column->field;
    for (unsigned i = 0; i < run->count; i++) {
        const char *name = run->names[i];
        if (strcmp(name, column->name) == 0 ||
            (field != NULL && (strcmp(name, field->name) == 0 || strcmp(name, field->go_name) == 0)))
            return (int)i;
    }
    return -1;
}

bool ml_columns_choose(struct ml_columns *columns, const char *names, const char **bad,
                       size_t *bad_length)
{
    static const char separators[] = ", \t\n";
    struct ml_columns chosen = { 0 };
    for (;;) {
        names += strspn(names, separators);
        size_t length = strcspn(names, separators);
        int at = length == 0 ? -1 : ml_columns_find(columns, names, length);
        if (at < 0) {
            *bad = names;
            *bad_length = length;
            break;
        }
        if (ml_columns_find(&chosen, names, length) < 0)
            chosen.list[chosen.count++] = columns->list[at];
        names += length;
    }
    if (*bad_length != 0 || chosen.count == 0)
        return false;
    *columns = chosen;
    return true;
}

const char *ml_columns_names(const struct ml_columns *columns, char *text, size_t capacity)
{
    struct ml_text names;
    ml_text_init(&names, text, capacity);
    for (unsigned i = 0; i < columns->count; i++) {
        ml_text_string(&names, i == 0 ? "" : ", ");
        ml_text_string(&names, columns->list[i].name);
    }
    ml_text_finish(&names);
    return text;
}
