/* SPDX-License-Identifier: MIT */
#include "log/lines.h"

#include "os/clock.h"

/* Reading the limit opens a handful of files in /proc and /sys. */
#define LIMIT_CHECK_NS (UINT64_C(10) * ML_NS_PER_SECOND)

/* Behind the header's own lines stands the limit, when there is one, so that
 * every file that is begun has it. */
static void put_limit_into_header(struct ml_lines *lines)
{
    struct ml_text text;

    ml_text_init(&text, lines->header + lines->run_length,
                 sizeof(lines->header) - lines->run_length);
    if (lines->limit_bytes != 0)
        ml_record_limit(&text, lines->limit_bytes);
    lines->file.header = lines->header;
    lines->file.header_length = lines->run_length + text.length;
}

static void read_limit(struct ml_lines *lines)
{
    lines->limit_checked_ns = ml_os_monotonic_ns();
    lines->limit_bytes = lines->source->limit_bytes(lines->source->context);
    put_limit_into_header(lines);
}

void ml_lines_begin(struct ml_lines *lines, const struct ml_record_run *run)
{
    struct ml_text text;

    ml_text_init(&text, lines->header, sizeof(lines->header));
    ml_record_header(&text, &lines->record, run);
    lines->run_length = text.length;
    lines->cycles_told = lines->source->cycles(lines->source->context);
    read_limit(lines);
}

static void add_limit_if_changed(struct ml_lines *lines, struct ml_text *text)
{
    uint64_t known = lines->limit_bytes;

    if (ml_os_monotonic_ns() - lines->limit_checked_ns < LIMIT_CHECK_NS)
        return;
    read_limit(lines);
    if (lines->limit_bytes != known)
        ml_record_limit(text, lines->limit_bytes);
}

static int read_numbers(struct ml_lines *lines)
{
    struct memlog_extra *extra = lines->record.needs_extra ? &lines->extra : NULL;

    lines->extra.size = sizeof(lines->extra);
    int error = lines->source->read(lines->source->context, &lines->stats, extra);
    lines->extra.log_samples = lines->file.samples;
    lines->extra.log_lost = lines->file.lost;
    if (error == 0 && lines->record.usage_sources != 0)
        lines->source->read_usage(lines->source->context, lines->record.usage_sources,
                                  &lines->usage);
    return error;
}

/* As many as fit into one write, from the first that is not told. Returns the
 * last one. */
static uint64_t compose_cycles(struct ml_lines *lines, struct ml_text *text, uint64_t cycles)
{
    uint64_t told = lines->cycles_told, missed = 0;
    struct ml_gc_record record;

    while (told < cycles && text->length + 2 * ML_RECORD_CYCLE_BYTES <= sizeof(lines->payload)) {
        told++;
        if (!lines->source->cycle(lines->source->context, told, &record)) {
            missed++;
            continue;
        }
        if (missed != 0)
            ml_record_missed_cycles(text, told - 1, missed);
        missed = 0;
        ml_record_cycle(text, &record);
    }
    if (missed != 0)
        ml_record_missed_cycles(text, told, missed);
    return told;
}

/* What can't be written now is told later, as far as it is remembered then. */
static void tell_cycles(struct ml_lines *lines)
{
    if (!lines->tell_cycles)
        return;
    uint64_t cycles = lines->source->cycles(lines->source->context);
    while (lines->cycles_told < cycles) {
        struct ml_text text;
        ml_text_init(&text, lines->payload, sizeof(lines->payload));
        uint64_t told = compose_cycles(lines, &text, cycles);
        if (ml_file_append(&lines->file, lines->payload, text.length, 0) != 0)
            return;
        lines->cycles_told = told;
    }
}

int ml_lines_sample(struct ml_lines *lines, uint64_t now_ns, const char *keyword,
                    const char *words)
{
    struct ml_text text;

    int error = read_numbers(lines);
    if (error != 0)
        return error;
    tell_cycles(lines);
    ml_text_init(&text, lines->payload, sizeof(lines->payload));
    add_limit_if_changed(lines, &text);
    ml_record_sample(&text, &lines->record, now_ns, &lines->stats, &lines->extra,
                     &lines->usage);
    size_t sample_end = text.length;
    if (keyword != NULL)
        ml_record_comment(&text, keyword, words);
    return ml_file_append(&lines->file, lines->payload, text.length, sample_end);
}

int ml_lines_comment(struct ml_lines *lines, const char *words)
{
    struct ml_text text;

    ml_text_init(&text, lines->payload, sizeof(lines->payload));
    ml_record_comment(&text, "", words);
    return ml_file_append(&lines->file, lines->payload, text.length, 0);
}
