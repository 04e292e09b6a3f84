/* SPDX-License-Identifier: MIT */
#include "reading/damage.h"

#include <inttypes.h>
#include <string.h>

static const struct {
    const char *one, *many;
} words[ML_DAMAGE_KINDS] = {
    [ML_DAMAGE_CUT] = { "line cut off", "lines cut off" },
    [ML_DAMAGE_NULS] = { "stretch of NUL bytes", "stretches of NUL bytes" },
    [ML_DAMAGE_GARBAGE] = { "line that is none of a log", "lines that are none of a log" },
    [ML_DAMAGE_COLUMNS] = { "line with another number of columns", "lines with another number of columns" },
    [ML_DAMAGE_NUMBERS] = { "sample with Sys below Alloc", "samples with Sys below Alloc" },
    [ML_DAMAGE_LONG] = { "line far too long", "lines far too long" },
    [ML_DAMAGE_CLOCK] = { "time the clock was set back", "times the clock was set back" },
};

void ml_damage_add(struct ml_damage *damage, enum ml_damage_kind kind, unsigned file, uint64_t line)
{
    uint64_t count = damage->count[kind]++;
    if (count < ML_DAMAGE_PLACES) {
        damage->places[kind][count].line = line;
        damage->places[kind][count].file = file;
    }
}

uint64_t ml_damage_total(const struct ml_damage *damage)
{
    uint64_t total = 0;
    for (int kind = 0; kind < ML_DAMAGE_KINDS; kind++)
        if (kind != ML_DAMAGE_CLOCK && kind != ML_DAMAGE_CUT)
            total += damage->count[kind];
    return total;
}

/* Behind what is there already; a text that is too long is cut. */
static void append(char *text, size_t capacity, const char *more)
{
    size_t length = strlen(text);
    snprintf(text + length, capacity - length, "%s", more);
}

static void append_place(char *text, size_t capacity, const struct ml_damage *damage, int kind, int i,
                         const char *name)
{
    char place[32];
    snprintf(place, sizeof(place), "%" PRIu64, damage->places[kind][i].line);
    append(text, capacity, i == 0 ? " (line " : ", ");
    if (damage->places[kind][i].file != 0) {
        append(text, capacity, name);
        append(text, capacity, ".1:");
    }
    append(text, capacity, place);
}

const char *ml_damage_words(const struct ml_damage *damage, enum ml_damage_kind kind, const char *name,
                            char *text, size_t capacity)
{
    uint64_t count = damage->count[kind];
    *text = '\0';
    if (count == 0)
        return text;
    snprintf(text, capacity, "%" PRIu64 " %s", count, count == 1 ? words[kind].one : words[kind].many);
    for (int i = 0; i < ML_DAMAGE_PLACES && (uint64_t)i < count; i++)
        append_place(text, capacity, damage, kind, i, name);
    append(text, capacity, count > ML_DAMAGE_PLACES ? ", ...)" : ")");
    return text;
}

void ml_damage_tell(const struct ml_damage *damage, const char *name, FILE *to)
{
    char text[512];
    for (int kind = 0; kind < ML_DAMAGE_KINDS; kind++)
        if (*ml_damage_words(damage, kind, name, text, sizeof(text)) != '\0')
            fprintf(to, "memlog: %s: %s%s\n", name, text,
                    kind == ML_DAMAGE_CLOCK ? "" : kind == ML_DAMAGE_NULS ? ": skipped" : ": not read");
}
