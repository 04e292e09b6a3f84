/* SPDX-License-Identifier: MIT */
#include "cli/diffpart.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/options.h"
#include "os/process.h"
#include "reading/when.h"

/* ---- what was said -------------------------------------------------------------------- */

static bool is_there(const char *name)
{
    return *name == '\0' || strcmp(name, "-") == 0 || access(name, F_OK) == 0;
}

/* A log's name may have an @ in it, and a moment, too: the first @ behind the name of something
 * that is there. Cuts words there. NULL: there is none. */
static char *split(char *words)
{
    if (*words != '\0' && is_there(words))
        return NULL;
    for (char *at = strchr(words, '@'); at != NULL; at = strchr(at + 1, '@')) {
        *at = '\0';
        if (is_there(words))
            return at + 1;
        *at = '@';
    }
    return NULL;
}

/* "2", "FROM..TO" */
static bool take_which(struct ml_part *part, char *which)
{
    uint64_t number;
    char *dots = strstr(which, "..");
    if (ml_parse_count(which, &number) && number >= 1 && number <= UINT32_MAX) {
        part->wanted = (unsigned)number;
        return true;
    }
    if (dots == NULL) {
        ml_os_complain(part->said, ": behind @ stands the number of a run, or FROM..TO", NULL);
        return false;
    }
    *dots = '\0';
    part->is_range = true;
    part->from = *which == '\0' ? NULL : which;
    part->to = dots[2] == '\0' ? NULL : dots + 2;
    return true;
}

static const char *words_for(int error)
{
    return error == -ENOENT    ? "there is no such mark"
           : error == -ENODATA ? "there is no sample"
                               : ml_os_error_text(-error);
}

static bool resolve(struct ml_part *part, const char *said, int64_t from_ns, int64_t *ns)
{
    struct ml_when when;
    if (said == NULL)
        return true;
    if (!ml_when_parse(said, &when)) {
        ml_os_complain(
            part->said, ": \"", said,
            "\" is no moment (try 2026-11-21T08:00, 08:00, @1294926363, -2h, +10m, mark:NAME)",
            NULL);
        return false;
    }
    int error = ml_when_resolve(&when, part->source.file, from_ns, ns);
    if (error != 0)
        ml_os_complain(part->said, ": ", words_for(error), NULL);
    return error == 0;
}

static bool open_source(struct ml_part *part, const struct ml_part *other)
{
    if (other != NULL && strcmp(part->log, "-") == 0 && strcmp(other->log, "-") == 0) {
        part->source = other->source;
        part->source.copy = -1;
        part->source.owned = NULL;
        return true;
    }
    return ml_source_open(&part->source, *part->log == '\0' ? NULL : part->log) &&
           ml_source_keep(&part->source);
}

bool ml_part_open(struct ml_part *part, const char *said, const struct ml_part *other)
{
    *part = (struct ml_part){
        .said = said, .source = ML_SOURCE_NONE, .from_ns = INT64_MIN, .to_ns = INT64_MAX
    };
    part->words = strdup(said);
    char *which = part->words == NULL ? NULL : split(part->words);
    part->log = part->words;
    if (part->words == NULL || (which != NULL && !take_which(part, which)))
        return false;
    if (!open_source(part, other) || !resolve(part, part->from, INT64_MAX, &part->from_ns) ||
        !resolve(part, part->to, part->from_ns, &part->to_ns))
        return false;
    if (part->from_ns > part->to_ns)
        ml_os_complain(part->said, ": it ends before it begins", NULL);
    return part->from_ns <= part->to_ns;
}

void ml_part_close(struct ml_part *part)
{
    ml_log_close(part->read);
    ml_source_close(&part->source);
    free(part->words);
    part->words = part->log = NULL;
    part->read = NULL;
}

/* ---- a first look ------------------------------------------------------------------------ */

struct look {
    struct ml_part *part;
    const char *mark;
    struct ml_log_run run; /* at hand */
    bool has_begun;        /* a sample of it was in the part */
    bool was_counted;
    bool mark_waits;       /* for the run's first sample */
};

static bool is_in_time(const struct ml_part *part, int64_t time_ns)
{
    return time_ns >= part->from_ns && time_ns <= part->to_ns;
}

static void see_run(void *context, const struct ml_log_run *run)
{
    struct look *look = context;
    look->run = *run;
    look->has_begun = look->was_counted = look->mark_waits = false;
}

static void forget(struct ml_part *part)
{
    part->columns.count = part->runs = 0;
    part->samples = 0;
    part->has_mark = false;
}

/* Of a log without more words it is the last run that is meant: each one's first sample makes what
 * was found before void. */
static void begin(struct look *look, const struct ml_log_sample *sample)
{
    struct ml_part *part = look->part;
    if (part->wanted == 0 && !part->is_range)
        forget(part);
    if (part->samples == 0) {
        part->run = look->run;
        part->begin_ns = sample->time_ns;
        part->first_ns = part->last_ns = sample->steady_ns;
    }
    ml_columns_add(&part->columns, &look->run);
    part->runs++;
    look->has_begun = true;
}

static void note_mark(struct look *look, int64_t ns)
{
    if (!look->part->has_mark)
        look->part->mark_ns = ns;
    look->part->has_mark = true;
    look->mark_waits = false;
}

static void see_sample(void *context, const struct ml_log_sample *sample)
{
    struct look *look = context;
    struct ml_part *part = look->part;
    part->all_runs += !look->was_counted;
    look->was_counted = true;
    if (!is_in_time(part, sample->time_ns) ||
        (part->wanted != 0 && part->wanted != look->run.number))
        return;
    if (!look->has_begun)
        begin(look, sample);
    if (look->mark_waits)
        note_mark(look, sample->steady_ns);
    part->first_ns = sample->steady_ns < part->first_ns ? sample->steady_ns : part->first_ns;
    part->last_ns = sample->steady_ns > part->last_ns ? sample->steady_ns : part->last_ns;
    part->samples++;
}

static void see_event(void *context, const struct ml_log_event *event)
{
    struct look *look = context;
    bool is_it = look->mark != NULL && event->kind == ML_EVENT_MARK &&
                 event->length == strlen(look->mark) &&
                 memcmp(event->text, look->mark, event->length) == 0;
    if (!is_it || look->part->has_mark)
        return;
    if (!event->has_time)
        look->mark_waits = true;
    else if (look->has_begun && is_in_time(look->part, event->time_ns))
        note_mark(look, event->steady_ns);
}

static bool visit(struct ml_part *part, const struct ml_log_visitor *visitor)
{
    int error = ml_log_visit_again(&part->read, part->source.file, visitor);
    if (error != 0)
        ml_os_complain(part->source.name, ": ", ml_os_error_text(-error), NULL);
    return error == 0;
}

bool ml_part_look(struct ml_part *part, const char *mark)
{
    static struct look look; /* large */
    look = (struct look){ .part = part, .mark = mark };
    const struct ml_log_visitor visitor = { .context = &look, .run = see_run, .sample = see_sample,
                                            .event = see_event };
    if (!visit(part, &visitor))
        return false;
    part->damage = *ml_log_damage(part->read);
    if (part->samples == 0)
        ml_os_complain(part->said, part->wanted != 0  ? ": there is no such run with a sample"
                                   : part->is_range   ? ": there is no sample at that time"
                                                      : ": there is no sample in it", NULL);
    else if (mark != NULL && !part->has_mark)
        ml_os_complain(part->said, ": there is no mark \"", mark, "\" in it", NULL);
    return part->samples != 0 && (mark == NULL || part->has_mark);
}

/* ---- again --------------------------------------------------------------------------------- */

struct again {
    const struct ml_part *part;
    const struct ml_log_visitor *visitor;
    bool is_of_part; /* the run may be */
};

static void pass_run(void *context, const struct ml_log_run *run)
{
    struct again *again = context;
    again->is_of_part = again->part->is_range || run->number == again->part->run.number;
    if (again->is_of_part)
        again->visitor->run(again->visitor->context, run);
}

static void pass_sample(void *context, const struct ml_log_sample *sample)
{
    struct again *again = context;
    if (again->is_of_part && is_in_time(again->part, sample->time_ns))
        again->visitor->sample(again->visitor->context, sample);
}

bool ml_part_visit(struct ml_part *part, const struct ml_log_visitor *visitor)
{
    struct again again = { .part = part, .visitor = visitor };
    const struct ml_log_visitor passing = { .context = &again,
                                            .run = pass_run,
                                            .sample = pass_sample };
    return visit(part, &passing);
}
