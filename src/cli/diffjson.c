/* SPDX-License-Identifier: MIT */
/* diffjson.c - a comparison as one object. Numbers are in the log's units, rates of a second. */
#include "cli/diffprint.h"

#include <inttypes.h>
#include <string.h>

#include "cli/jsontext.h"
#include "os/clock.h"

static void write_string(FILE *to, const char *key, const char *text)
{
    fprintf(to, "\"%s\":", key);
    ml_json_string(to, text, strlen(text));
}

static void write_seconds(FILE *to, const char *key, int64_t ns)
{
    fprintf(to, ",\"%s\":", key);
    ml_json_double(to, (double)ns / ML_NS_PER_SECOND);
}

static void write_part(FILE *to, const char *key, const struct ml_part *part)
{
    fprintf(to, "\"%s\":{", key);
    write_string(to, "log", part->source.name);
    fprintf(to, ",\"run\":%u,\"runs\":%u", part->run.number, part->runs);
    if (part->run.pid != 0)
        fprintf(to, ",\"pid\":%" PRId64, part->run.pid);
    if (part->run.command[0] != '\0') {
        putc(',', to);
        write_string(to, "command", part->run.command);
    }
    write_seconds(to, "begin", part->begin_ns);
    write_seconds(to, "seconds", part->last_ns - part->first_ns);
    fprintf(to, ",\"samples\":%" PRIu64 ",\"damaged\":%" PRIu64 "}", part->samples,
            ml_damage_total(&part->damage));
}

static const char *unit_name(const struct ml_field *field)
{
    static const char *const names[] = { [ML_UNIT_BYTES] = "bytes",
                                         [ML_UNIT_COUNT] = "count",
                                         [ML_UNIT_NANOSECONDS] = "nanoseconds",
                                         [ML_UNIT_UNIX_NANOSECONDS] = "nanoseconds since 1970",
                                         [ML_UNIT_FRACTION] = "fraction",
                                         [ML_UNIT_PERCENT] = "percent",
                                         [ML_UNIT_FLAG] = "flag" };
    return field == NULL ? "unknown" : names[field->unit];
}

static void write_column(FILE *to, const struct ml_compared *compared)
{
    putc('{', to);
    write_string(to, "name", compared->name);
    fprintf(to, ",\"unit\":\"%s\",\"kind\":\"%s\"", unit_name(compared->field),
            ml_compared_is_total(compared) ? "total" : "gauge");
    for (int i = 0; i < ML_STATISTICS; i++) {
        enum ml_statistic statistic = (enum ml_statistic)i;
        double a = ml_figure(&compared->figures[0], statistic),
               b = ml_figure(&compared->figures[1], statistic);
        if (!ml_statistic_is_of(statistic, compared))
            continue;
        fprintf(to, ",\"%s\":{\"a\":", ml_statistic_name(statistic));
        ml_json_double(to, a);
        fputs(",\"b\":", to);
        ml_json_double(to, b);
        fputs(",\"change\":", to);
        ml_json_double(to, b - a);
        fputs(",\"percent\":", to);
        ml_json_double(to, ml_growth_percent(a, b));
        putc('}', to);
    }
    putc('}', to);
}

static void write_only(FILE *to, const char *key, const struct ml_columns *own,
                       const struct ml_columns *other)
{
    bool is_first = true;
    fprintf(to, ",\"%s\":[", key);
    for (unsigned i = 0; i < own->count; i++) {
        const char *name = own->list[i].name;
        if (ml_columns_find(other, name, strlen(name)) >= 0)
            continue;
        if (!is_first)
            putc(',', to);
        ml_json_string(to, name, strlen(name));
        is_first = false;
    }
    putc(']', to);
}

static void write_verdict(FILE *to, const struct ml_verdict *verdict)
{
    fputs(",\"verdict\":{", to);
    write_string(to, "column", verdict->column->name);
    fprintf(to, ",\"statistic\":\"%s\",\"change\":", ml_statistic_name(verdict->statistic));
    ml_json_double(to, verdict->b - verdict->a);
    fputs(",\"percent\":", to);
    ml_json_double(to, ml_growth_percent(verdict->a, verdict->b));
    fputs(",\"threshold\":", to);
    if (verdict->threshold == NULL)
        fputs("null", to);
    else
        ml_json_string(to, verdict->threshold, strlen(verdict->threshold));
    fprintf(to, ",\"exceeded\":%s}", verdict->is_exceeded ? "true" : "false");
}

void ml_diff_print_json(const struct ml_comparison *comparison, const struct ml_verdict *verdict,
                        FILE *to)
{
    const struct ml_part *parts = comparison->parts;
    putc('{', to);
    write_part(to, "a", &parts[0]);
    putc(',', to);
    write_part(to, "b", &parts[1]);
    fputs(",\"mark\":", to);
    if (comparison->mark == NULL)
        fputs("null", to);
    else
        ml_json_string(to, comparison->mark, strlen(comparison->mark));
    fprintf(to, ",\"whole\":%s", comparison->is_whole ? "true" : "false");
    write_seconds(to, "compared_seconds", comparison->length_ns);
    fputs(",\"columns\":[", to);
    for (unsigned i = 0; i < comparison->count; i++) {
        if (i > 0)
            putc(',', to);
        write_column(to, &comparison->list[i]);
    }
    putc(']', to);
    write_only(to, "only_a", &parts[0].columns, &parts[1].columns);
    write_only(to, "only_b", &parts[1].columns, &parts[0].columns);
    write_verdict(to, verdict);
    fputs("}\n", to);
}
