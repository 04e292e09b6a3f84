/* SPDX-License-Identifier: MIT */
#include "log/lines.h"

#include "gc/history.h"
#include "os/clock.h"
#include "os/process.h"
#include "os/thread.h"
#include "stats/memstats.h"

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
    lines->limit_bytes = ml_os_cgroup_limit_bytes();
    put_limit_into_header(lines);
}

void ml_lines_begin(struct ml_lines *lines, uint64_t start_ns, const char *gc, bool show_command)
{
    char command[ML_RECORD_COMMAND_BYTES];
    struct ml_record_run run = { .pid = ml_os_pid(), .start_ns = start_ns, .gc = gc };
    struct ml_text text;

    if (show_command && ml_os_command_line(command, sizeof(command)) > 0)
        run.command = command;
    ml_text_init(&text, lines->header, sizeof(lines->header));
    ml_record_header(&text, &lines->record, &run);
    lines->run_length = text.length;
    lines->cycles_told = ml_gc_cycles();
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

static void read_numbers(struct ml_lines *lines)
{
    ml_stats_read(&lines->stats);
    if (!lines->record.needs_extra)
        return;
    lines->extra.size = sizeof(lines->extra);
    ml_stats_read_extra(&lines->extra);
    lines->extra.log_samples = lines->file.samples;
    lines->extra.log_lost = lines->file.lost;
}

/* As many as fit into one write, from the first that is not told. Returns the
 * last one. */
static uint64_t compose_cycles(struct ml_lines *lines, struct ml_text *text, uint64_t cycles)
{
    uint64_t told = lines->cycles_told, missed = 0;
    struct ml_gc_record record;

    while (told < cycles && text->length + 2 * ML_RECORD_CYCLE_BYTES <= sizeof(lines->payload)) {
        told++;
        if (!ml_gc_record_read(told, &record)) {
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
    uint64_t cycles = ml_gc_cycles();

    while (lines->tell_cycles && lines->cycles_told < cycles) {
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

    tell_cycles(lines);
    ml_text_init(&text, lines->payload, sizeof(lines->payload));
    add_limit_if_changed(lines, &text);
    read_numbers(lines);
    ml_record_sample(&text, &lines->record, now_ns, &lines->stats, &lines->extra);
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
