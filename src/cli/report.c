/* SPDX-License-Identifier: MIT */
#include "cli/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/options.h"
#include "cli/arguments.h"
#include "cli/reportparts.h"
#include "cli/source.h"
#include "os/process.h"
#include "reading/when.h"

enum { NOT_GROWING, GROWING, OWN_FAILURE };

struct wishes {
    const char *log; /* NULL: the newest */
    const char *from, *to;
    uint64_t limit; /* 0: the log's */
    unsigned run;   /* as ml_survey_new's */
    bool lists_runs;
    bool json, markdown;
};

/* ---- options ------------------------------------------------------------------------- */

static const struct argp_option options[] = {
    { "json", 'j', NULL, 0, "one JSON object", 0 },
    { "markdown", 'm', NULL, 0, "a table and the verdict, for a pull request", 0 },
    { "from", 'F', "WHEN", 0,
      "from there on: 2026-11-21T08:00, 08:00, @1294926363, -2h (before the end), +10m (after the "
      "start), "
      "mark:NAME",
      0 },
    { "to", 'T', "WHEN", 0, "up to there", 0 },
    { "limit", 'l', "BYTES", 0, "of memory, for the forecast: 512MiB (unless said, the log's own)",
      0 },
    { "run", 'r', "N", 0,
      "the run number N, from 1; \"last\"; \"all\": a line for each (unless said: the last that is "
      "long "
      "enough, and a sentence on the others)",
      0 },
    { NULL, 0, NULL, 0, NULL, 0 },
};

static void take_run(struct wishes *wishes, const char *argument, struct argp_state *state)
{
    uint64_t number = 0;
    wishes->lists_runs = strcmp(argument, "all") == 0;
    wishes->run = strcmp(argument, "last") == 0 ? ML_SURVEY_LAST : 0;
    if (wishes->lists_runs || wishes->run != 0)
        return;
    if (!ml_parse_count(argument, &number) || number == 0 || number >= ML_SURVEY_LAST)
        argp_error(state, "--run: \"%s\" is none of a number from 1 on, last, all", argument);
    wishes->run = (unsigned)number;
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct wishes *wishes = state->input;
    switch (key) {
    case 'j':
        wishes->json = true;
        return 0;
    case 'm':
        wishes->markdown = true;
        return 0;
    case 'F':
        wishes->from = argument;
        return 0;
    case 'T':
        wishes->to = argument;
        return 0;
    case 'l':
        if (!ml_parse_bytes(argument, &wishes->limit) || wishes->limit == 0)
            argp_error(state, "--limit: \"%s\" is not a size (try 512MiB, 2GiB)", argument);
        return 0;
    case 'r':
        take_run(wishes, argument, state);
        return 0;
    case ARGP_KEY_ARG:
        ml_take_word(&wishes->log, "log", argument, state);
        return 0;
    case ARGP_KEY_END:
        if (wishes->json && wishes->markdown)
            argp_error(state, "either --json or --markdown");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = take_option,
    .args_doc = "[LOG]",
    .doc = "Say what a log says: least, mean and peak of each column, whether the memory grows, "
           "how sure that "
           "is, and when a limit is reached."
           "\vThe log is memory.log or the newest unless one is named; \"-\" is the standard "
           "input. The exit "
           "status is 0 when the memory does not grow, 1 when it grows, 2 when there is nothing to "
           "judge.",
};

/* ---- the report -------------------------------------------------------------------------- */

static int fail(const char *file, const char *what)
{
    fprintf(stderr, "memlog: %s: %s\n", file, what);
    return OWN_FAILURE;
}

static int refuse(const struct wishes *wishes, const struct ml_survey *survey, const char *file,
                  int error)
{
    char words[120];
    if (error == -ENODATA && wishes->run != 0 && wishes->run != ML_SURVEY_LAST &&
        survey->runs > 0) {
        snprintf(words, sizeof(words), "there is no run %u with samples: it has %u", wishes->run,
                 survey->runs);
        return fail(file, words);
    }
    if (error == -ENODATA)
        return fail(file, wishes->from != NULL || wishes->to != NULL
                              ? "there is no sample in that time"
                              : "there is no sample in it");
    if (error == -EISDIR)
        return fail(file, "that is a folder: name a log in it");
    return fail(file, ml_os_error_text(-error));
}

static void complete(struct ml_report *report, const struct wishes *wishes)
{
    const struct ml_survey *survey = report->survey;
    const struct ml_pool *pool = &survey->pool;
    const struct ml_slope pooled = { .per_hour = pool->per_hour,
                                     .low = pool->least,
                                     .high = pool->most };
    report->study = survey->chosen;
    report->lists_runs = wishes->lists_runs;
    ml_limit_find(report->study, (double)wishes->limit, &report->limit);
    ml_forecast_find(report->study, &report->limit, pool->is_growing ? &pooled : NULL,
                     &report->forecast);
    ml_findings_find(report->study, survey->is_growing, &report->findings);
}

static int print(const struct ml_report *report, const struct wishes *wishes)
{
    if (wishes->json)
        ml_report_json(report, stdout);
    else if (wishes->markdown)
        ml_report_markdown(report, stdout);
    else
        ml_report_text(report, stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "memlog: cannot write the report: %s\n", ml_os_error_text(errno));
        return OWN_FAILURE;
    }
    return report->survey->is_growing ? GROWING : NOT_GROWING;
}

static int report_on(const struct wishes *wishes, const struct ml_source *source)
{
    static struct ml_report report; /* large */
    int64_t from, to;
    if (!ml_when_range(wishes->from, wishes->to, source->file, source->name, &from, &to))
        return OWN_FAILURE;
    struct ml_survey *survey = ml_survey_new(from, to, wishes->run);
    if (survey == NULL)
        return fail(source->name, ml_os_error_text(ENOMEM));
    struct ml_log_visitor visitor = ml_survey_visitor(survey);
    int error = ml_log_visit(source->file, &visitor, &report.damage, NULL, NULL);
    if (error == 0)
        error = ml_survey_finish(survey);
    ml_damage_tell(&report.damage, source->name, stderr);
    report.file = source->name;
    report.survey = survey;
    int status = OWN_FAILURE;
    if (error == 0) {
        complete(&report, wishes);
        status = print(&report, wishes);
    } else {
        status = refuse(wishes, survey, source->name, error);
    }
    ml_survey_free(survey);
    return status;
}

int ml_cli_report(int argc, char **argv)
{
    struct wishes wishes = { 0 };
    tzset();
    ml_arguments_take(&argp, "memlog report", OWN_FAILURE, 0, argc, argv, &wishes);
    struct ml_source source;
    if (!ml_source_open(&source, wishes.log))
        return OWN_FAILURE;
    int status = report_on(&wishes, &source);
    ml_source_close(&source);
    return status;
}
