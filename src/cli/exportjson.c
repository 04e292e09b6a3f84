/* SPDX-License-Identifier: MIT */
/* exportjson.c - a log as JSON, an object a line: each sample, and what happened between them with
 * its name as "event". An event has the time of the sample before it; null before the first.
 */
#include "cli/exporter.h"

#include <inttypes.h>
#include <string.h>

#include "cli/exportnames.h"
#include "cli/jsontext.h"
#include "os/clock.h"

struct lines {
    struct ml_exporter *exporter;
    char run_text[32]; /* what each object has of it */
    struct ml_log_run header;
    bool has_header;   /* not written yet: whether something of the run is wanted is not known */
    bool is_all;       /* no range */
    char time[ML_EXPORTER_TIME_BYTES]; /* of the sample before, as written; "": there is none */
};

/* ---- the pieces ------------------------------------------------------------------------- */

static void write_key(FILE *out, const char *key)
{
    putc_unlocked(',', out);
    ml_json_string(out, key, strlen(key));
    putc_unlocked(':', out);
}

/* A name out of the log, beside those that each object has. No object has a key twice. */
static void write_name(FILE *out, const char *name, size_t length)
{
    static const char *const ours[] = { "time", "run", "event", NULL };
    char key[ML_LINE_NAME_BYTES + 1];
    bool is_ours = length < sizeof(key) - 1 && ml_export_is_ours(name, length, ours);
    snprintf(key, sizeof(key), "%.*s_", is_ours ? (int)length : 0, name);
    putc_unlocked(',', out);
    ml_json_string(out, is_ours ? key : name, is_ours ? length + 1 : length);
    putc_unlocked(':', out);
}

static void write_string(FILE *out, const char *key, const char *text, size_t length)
{
    write_key(out, key);
    ml_json_string(out, text, length);
}

static void write_u64(FILE *out, const char *key, uint64_t number)
{
    write_key(out, key);
    fprintf(out, "%" PRIu64, number);
}

/* As it stands, where that is a number in JSON, too. */
static void write_number(FILE *out, const struct ml_word *word, double value)
{
    if (ml_json_is_number(word->at, word->length))
        fwrite_unlocked(word->at, 1, word->length, out);
    else
        ml_json_double(out, value);
}

static void begin(const struct lines *lines)
{
    FILE *out = lines->exporter->out;
    fputs("{\"time\":", out);
    fputs(lines->time[0] == '\0' ? "null" : lines->time, out);
    fputs(lines->run_text, out);
}

static void begin_event(const struct lines *lines, const char *name)
{
    begin(lines);
    write_string(lines->exporter->out, "event", name, strlen(name));
}

static void end(const struct lines *lines)
{
    fputs("}\n", lines->exporter->out);
    ml_exporter_check(lines->exporter);
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* Before the first of the run that is wanted, be it in its middle. */
static void write_header(struct lines *lines)
{
    const struct ml_log_run *header = &lines->header;
    FILE *out = lines->exporter->out;
    if (!lines->has_header)
        return;
    lines->has_header = false;
    lines->time[0] = '\0';
    begin_event(lines, "run");
    if (header->start[0] != '\0')
        write_string(out, "start", header->start, strlen(header->start));
    if (header->pid != 0) {
        write_key(out, "pid");
        fprintf(out, "%" PRId64, header->pid);
    }
    if (header->interval_ns != 0) {
        write_key(out, "interval");
        ml_json_double(out, (double)header->interval_ns / ML_NS_PER_SECOND);
    }
    if (header->command[0] != '\0')
        write_string(out, "command", header->command, strlen(header->command));
    end(lines);
}

static void begin_run(void *context, const struct ml_log_run *run)
{
    struct lines *lines = context;
    ml_exporter_enter(lines->exporter, run);
    snprintf(lines->run_text, sizeof(lines->run_text), ",\"run\":%u", run->number);
    lines->header = *run;
    lines->has_header = true;
    lines->time[0] = '\0';
    if (lines->is_all)
        write_header(lines);
}

/* ---- samples --------------------------------------------------------------------------- */

static void keep_time(struct lines *lines, int64_t time_ns, const struct ml_word *word)
{
    char iso[ML_EXPORTER_TIME_BYTES];
    size_t size = sizeof(lines->time);
    if (lines->exporter->iso)
        snprintf(lines->time, size, "\"%.37s\"", ml_exporter_iso(time_ns, word, iso));
    else if (word->length < size && ml_json_is_number(word->at, word->length))
        snprintf(lines->time, size, "%.*s", (int)word->length, word->at);
    else
        snprintf(lines->time, size, "%.3f", (double)time_ns / ML_NS_PER_SECOND);
}

static void write_sample(void *context, const struct ml_log_sample *sample)
{
    struct lines *lines = context;
    struct ml_exporter *exporter = lines->exporter;
    struct ml_word words[ML_LINE_COLUMNS + 1];
    if (ml_exporter_wants(exporter, sample->time_ns))
        write_header(lines);
    ml_exporter_split(sample, words);
    keep_time(lines, sample->time_ns, &words[0]);
    if (!ml_exporter_wants(exporter, sample->time_ns))
        return;
    begin(lines);
    for (unsigned i = 0; i < exporter->columns.count; i++) {
        const struct ml_column *column = &exporter->columns.list[i];
        if (column->place < 0)
            continue;
        write_name(exporter->out, column->name, strlen(column->name));
        write_number(exporter->out, &words[column->place + 1], sample->values[column->place]);
    }
    end(lines);
    exporter->samples++;
}

/* ---- events ---------------------------------------------------------------------------- */

/* Whether the same key stands before it. */
static bool was_key(const char *text, const char *key, size_t length)
{
    static const char number[] = "number";
    if (length == sizeof(number) - 1 && memcmp(key, number, length) == 0)
        return true;
    for (const char *at = text; at < key; at++)
        if ((at == text || at[-1] == ' ') && memcmp(at, key, length + 1) == 0) /* with its = */
            return true;
    return false;
}

/* "7 end=1794956363.123456 how=along ...": a number, then pairs, of which the first of a name counts. */
static void write_cycle(FILE *out, const struct ml_log_event *event)
{
    const char *end = event->text + event->length, *at = event->text;
    while (at < end) {
        size_t length = 0;
        while (at + length < end && at[length] != ' ')
            length++;
        const char *equals = memchr(at, '=', length);
        const char *value = equals == NULL ? at : equals + 1;
        size_t value_length = (size_t)(at + length - value);
        if (equals == NULL ? at == event->text
                           : !was_key(event->text, at, (size_t)(equals - at))) {
            if (equals == NULL)
                write_key(out, "number");
            else
                write_name(out, at, (size_t)(equals - at));
            if (ml_json_is_number(value, value_length))
                fwrite_unlocked(value, 1, value_length, out);
            else
                ml_json_string(out, value, value_length);
        }
        at += length + (at + length < end);
    }
}

static void write_what(const struct lines *lines, const struct ml_log_event *event)
{
    FILE *out = lines->exporter->out;
    switch (event->kind) {
    case ML_EVENT_MARK:
        begin_event(lines, "mark");
        write_string(out, "text", event->text, event->length);
        break;
    case ML_EVENT_ALERT:
        begin_event(lines, "alert");
        write_string(out, "text", event->text, event->length);
        break;
    case ML_EVENT_LIMIT:
        begin_event(lines, "limit");
        write_u64(out, "bytes", event->number);
        break;
    case ML_EVENT_GC:
        begin_event(lines, "gc");
        write_cycle(out, event);
        break;
    case ML_EVENT_LOST:
        begin_event(lines, "lost");
        write_u64(out, "samples", event->number);
        break;
    case ML_EVENT_END:
        begin_event(lines, "end");
        write_string(out, "reason", event->text, event->length);
        write_key(out, "oom_kill");
        fputs(event->number == 1 ? "true" : "false", out);
        break;
    case ML_EVENT_OTHER:
        begin_event(lines, "comment");
        write_string(out, "text", event->text, event->length);
        break;
    }
}

/* Of what happened before the first sample it is not known whether it is in a range. In a range
 * there is a sample before it, and so the header. */
static void write_event(void *context, const struct ml_log_event *event)
{
    struct lines *lines = context;
    if (event->has_time ? !ml_exporter_wants(lines->exporter, event->time_ns) : !lines->is_all)
        return;
    write_what(lines, event);
    end(lines);
}

void ml_export_json(struct ml_exporter *exporter)
{
    static struct lines lines; /* large */
    lines.exporter = exporter;
    lines.is_all = exporter->from_ns == INT64_MIN && exporter->to_ns == INT64_MAX;
    const struct ml_log_visitor visitor = { .context = &lines, .run = begin_run,
                                            .sample = write_sample, .event = write_event };
    exporter->samples = 0;
    ml_exporter_read(exporter, &visitor);
}
