/* SPDX-License-Identifier: MIT */
#include "http/folded.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a file of somebody else's may make of itself. */
enum { NAME_BYTES_MOST = 16 << 10, BYTES_MOST = 1 << 30 };

int ml_folded_begin(struct ml_folded *folded, const char *drop)
{
    static const char nothing[] = ".^";
    char *whole = NULL;
    *folded = (struct ml_folded){ 0 };
    if (asprintf(&whole, "^(%s)$", drop == NULL ? nothing : drop) < 0)
        return -ENOMEM;
    int error = regcomp(&folded->drop, whole, REG_EXTENDED | REG_NOSUB);
    free(whole);
    return error == 0 ? 0 : error == REG_ESPACE ? -ENOMEM : -EINVAL;
}

/* ---- one address ---------------------------------------------------------------------------- */

/* The functions of an address as they come, the innermost first. */
struct naming {
    struct ml_folded *folded;
    struct ml_folded_place *place;
};

/* A semicolon or a line's end in a name would be another frame. */
static char clean(char c)
{
    return c == ';' ? ':' : (unsigned char)c < ' ' ? '?' : c;
}

/* Each one that comes is the caller of those there are: it stands before them. */
static void add_caller(struct naming *naming, const char *function)
{
    struct ml_folded_place *place = naming->place;
    bool is_dropped = regexec(&naming->folded->drop, function, 0, NULL, 0) == 0;
    size_t length = strnlen(function, NAME_BYTES_MOST);
    size_t inner = place->names == NULL ? 0 : strlen(place->names);
    char *names = malloc(length + inner + 2);
    if (names == NULL) {
        naming->folded->failed = true;
        return;
    }
    for (size_t i = 0; i < length; i++)
        names[i] = clean(function[i]);
    if (inner != 0)
        names[length++] = ';';
    memcpy(names + length, inner == 0 ? "" : place->names, inner + 1);
    free(place->names);
    place->names = names;
    place->kept = is_dropped ? 0 : place->is_cut ? place->kept + length : length + inner;
    place->is_cut |= is_dropped;
}

static void take_name(const struct ml_name *name, void *argument)
{
    if (name->function != NULL && name->function[0] != '\0')
        add_caller(argument, name->function);
}

static void add_file(struct naming *naming, const char *file)
{
    const char *slash = file == NULL ? NULL : strrchr(file, '/');
    const char *shown = slash != NULL ? slash + 1 : file == NULL ? "unknown" : file;
    char *name = NULL;
    if (asprintf(&name, *shown == '[' ? "%s" : "[%s]", shown) < 0)
        naming->folded->failed = true;
    else
        add_caller(naming, name);
    free(name);
}

struct ml_folded_place ml_folded_place(struct ml_folded *folded, const struct ml_namer *namer,
                                       uintptr_t address, const char *file)
{
    struct ml_folded_place place = { 0 };
    struct naming naming = { folded, &place };
    if (namer != NULL)
        namer->each(namer->context, address, take_name, &naming);
    if (place.names == NULL)
        add_file(&naming, file);
    return place;
}

void ml_folded_place_free(struct ml_folded_place *place)
{
    free(place->names);
    place->names = NULL;
}

/* ---- stacks --------------------------------------------------------------------------------- */

/* From the root on, to the first that is to be left out; those before the first function
 * of the program's are not, or nothing would be left of some. */
static size_t write_stack(const struct ml_folded_place *const *places, size_t depth, char *to)
{
    size_t length = 0;
    bool is_found = false, is_over = false;
    for (size_t i = depth; i-- > 0 && !is_over;) {
        const struct ml_folded_place *place = places[i];
        if (place->names == NULL)
            continue;
        is_over = is_found && place->is_cut;
        is_found |= !place->is_cut;
        size_t some = is_over ? place->kept : strlen(place->names);
        if (some == 0)
            continue;
        if (to != NULL)
            memcpy(to + length, place->names, some);
        length += some;
        bool has_separator = place->names[some - 1] == ';';
        if (to != NULL && !has_separator)
            to[length] = ';';
        length += !has_separator;
    }
    if (to != NULL)
        to[length == 0 ? 0 : length - 1] = '\0';
    return length;
}

static bool need_room(struct ml_folded *folded)
{
    enum { FIRST = 1024 };
    if (folded->count < folded->room)
        return true;
    size_t room = folded->room == 0 ? FIRST : folded->room * 2;
    struct ml_folded_line *lines = realloc(folded->lines, room * sizeof(*lines));
    if (lines == NULL)
        return false;
    folded->lines = lines;
    folded->room = room;
    return true;
}

void ml_folded_add(struct ml_folded *folded, const struct ml_folded_place *const *places,
                   size_t depth, int64_t value)
{
    if (value <= 0 || folded->failed)
        return;
    size_t length = write_stack(places, depth, NULL);
    char *stack = length > BYTES_MOST - folded->bytes ? NULL : malloc(length + 1);
    if (stack == NULL || !need_room(folded)) {
        free(stack);
        folded->failed = true;
        return;
    }
    write_stack(places, depth, stack);
    folded->bytes += length;
    folded->lines[folded->count++] = (struct ml_folded_line){ stack, value };
}

/* ---- lines ---------------------------------------------------------------------------------- */

static int compare(const void *left, const void *right)
{
    const struct ml_folded_line *a = left, *b = right;
    return strcmp(a->stack, b->stack);
}

static void put_line(struct ml_buffer *buffer, const char *stack, uint64_t value)
{
    ml_buffer_string(buffer, *stack == '\0' ? "[unknown]" : stack);
    ml_buffer_printf(buffer, " %" PRIu64 "\n", value);
}

int ml_folded_end(struct ml_folded *folded, struct ml_buffer *buffer)
{
    bool failed = folded->failed;
    if (folded->count != 0)
        qsort(folded->lines, folded->count, sizeof(folded->lines[0]), compare);
    for (size_t i = 0, next; i < folded->count && !failed; i = next) {
        const struct ml_folded_line *line = &folded->lines[i];
        uint64_t sum = 0;
        for (next = i; next < folded->count && compare(line, &folded->lines[next]) == 0; next++)
            sum += (uint64_t)folded->lines[next].value;
        put_line(buffer, line->stack, sum);
    }
    for (size_t i = 0; i < folded->count; i++)
        free(folded->lines[i].stack);
    free(folded->lines);
    regfree(&folded->drop);
    *folded = (struct ml_folded){ 0 };
    return failed || buffer->failed ? -ENOMEM : 0;
}
