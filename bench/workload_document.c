/* SPDX-License-Identifier: MIT */
/* document - a tree of records with names and texts is built, written into a
 * buffer that grows, read again, changed and freed, as tools do that work on JSON:
 * many small strings and arrays of sizes of chance, one large block.
 */
#include "workload.h"

#include <stdio.h>
#include <string.h>

enum { DOCUMENTS = 20, RECORDS = 20000, FIELDS = 8 };

struct field {
    char *name, *text;
};

struct record {
    struct field *fields;
    size_t count, room;
};

struct buffer {
    char *text;
    size_t length, room;
};

static void append(struct buffer *buffer, const char *text, size_t length)
{
    if (buffer->length + length + 1 > buffer->room) {
        buffer->room = (buffer->length + length + 1) * 3 / 2;
        buffer->text = bench_need(realloc(buffer->text, buffer->room));
    }
    memcpy(buffer->text + buffer->length, text, length);
    buffer->length += length;
    buffer->text[buffer->length] = '\0';
}

static void add_field(struct record *record, char *name, char *text)
{
    if (record->count == record->room) {
        record->room = record->room * 2 + 2;
        record->fields = bench_need(realloc(record->fields, record->room * sizeof(struct field)));
    }
    record->fields[record->count++] = (struct field){ name, text };
}

/* Short ones mostly; letters only. */
static char *random_text(uint64_t *chance, unsigned most)
{
    size_t length = 1 + bench_random(chance) % (1 + bench_random(chance) % most);
    char *text = workload_alloc(length + 1);
    uint64_t letters = bench_random(chance);
    for (size_t i = 0; i < length; i++, letters = letters >> 4 | letters << 60)
        text[i] = (char)('a' + (letters & 15));
    text[length] = '\0';
    return text;
}

static struct record *random_record(uint64_t *chance)
{
    struct record *record = bench_need(calloc(1, sizeof(*record)));
    unsigned fields = 1 + (unsigned)bench_random(chance) % FIELDS;
    for (unsigned i = 0; i < fields; i++) {
        char *name = random_text(chance, 16);
        add_field(record, name, random_text(chance, bench_random(chance) % 16 == 0 ? 1000 : 60));
    }
    return record;
}

static void write_record(struct buffer *buffer, const struct record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        append(buffer, record->fields[i].name, strlen(record->fields[i].name));
        append(buffer, "=", 1);
        append(buffer, record->fields[i].text, strlen(record->fields[i].text));
        append(buffer, ";", 1);
    }
    append(buffer, "\n", 1);
}

/* Up to the byte end, which is passed over. */
static char *take_until(const char **at, char end)
{
    const char *stop = strchr(*at, end);
    workload_require(stop != NULL, "the document is cut");
    size_t length = (size_t)(stop - *at);
    char *text = workload_alloc(length + 1);
    memcpy(text, *at, length);
    text[length] = '\0';
    *at = stop + 1;
    return text;
}

static struct record *read_record(const char **at)
{
    struct record *record = bench_need(calloc(1, sizeof(*record)));
    while (**at != '\n') {
        char *name = take_until(at, '=');
        add_field(record, name, take_until(at, ';'));
    }
    ++*at;
    return record;
}

static void free_record(struct record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        free(record->fields[i].name);
        free(record->fields[i].text);
    }
    free(record->fields);
    free(record);
}

/* Every third field becomes a number that is a little longer or shorter. */
static void change(struct record *record, unsigned number)
{
    char text[32];
    for (size_t i = number % 3; i < record->count; i += 3) {
        int length = snprintf(text, sizeof(text), "%u", number * number);
        record->fields[i].text = bench_need(realloc(record->fields[i].text, (size_t)length + 1));
        memcpy(record->fields[i].text, text, (size_t)length + 1);
    }
}

static void write_all(struct buffer *buffer, struct record **records)
{
    buffer->length = 0;
    for (unsigned i = 0; i < RECORDS; i++)
        write_record(buffer, records[i]);
}

static void read_all(const struct buffer *buffer, struct record **records)
{
    const char *at = buffer->text;
    for (unsigned i = 0; i < RECORDS; i++)
        records[i] = read_record(&at);
    workload_require(*at == '\0', "the document has too much");
}

static void free_all(struct record **records)
{
    for (unsigned i = 0; i < RECORDS; i++)
        free_record(records[i]);
}

void workload_document(unsigned threads)
{
    static struct record *records[RECORDS], *again[RECORDS];
    struct buffer first = { NULL, 0, 0 }, second = { NULL, 0, 0 };
    uint64_t chance = 7;
    (void)threads;
    for (unsigned d = 0; d < DOCUMENTS; d++) {
        for (unsigned i = 0; i < RECORDS; i++)
            records[i] = random_record(&chance);
        write_all(&first, records);
        read_all(&first, again);
        write_all(&second, again);
        workload_require(strcmp(first.text, second.text) == 0, "the document has changed");
        for (unsigned i = 0; i < RECORDS; i++)
            change(again[i], i);
        free_all(records);
        write_all(&second, again);
        free_all(again);
    }
    free(first.text);
    free(second.text);
}
