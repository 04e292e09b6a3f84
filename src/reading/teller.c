/* SPDX-License-Identifier: MIT */
#include "reading/teller.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ml_teller_init(struct ml_teller *teller)
{
    memset(teller, 0, sizeof(*teller));
    teller->run.alloc = teller->run.sys = -1;
    teller->sample.values = teller->numbers.values;
}

unsigned ml_teller_columns(const struct ml_teller *teller)
{
    return teller->is_announced && !teller->after_blank && teller->odd_count == 0 ? teller->run.count : 0;
}

void ml_teller_damaged(struct ml_teller *teller, enum ml_damage_kind kind)
{
    teller->line++;
    ml_damage_add(&teller->damage, kind, teller->file, teller->line);
}

/* ---- runs ------------------------------------------------------------------------------- */

static void begin_run(struct ml_teller *teller)
{
    struct ml_log_run *run = &teller->run;
    run->number++;
    run->file = teller->file;
    run->line = teller->line;
    teller->is_announced = teller->has_time = teller->after_blank = false;
    teller->odd_count = 0;
    teller->time_ns = teller->steady_ns = teller->shift_ns = 0;
}

static int place_of(const struct ml_log_run *run, const char *name)
{
    for (unsigned i = 0; i < run->count; i++)
        if (strcmp(run->names[i], name) == 0)
            return (int)i;
    return -1;
}

static void announce(struct ml_teller *teller, const struct ml_log_visitor *visitor)
{
    struct ml_log_run *run = &teller->run;
    run->is_resident = run->count > 0 && strcmp(run->names[0], "rss") == 0;
    run->alloc = place_of(run, run->is_resident ? "pss" : "Alloc");
    run->sys = place_of(run, run->is_resident ? "rss" : "Sys");
    teller->is_announced = true;
    teller->is_ordered = !run->is_resident && run->alloc >= 0 && run->sys >= 0;
    if (visitor->run != NULL)
        visitor->run(visitor->context, run);
}

/* Columns without names are called by their places; timestamp is the first. */
static void name_by_places(struct ml_log_run *run, unsigned count)
{
    static const char *const known[] = { "Alloc", "Sys" };
    run->count = count;
    for (unsigned i = 0; i < count; i++)
        if (i < 2)
            strcpy(run->names[i], known[i]);
        else
            snprintf(run->names[i], sizeof(run->names[i]), "column%u", i + 2);
}

/* Names are printed in tables and messages. memlog's own are plain; of others a terminal sees
 * nothing that it would obey. */
static void take_name(char name[ML_LINE_NAME_BYTES], const char *at, size_t length)
{
    size_t kept = length < ML_LINE_NAME_BYTES ? length : ML_LINE_NAME_BYTES - 1;
    for (size_t i = 0; i < kept; i++)
        name[i] = at[i] < ' ' || at[i] > '~' ? '?' : at[i];
    name[kept] = '\0';
}

/* "# timestamp Alloc Sys ...": at is behind the second word. */
static void take_names(struct ml_teller *teller, const char *at, const char *end)
{
    char names[ML_LINE_COLUMNS][ML_LINE_NAME_BYTES];
    unsigned count = 0;
    size_t length;
    struct ml_log_run *run = &teller->run;
    bool is_same = teller->is_named;
    for (; count < ML_LINE_COLUMNS && (length = ml_line_word(&at, end)) != 0; at += length, count++) {
        take_name(names[count], at, length);
        is_same = is_same && count < run->count && strcmp(names[count], run->names[count]) == 0;
    }
    if (count == 0 || (is_same && count == run->count))
        return;
    if (teller->is_announced || run->number == 0)
        begin_run(teller);
    run->count = count;
    memcpy(run->names, names, sizeof(names[0]) * count);
    teller->is_named = true;
}

/* ---- the header ---------------------------------------------------------------------- */

/* Where the value behind KEY= begins, or NULL. Keys stand before the command. */
static const char *value_of(const char *header, const char *key)
{
    const char *at = strstr(header, key), *command = strstr(header, " command=\"");
    return at == NULL || (command != NULL && at > command) ? NULL : at + strlen(key);
}

static uint64_t parse_interval(const char *at)
{
    char *unit;
    double number = strtod(at, &unit);
    double ns = strncmp(unit, "ms", 2) == 0   ? 1e6
                : strncmp(unit, "us", 2) == 0 ? 1e3
                : strncmp(unit, "ns", 2) == 0 ? 1
                : *unit == 's'                ? 1e9
                : *unit == 'm'                ? 60e9
                : *unit == 'h'                ? 3600e9
                                              : 0;
    return number > 0 && number * ns < 1e17 ? (uint64_t)(number * ns + 0.5) : 0;
}

/* Of "\x0a" the character, and how many bytes that was; otherwise of "\c" the c. NUL would end the
 * command. */
static size_t take_escaped(const char *at, char *c)
{
    char hex[3] = { 0 };
    *c = at[1];
    if (at[1] != 'x' || !isxdigit((unsigned char)at[2]) || !isxdigit((unsigned char)at[3]))
        return 2;
    memcpy(hex, at + 2, 2);
    unsigned long code = strtoul(hex, NULL, 16);
    *c = code == 0 ? '?' : (char)code;
    return 4;
}

/* Quotes and backslashes in it have a backslash before them; control characters are \x and two
 * digits. */
static void take_command(struct ml_log_run *run, const char *at)
{
    size_t length = 0;
    while (*at != '\0' && *at != '"' && length + 1 < sizeof(run->command)) {
        char c = *at;
        at += c == '\\' && at[1] != '\0' ? take_escaped(at, &c) : 1;
        run->command[length++] = c;
    }
    run->command[length] = '\0';
}

static void take_header(struct ml_teller *teller, const char *line, size_t length)
{
    struct ml_log_run *run = &teller->run;
    if (length >= sizeof(teller->header))
        length = sizeof(teller->header) - 1;
    bool is_same = strlen(teller->header) == length && memcmp(teller->header, line, length) == 0;
    if (is_same && !teller->after_blank)
        return; /* a run that goes on in another file says its header again */
    memcpy(teller->header, line, length);
    teller->header[length] = '\0';
    begin_run(teller);
    teller->is_named = false;
    run->count = 0;
    const char *pid = value_of(teller->header, " pid="), *start = value_of(teller->header, " start=");
    const char *interval = value_of(teller->header, " interval="), *gc = value_of(teller->header, " gc=");
    const char *command = strstr(teller->header, " command=\"");
    run->pid = pid == NULL ? 0 : strtoll(pid, NULL, 10);
    run->interval_ns = interval == NULL ? 0 : parse_interval(interval);
    run->collects = gc != NULL && strncmp(gc, "off", 3) != 0;
    snprintf(run->start, sizeof(run->start), "%.*s", start == NULL ? 0 : (int)strcspn(start, " "),
             start == NULL ? "" : start);
    take_command(run, command == NULL ? "" : command + strlen(" command=\""));
}

/* ---- events --------------------------------------------------------------------------- */

static bool word_is(const char *at, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(at, word, length) == 0;
}

static uint64_t number_at(const char *at, const char *end)
{
    uint64_t number = 0;
    for (; at < end && *at >= '0' && *at <= '9' && number < UINT64_MAX / 10 - 1; at++)
        number = number * 10 + (unsigned)(*at - '0');
    return number;
}

static const char *find(const char *at, const char *end, const char *what)
{
    return memmem(at, (size_t)(end - at), what, strlen(what));
}

/* "end reason=SIGKILL oom_kill=1 ..." */
static void take_end(struct ml_log_event *event, const char *at, const char *end)
{
    const char *reason = find(at, end, "reason="), *oom = find(at, end, "oom_kill=");
    event->text = reason == NULL ? end : reason + strlen("reason=");
    event->length = event->text == end ? 0 : ml_line_word(&event->text, end);
    event->number = oom != NULL && number_at(oom + strlen("oom_kill="), end) != 0;
}

/* at: behind the keyword. false: it says nothing. */
static bool take_words(struct ml_log_event *event, const char *at, const char *end)
{
    event->length = ml_line_word(&at, end);
    event->text = at;
    switch (event->kind) {
    case ML_EVENT_LIMIT:
    case ML_EVENT_LOST:
        event->number = number_at(at, end);
        return event->length != 0 && *at >= '0' && *at <= '9';
    case ML_EVENT_END:
        take_end(event, at, end);
        return true;
    default:
        event->length = (size_t)(end - at);
        return event->length != 0;
    }
}

static void take_event(struct ml_teller *teller, const struct ml_log_visitor *visitor,
                       enum ml_log_event_kind kind, const char *at, const char *end)
{
    struct ml_log_event event = { .kind = kind,
                                  .has_time = teller->has_time,
                                  .time_ns = teller->time_ns,
                                  .steady_ns = teller->steady_ns,
                                  .file = teller->file,
                                  .line = teller->line };
    if (!take_words(&event, at, end) || (!teller->is_announced && !teller->is_named))
        return;
    if (!teller->is_announced)
        announce(teller, visitor);
    if (visitor->event != NULL)
        visitor->event(visitor->context, &event);
}

static void take_comment(struct ml_teller *teller, const struct ml_log_visitor *visitor, const char *line,
                         size_t length)
{
    static const struct {
        const char *word;
        enum ml_log_event_kind kind;
    } known[] = {
        { "gc", ML_EVENT_GC },     { "mark", ML_EVENT_MARK }, { "alert", ML_EVENT_ALERT },
        { "limit", ML_EVENT_LIMIT }, { "lost", ML_EVENT_LOST }, { "end", ML_EVENT_END },
    };
    while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t' || line[length - 1] == '\r'))
        length--;
    const char *at = line, *end = line + length;
    while (*at != '#')
        at++;
    at++; /* the '#' */
    size_t word = ml_line_word(&at, end);
    if (word_is(at, word, "memlog")) {
        take_header(teller, line, length);
        return;
    }
    if (word_is(at, word, "timestamp")) {
        take_names(teller, at + word, end);
        return;
    }
    enum ml_log_event_kind kind = ML_EVENT_OTHER;
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (word_is(at, word, known[i].word))
            kind = known[i].kind;
    take_event(teller, visitor, kind, kind == ML_EVENT_OTHER ? at : at + word, end);
}

/* ---- samples --------------------------------------------------------------------------- */

/* A number of columns that is not the run's is damage, unless nobody named them and it stays. */
static bool fits(struct ml_teller *teller)
{
    unsigned count = teller->numbers.count;
    if (teller->run.number == 0 || (teller->after_blank && !teller->is_named))
        begin_run(teller);
    if (!teller->is_announced && !teller->is_named)
        name_by_places(&teller->run, count);
    if (count == teller->run.count) {
        teller->odd_count = 0;
        return true;
    }
    if (!teller->is_named && teller->odd_count == count) {
        begin_run(teller);
        name_by_places(&teller->run, count);
        return true;
    }
    teller->odd_count = count;
    ml_damage_add(&teller->damage, ML_DAMAGE_COLUMNS, teller->file, teller->line);
    return false;
}

/* With the latest of times (line.h) it still is a number. Where the clock went back by more than
 * that, in all, time stands still instead. */
static const int64_t SHIFT_MOST = ML_LINE_TIME_MOST_NS;

static void step_back(struct ml_teller *teller, int64_t time_ns)
{
    ml_damage_add(&teller->damage, ML_DAMAGE_CLOCK, teller->file, teller->line);
    int64_t back = teller->time_ns - time_ns + (int64_t)teller->run.interval_ns;
    teller->shift_ns = back > SHIFT_MOST - teller->shift_ns ? SHIFT_MOST : teller->shift_ns + back;
}

static void tell_sample(struct ml_teller *teller, const struct ml_log_visitor *visitor, const char *line,
                        size_t length)
{
    const struct ml_log_run *run = &teller->run;
    const struct ml_line_numbers *numbers = &teller->numbers;
    if (teller->is_ordered && numbers->values[run->sys] < numbers->values[run->alloc]) {
        ml_damage_add(&teller->damage, ML_DAMAGE_NUMBERS, teller->file, teller->line);
        return;
    }
    if (teller->has_time && numbers->time_ns < teller->time_ns)
        step_back(teller, numbers->time_ns);
    if (teller->after_blank && teller->has_time && visitor->gap != NULL)
        visitor->gap(visitor->context);
    teller->after_blank = false;
    teller->has_time = true;
    teller->time_ns = numbers->time_ns;
    if (teller->steady_ns < numbers->time_ns + teller->shift_ns)
        teller->steady_ns = numbers->time_ns + teller->shift_ns;
    if (visitor->sample == NULL)
        return;
    struct ml_log_sample *sample = &teller->sample;
    sample->time_ns = numbers->time_ns;
    sample->steady_ns = teller->steady_ns;
    sample->count = numbers->count;
    sample->has_unknown = numbers->has_unknown;
    sample->text = line;
    sample->length = length;
    sample->file = teller->file;
    sample->line = teller->line;
    visitor->sample(visitor->context, sample);
}

void ml_teller_plain(struct ml_teller *teller, const struct ml_log_visitor *visitor, const char *line,
                     size_t length)
{
    teller->line++;
    tell_sample(teller, visitor, line, length);
}

void ml_teller_line(struct ml_teller *teller, const struct ml_log_visitor *visitor, const char *line,
                    size_t length)
{
    teller->line++;
    switch (ml_line_parse(line, length, &teller->numbers)) {
    case ML_LINE_SAMPLE:
        if (!fits(teller))
            return;
        if (!teller->is_announced)
            announce(teller, visitor);
        tell_sample(teller, visitor, line, length);
        return;
    case ML_LINE_BLANK:
        teller->after_blank = true;
        return;
    case ML_LINE_COMMENT:
        take_comment(teller, visitor, line, length);
        return;
    case ML_LINE_CUT:
        ml_damage_add(&teller->damage, ML_DAMAGE_CUT, teller->file, teller->line);
        return;
    case ML_LINE_GARBAGE:
        ml_damage_add(&teller->damage, ML_DAMAGE_GARBAGE, teller->file, teller->line);
        return;
    }
}
