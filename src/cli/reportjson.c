/* SPDX-License-Identifier: MIT */
/* reportjson.c - a report for programs: one object on one line. Moments are seconds since 1970,
 * times are seconds, rates are per hour; what is not known is null. Keys are added, never renamed.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/format.h"
#include "cli/jsontext.h"
#include "cli/reportparts.h"

struct json {
    FILE *to;
    bool needs_comma;
};

/* ---- pieces ------------------------------------------------------------------------------ */

static void key(struct json *json, const char *name)
{
    fprintf(json->to, "%s\"%s\":", json->needs_comma ? "," : "", name);
    json->needs_comma = true;
}

static void open_with(struct json *json, char bracket)
{
    fputc(bracket, json->to);
    json->needs_comma = false;
}

static void close_with(struct json *json, char bracket)
{
    fputc(bracket, json->to);
    json->needs_comma = true;
}

static void item(struct json *json)
{
    if (json->needs_comma)
        fputc(',', json->to);
    json->needs_comma = true;
}

static void text(struct json *json, const char *name, const char *value)
{
    key(json, name);
    ml_json_string(json->to, value, strlen(value));
}

static void number(struct json *json, const char *name, double value)
{
    char digits[64];
    struct ml_text shortest;
    key(json, name);
    if (!isfinite(value)) {
        fputs("null", json->to);
        return;
    }
    ml_text_init(&shortest, digits, sizeof(digits));
    ml_text_double_json(&shortest, value);
    ml_text_finish(&shortest);
    fputs(digits, json->to);
}

static void count(struct json *json, const char *name, uint64_t value)
{
    key(json, name);
    fprintf(json->to, "%" PRIu64, value);
}

static void flag(struct json *json, const char *name, bool value)
{
    key(json, name);
    fputs(value ? "true" : "false", json->to);
}

static void moment(struct json *json, const char *name, int64_t time_ns)
{
    key(json, name);
    fprintf(json->to, "%" PRId64 ".%03d", time_ns / 1000000000, (int)(time_ns / 1000000 % 1000));
}

/* ---- parts --------------------------------------------------------------------------------- */

static void write_run(struct json *json, const struct ml_study *study)
{
    key(json, "run");
    open_with(json, '{');
    count(json, "number", study->run.number);
    count(json, "pid", study->run.pid > 0 ? (uint64_t)study->run.pid : 0);
    text(json, "command", study->run.command);
    text(json, "start", study->run.start);
    flag(json, "resident", study->run.is_resident);
    moment(json, "first", study->first_ns);
    moment(json, "last", study->last_ns);
    number(json, "seconds", ml_study_hours(study) * 3600);
    number(json, "interval", (double)study->usual_ns / 1e9);
    count(json, "samples", study->samples);
    count(json, "lost", study->lost);
    count(json, "gaps", study->gaps);
    number(json, "longest_gap", (double)study->longest_gap_ns / 1e9);
    flag(json, "ended", study->has_ended);
    text(json, "end_reason", study->end);
    flag(json, "oom", study->was_oom);
    close_with(json, '}');
}

static const char *unit_of(const struct ml_field *field)
{
    static const char *const units[] = {
        [ML_UNIT_BYTES] = "bytes",       [ML_UNIT_COUNT] = "count",
        [ML_UNIT_NANOSECONDS] = "ns",    [ML_UNIT_UNIX_NANOSECONDS] = "unix_ns",
        [ML_UNIT_FRACTION] = "fraction", [ML_UNIT_PERCENT] = "percent",
        [ML_UNIT_FLAG] = "flag",
    };
    return field == NULL ? "" : units[field->unit];
}

static void write_columns(struct json *json, const struct ml_study *study)
{
    key(json, "columns");
    open_with(json, '[');
    for (unsigned i = 0; i < study->columns; i++) {
        const struct ml_numbers *numbers = &study->numbers[i];
        const char *name = study->run.names[i];
        bool is_known = numbers->count > 0;
        item(json);
        open_with(json, '{');
        text(json, "name", name);
        text(json, "unit", unit_of(ml_field_find(name, strlen(name))));
        text(json, "kind", ml_column_is_total(name) ? "total" : "gauge");
        count(json, "count", numbers->count);
        number(json, "min", is_known ? numbers->least : NAN);
        number(json, "mean", ml_numbers_mean(numbers));
        number(json, "p95", ml_numbers_quantile(numbers, 0.95));
        number(json, "peak", is_known ? numbers->peak : NAN);
        if (is_known)
            moment(json, "peak_time", numbers->peak_ns);
        else
            number(json, "peak_time", NAN);
        number(json, "first", is_known ? numbers->first : NAN);
        number(json, "last", is_known ? numbers->last : NAN);
        close_with(json, '}');
    }
    close_with(json, ']');
    number(json, "p95_error", 0.002);
}

static void write_slope(struct json *json, const struct ml_slope *slope)
{
    number(json, "per_hour", slope->per_hour);
    number(json, "per_hour_low", slope->low);
    number(json, "per_hour_high", slope->high);
}

static void write_trends(struct json *json, const struct ml_study *study)
{
    key(json, "trends");
    open_with(json, '[');
    for (unsigned i = 0; i < study->curves; i++) {
        const struct ml_trend *trend = &study->trends[i];
        item(json);
        open_with(json, '{');
        text(json, "column", study->run.names[study->curve_columns[i]]);
        text(json, "verdict", ml_verdict_word(trend->verdict));
        number(json, "confidence", trend->confidence);
        write_slope(json, &trend->slope);
        number(json, "rising_confidence", trend->slope.confidence);
        number(json, "growing_from", trend->growing_from * 3600);
        number(json, "level", trend->level);
        number(json, "rise", trend->rise);
        count(json, "lows", trend->lows);
        count(json, "teeth", trend->falls);
        close_with(json, '}');
    }
    close_with(json, ']');
}

static void write_sentence(void *context, enum ml_topic topic, const char *sentence)
{
    struct json *json = context;
    (void)topic;
    item(json);
    ml_json_string(json->to, sentence, strlen(sentence));
}

static void write_verdict(struct json *json, const struct ml_report *report)
{
    const struct ml_survey *survey = report->survey;
    const struct ml_trend *trend = ml_report_trend(report);
    bool is_pooled = survey->is_growing && !ml_study_grows(report->study);
    struct ml_slope pooled = { .per_hour = survey->pool.per_hour,
                               .low = survey->pool.least,
                               .high = survey->pool.most };
    text(json, "verdict", ml_report_word(report));
    flag(json, "growing", survey->is_growing);
    flag(json, "from_restarts", is_pooled);
    text(json, "column", ml_report_column(report));
    number(json, "confidence", is_pooled ? survey->pool.confidence : trend->confidence);
    write_slope(json, is_pooled ? &pooled : &trend->slope);
    key(json, "sentences");
    open_with(json, '[');
    ml_report_say(report, write_sentence, json);
    close_with(json, ']');
    key(json, "findings");
    open_with(json, '[');
    for (size_t i = 0; i < report->findings.count; i++)
        write_sentence(json, ML_TOPIC_FINDING, ml_finding_word(report->findings.list[i].kind));
    close_with(json, ']');
    key(json, "missing_columns");
    open_with(json, '[');
    for (size_t i = 0; i < report->findings.missing_count; i++)
        write_sentence(json, ML_TOPIC_ADVICE, report->findings.missing[i]);
    close_with(json, ']');
}

static void write_limit(struct json *json, const struct ml_report *report)
{
    static const char *const sources[] = { [ML_LIMIT_NONE] = "none",
                                           [ML_LIMIT_SAID] = "option",
                                           [ML_LIMIT_LOG] = "log",
                                           [ML_LIMIT_COLUMN] = "column" };
    const struct ml_forecast *forecast = &report->forecast;
    number(json, "limit", report->limit.source == ML_LIMIT_NONE ? NAN : report->limit.bytes);
    text(json, "limit_source", sources[report->limit.source]);
    key(json, "forecast");
    if (!forecast->is_there) {
        fputs("null", json->to);
        return;
    }
    open_with(json, '{');
    text(json, "column", forecast->column);
    number(json, "now", forecast->now);
    number(json, "per_hour", forecast->per_hour);
    number(json, "seconds", forecast->seconds);
    number(json, "seconds_earliest", forecast->earliest);
    number(json, "seconds_latest", forecast->latest);
    number(json, "time", floor((double)report->study->last_ns / 1e9 + forecast->seconds));
    close_with(json, '}');
}

static void write_runs(struct json *json, const struct ml_survey *survey)
{
    count(json, "runs", survey->runs);
    count(json, "restarts", survey->runs - 1);
    key(json, "each_run");
    open_with(json, '[');
    for (size_t i = 0; i < survey->briefs_count; i++) {
        const struct ml_brief *brief = &survey->briefs[i];
        item(json);
        open_with(json, '{');
        count(json, "number", brief->number);
        moment(json, "first", brief->first_ns);
        moment(json, "last", brief->last_ns);
        count(json, "samples", brief->samples);
        text(json, "verdict", ml_verdict_word(brief->verdict));
        write_slope(json, &brief->slope);
        number(json, "peak", brief->peak);
        flag(json, "ended", brief->has_ended);
        text(json, "end_reason", brief->end);
        flag(json, "oom", brief->was_oom);
        close_with(json, '}');
    }
    close_with(json, ']');
}

static void write_notes(struct json *json, const struct ml_survey *survey,
                        enum ml_log_event_kind kind, const char *name)
{
    key(json, name);
    open_with(json, '[');
    for (size_t i = 0; i < survey->notes_count; i++) {
        const struct ml_note *note = &survey->notes[i];
        if (note->kind != kind)
            continue;
        item(json);
        open_with(json, '{');
        count(json, "run", note->run);
        if (note->has_time)
            moment(json, "time", note->time_ns);
        else
            number(json, "time", NAN);
        text(json, "text", note->text);
        close_with(json, '}');
    }
    close_with(json, ']');
}

static void write_damage(struct json *json, const struct ml_damage *damage)
{
    static const char *const names[ML_DAMAGE_KINDS] = {
        [ML_DAMAGE_CUT] = "cut",          [ML_DAMAGE_NULS] = "nul_stretches",
        [ML_DAMAGE_GARBAGE] = "garbage",  [ML_DAMAGE_COLUMNS] = "columns",
        [ML_DAMAGE_NUMBERS] = "numbers",  [ML_DAMAGE_LONG] = "long",
        [ML_DAMAGE_CLOCK] = "clock_back",
    };
    key(json, "damage");
    open_with(json, '{');
    count(json, "total", ml_damage_total(damage));
    for (unsigned i = 0; i < ML_DAMAGE_KINDS; i++)
        count(json, names[i], damage->count[i]);
    close_with(json, '}');
}

void ml_report_json(const struct ml_report *report, FILE *to)
{
    struct json json = { .to = to };
    const struct ml_survey *survey = report->survey;
    open_with(&json, '{');
    text(&json, "file", report->file);
    write_verdict(&json, report);
    write_run(&json, report->study);
    write_columns(&json, report->study);
    write_trends(&json, report->study);
    write_limit(&json, report);
    write_runs(&json, survey);
    write_notes(&json, survey, ML_EVENT_MARK, "marks");
    write_notes(&json, survey, ML_EVENT_ALERT, "alerts");
    count(&json, "notes_left_out", survey->notes_more);
    write_damage(&json, &report->damage);
    close_with(&json, '}');
    fputc('\n', to);
}
