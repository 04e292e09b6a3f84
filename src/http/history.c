/* SPDX-License-Identifier: MIT */
#include "http/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "stats/fields.h"

enum { FINE_ROWS = 3600, COARSE_ROWS = 2880, FINE_IN_COARSE = 60 };

enum { NUM_GC = 10 };
/* Numbers that a page draws, by their names in the table of fields. */
static const char *const names[] = { "alloc", "sys", "heap_released", "heap_inuse", "rss", "next_gc",
                                     "heap_objects", "total_alloc", "mallocs", "frees",
                                     [NUM_GC] = "num_gc", "pause_total_ns" };
enum { NUMBERS = sizeof(names) / sizeof(names[0]) };

struct row {
    uint64_t sequence; /* from 1 on; of a coarse one that of its last fine one */
    uint64_t time_ns;  /* since 1970 */
    uint64_t numbers[NUMBERS];
};

struct ring {
    uint64_t count; /* ever written */
    size_t capacity;
    struct row *rows;
};

struct ml_history {
    const struct ml_field *fields[NUMBERS];
    struct ring fine, coarse;
    struct row minute; /* what the next coarse row is so far */
    unsigned in_minute;
    uint64_t last_ns, last_monotonic_ns; /* of the last row */
    int error;
    struct memlog_memstats stats;
    struct memlog_extra extra;
};

struct ml_history *ml_history_new(void)
{
    struct ml_history *history = calloc(1, sizeof(*history));
    if (history == NULL)
        return NULL;
    for (int i = 0; i < NUMBERS; i++)
        history->fields[i] = ml_field_find(names[i], strlen(names[i]));
    history->fine = (struct ring){ 0, FINE_ROWS, calloc(FINE_ROWS, sizeof(struct row)) };
    history->coarse = (struct ring){ 0, COARSE_ROWS, calloc(COARSE_ROWS, sizeof(struct row)) };
    if (history->fine.rows != NULL && history->coarse.rows != NULL)
        return history;
    ml_history_free(history);
    return NULL;
}

void ml_history_free(struct ml_history *history)
{
    if (history == NULL)
        return;
    free(history->fine.rows);
    free(history->coarse.rows);
    free(history);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void append(struct ring *ring, const struct row *row)
{
    ring->rows[ring->count++ % ring->capacity] = *row;
}

static uint64_t number(const struct ml_field *field, const void *value)
{
    switch ((enum ml_field_type)field->type) {
    case ML_TYPE_U32:
        return *(const uint32_t *)value;
    case ML_TYPE_BOOL:
        return *(const bool *)value;
    default:
        return *(const uint64_t *)value;
    }
}

static void add_to_minute(struct ml_history *history, const struct row *row)
{
    struct row *minute = &history->minute;
    minute->sequence = row->sequence;
    minute->time_ns = row->time_ns;
    for (int i = 0; i < NUMBERS; i++)
        minute->numbers[i] = ml_max(minute->numbers[i], row->numbers[i]);
    if (++history->in_minute < FINE_IN_COARSE)
        return;
    append(&history->coarse, minute);
    *minute = (struct row){ 0 };
    history->in_minute = 0;
}

/* A clock that was set back goes on from there at its pace, until it has come to where it was. */
static uint64_t time_of_row(struct ml_history *history)
{
    uint64_t now = ml_os_realtime_ns(), monotonic = ml_os_monotonic_ns();
    uint64_t least = history->last_ns + (monotonic - history->last_monotonic_ns);
    if (history->last_ns != 0 && now <= history->last_ns)
        now = least;
    history->last_ns = now;
    history->last_monotonic_ns = monotonic;
    return now;
}

void ml_history_take(struct ml_history *history, const struct ml_source *source)
{
    history->extra.size = sizeof(history->extra);
    history->error = source->read(source->context, &history->stats, &history->extra);
    if (history->error != 0)
        return;
    struct row row = { history->fine.count + 1, time_of_row(history), { 0 } };
    for (int i = 0; i < NUMBERS; i++) {
        const struct ml_field *field = history->fields[i];
        row.numbers[i] = number(field, ml_field_at(field, &history->stats, &history->extra, NULL));
    }
    append(&history->fine, &row);
    add_to_minute(history, &row);
}

/* ---- reading ------------------------------------------------------------------------------ */

static uint64_t first_of(const struct ring *ring)
{
    return ring->count > ring->capacity ? ring->count - ring->capacity : 0;
}

/* NextGC of a program that does not collect is no number to draw. */
static void write_row(struct ml_buffer *buffer, const struct row *row)
{
    char line[32 * (NUMBERS + 1)];
    struct ml_text text;
    ml_text_init(&text, line, sizeof(line));
    ml_text_char(&text, '[');
    ml_text_u64(&text, row->time_ns / ML_NS_PER_SECOND);
    ml_text_char(&text, '.');
    ml_text_u64_padded(&text, row->time_ns / ML_NS_PER_MS % 1000, 3);
    for (int i = 0; i < NUMBERS; i++) {
        ml_text_char(&text, ',');
        if (row->numbers[i] >= INT64_MAX)
            ml_text_string(&text, "null");
        else
            ml_text_u64(&text, row->numbers[i]);
    }
    ml_text_char(&text, ']');
    ml_buffer_put(buffer, line, ml_text_finish(&text));
}

/* Those of the ring with numbers above `since` and below `end`. */
static void write_rows(struct ml_buffer *buffer, const struct ring *ring, uint64_t since, uint64_t end)
{
    for (uint64_t i = first_of(ring); i < ring->count; i++) {
        const struct row *row = &ring->rows[i % ring->capacity];
        if (row->sequence <= since || row->sequence >= end)
            continue;
        if (buffer->bytes[buffer->length - 1] == ']')
            ml_buffer_put(buffer, ",", 1);
        write_row(buffer, row);
    }
}

void ml_history_rows(const struct ml_history *history, uint64_t since, struct ml_buffer *buffer)
{
    uint64_t first_fine = first_of(&history->fine) + 1; /* its number */
    ml_buffer_put(buffer, "[", 1);
    if (buffer->failed)
        return;
    if (since + 1 < first_fine)
        write_rows(buffer, &history->coarse, since, first_fine);
    write_rows(buffer, &history->fine, since, UINT64_MAX);
    ml_buffer_put(buffer, "]", 1);
}

void ml_history_columns(struct ml_buffer *buffer)
{
    ml_buffer_string(buffer, "[\"time\"");
    for (int i = 0; i < NUMBERS; i++)
        ml_buffer_printf(buffer, ",\"%s\"", ml_field_find(names[i], strlen(names[i]))->go_name);
    ml_buffer_string(buffer, "]");
}

uint64_t ml_history_last(const struct ml_history *history) { return history->fine.count; }

uint64_t ml_history_cycles(const struct ml_history *history, uint64_t sequence)
{
    const struct ring *fine = &history->fine;
    bool is_there = sequence > first_of(fine) && sequence <= fine->count;
    return is_there ? fine->rows[(sequence - 1) % fine->capacity].numbers[NUM_GC] : 0;
}

int ml_history_error(const struct ml_history *history) { return history->error; }
const struct memlog_memstats *ml_history_stats(const struct ml_history *history) { return &history->stats; }
const struct memlog_extra *ml_history_extra(const struct ml_history *history) { return &history->extra; }
