/* SPDX-License-Identifier: MIT */
#include "http/scopes.h"

#include <dwarf.h>
#include <stdbool.h>
#include <stdlib.h>

/* A piece of a function: those that are called rarely may stand elsewhere. */
struct piece {
    Dwarf_Addr begin, end;
    Dwarf_Die function;
};

struct unit {
    Dwarf_Off offset;
    struct piece *pieces; /* sorted */
    size_t count, room;
    struct unit *next;
};

struct ml_scopes {
    struct unit *units; /* the one that was last asked for is the first */
};

/* A file that was overwritten may say that what comes next is what was before. */
enum { ENTRIES_MOST = 1 << 22, PIECES_MOST = 1 << 12, NAMESPACES_MOST = 16 };

struct ml_scopes *ml_scopes_new(void) { return calloc(1, sizeof(struct ml_scopes)); }

void ml_scopes_free(struct ml_scopes *scopes)
{
    if (scopes == NULL)
        return;
    for (struct unit *unit = scopes->units, *next; unit != NULL; unit = next) {
        next = unit->next;
        free(unit->pieces);
        free(unit);
    }
    free(scopes);
}

/* ---- the functions of a unit ---------------------------------------------------------------- */

static bool add_piece(struct unit *unit, Dwarf_Addr begin, Dwarf_Addr end,
                      const Dwarf_Die *function)
{
    enum { FIRST = 64 };
    if (unit->count == unit->room) {
        size_t room = unit->room == 0 ? FIRST : unit->room * 2;
        struct piece *larger = realloc(unit->pieces, room * sizeof(*larger));
        if (larger == NULL)
            return false;
        unit->pieces = larger;
        unit->room = room;
    }
    unit->pieces[unit->count++] = (struct piece){ begin, end, *function };
    return true;
}

static bool add_function(struct unit *unit, Dwarf_Die *function)
{
    Dwarf_Addr base, begin, end;
    ptrdiff_t at = 0;
    for (int i = 0; i < PIECES_MOST; i++) {
        at = dwarf_ranges(function, at, &base, &begin, &end);
        if (at <= 0)
            break;
        if (!add_piece(unit, begin, end, function))
            return false;
    }
    return true;
}

static bool add_functions(struct unit *unit, Dwarf_Die *parent, unsigned depth, unsigned *entries)
{
    Dwarf_Die child;
    if (dwarf_child(parent, &child) != 0)
        return true;
    do {
        int tag = dwarf_tag(&child);
        bool added = true;
        if (tag == DW_TAG_subprogram)
            added = add_function(unit, &child);
        else if (tag == DW_TAG_namespace && depth < NAMESPACES_MOST)
            added = add_functions(unit, &child, depth + 1, entries);
        if (!added)
            return false;
    } while (++*entries < ENTRIES_MOST && dwarf_siblingof(&child, &child) == 0);
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct piece *a = left, *b = right;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* NULL: no memory. */
static struct unit *read_unit(Dwarf_Die *die)
{
    unsigned entries = 0;
    struct unit *unit = calloc(1, sizeof(*unit));
    if (unit == NULL)
        return NULL;
    unit->offset = dwarf_dieoffset(die);
    if (!add_functions(unit, die, 0, &entries)) {
        free(unit->pieces);
        free(unit);
        return NULL;
    }
    if (unit->count != 0)
        qsort(unit->pieces, unit->count, sizeof(unit->pieces[0]), compare);
    return unit;
}

static const struct unit *need_unit(struct ml_scopes *scopes, Dwarf_Die *die)
{
    Dwarf_Off offset = dwarf_dieoffset(die);
    struct unit **link = &scopes->units, *unit;
    while ((unit = *link) != NULL && unit->offset != offset)
        link = &unit->next;
    if (unit != NULL)
        *link = unit->next;
    else
        unit = read_unit(die);
    if (unit == NULL)
        return NULL;
    unit->next = scopes->units;
    return scopes->units = unit;
}

/* ---- within a function ---------------------------------------------------------------------- */

static const Dwarf_Die *function_at(const struct unit *unit, Dwarf_Addr address)
{
    size_t low = 0, high = unit->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (unit->pieces[middle].begin <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low != 0 && address < unit->pieces[low - 1].end ? &unit->pieces[low - 1].function : NULL;
}

/* The block or the inlined call in it that has the address. */
static bool go_down(Dwarf_Die *die, Dwarf_Addr address)
{
    Dwarf_Die child;
    unsigned entries = 0;
    if (dwarf_child(die, &child) != 0)
        return false;
    do {
        int tag = dwarf_tag(&child);
        bool has_code = tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block ||
                        tag == DW_TAG_try_block || tag == DW_TAG_catch_block;
        if (has_code && dwarf_haspc(&child, address) == 1) {
            *die = child;
            return true;
        }
    } while (++entries < ENTRIES_MOST && dwarf_siblingof(&child, &child) == 0);
    return false;
}

size_t ml_scopes_at(struct ml_scopes *scopes, Dwarf_Die *die, Dwarf_Addr address,
                    Dwarf_Die found[ML_SCOPES_MOST])
{
    enum { DEPTH_MOST = 4 * ML_SCOPES_MOST };
    const struct unit *unit = need_unit(scopes, die);
    const Dwarf_Die *function = unit == NULL ? NULL : function_at(unit, address);
    size_t count = 0;
    if (function == NULL)
        return 0;
    Dwarf_Die at = found[count++] = *function;
    for (unsigned i = 0; i < DEPTH_MOST && count < ML_SCOPES_MOST && go_down(&at, address); i++)
        if (dwarf_tag(&at) == DW_TAG_inlined_subroutine)
            found[count++] = at;
    return count;
}
