/* SPDX-License-Identifier: MIT */
#include "cli/diff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/options.h"
#include "cli/arguments.h"
#include "cli/diffprint.h"
#include "os/process.h"

enum { ABOVE = 1, FAILURE = 2 };

struct request {
    const char *said[2];
    const char *of;        /* COLUMN or COLUMN:STATISTIC; NULL: none */
    const char *threshold; /* NULL: none */
    bool is_percent;
    double bound; /* what the threshold is */
    void (*print)(const struct ml_comparison *comparison, const struct ml_verdict *verdict,
                  FILE *to);
    struct ml_comparison comparison; /* large */
};

/* ---- options ------------------------------------------------------------------------------ */

enum { WHOLE = 256, ALIGN, OF }; /* no letters */

static const struct argp_option options[] = {
    { "align", ALIGN, "WHAT", 0,
      "what is at the same time in both: start (their first samples; as it is without this option) "
      "or mark:NAME, and then they are compared from there on", 0 },
    { "whole", WHOLE, NULL, 0, "compare all of both, not only as long as both last", 0 },
    { "of", OF, "COLUMN[:STATISTIC]", 0,
      "what the first sentence and --threshold are about: Alloc:mean without this option; mean, "
      "p95, peak, last; of a total rate, increase", 0 },
    { "threshold", 't', "MORE", 0,
      "the exit status is 1 when B is more than that above A: 10MiB, 5%", 0 },
    { "json", 'j', NULL, 0, "one object", 0 },
    { "markdown", 'm', NULL, 0, "a table, to be pasted", 0 },
    { NULL, 0, NULL, 0, NULL, 0 },
};

/* "5%", "10MiB", "0.5" */
static bool parse_threshold(struct request *request, const char *text)
{
    uint64_t bytes;
    char *end;
    request->threshold = text;
    request->bound = strtod(text, &end);
    request->is_percent = strcmp(end, "%") == 0 || strcmp(end, " %") == 0;
    bool is_number = end != text && strspn(text, "0123456789.") == (size_t)(end - text);
    if (is_number && (request->is_percent || *end == '\0'))
        return true;
    if (!ml_parse_bytes(text, &bytes))
        return false;
    request->bound = (double)bytes;
    return true;
}

static void take_align(struct request *request, const char *text, struct argp_state *state)
{
    static const char mark[] = "mark:";
    if (strncmp(text, mark, sizeof(mark) - 1) == 0 && text[sizeof(mark) - 1] != '\0')
        request->comparison.mark = text + sizeof(mark) - 1;
    else if (strcmp(text, "start") == 0)
        request->comparison.mark = NULL;
    else
        argp_error(state, "--align: \"%s\" is neither start nor mark:NAME", text);
}

static void take_part(struct request *request, const char *text, struct argp_state *state)
{
    if (request->said[1] != NULL)
        argp_error(state, "two are compared: \"%s\" is one too many", text);
    request->said[request->said[0] == NULL ? 0 : 1] = text;
}

static error_t take_option(int key, char *argument, struct argp_state *state)
{
    struct request *request = state->input;
    switch (key) {
    case ALIGN:
        take_align(request, argument, state);
        return 0;
    case WHOLE:
        request->comparison.is_whole = true;
        return 0;
    case OF:
        request->of = argument;
        return 0;
    case 't':
        if (!parse_threshold(request, argument))
            argp_error(state, "--threshold: \"%s\" is no size (10MiB) and no percentage (5%%)",
                       argument);
        return 0;
    case 'j':
        request->print = ml_diff_print_json;
        return 0;
    case 'm':
        request->print = ml_diff_print_markdown;
        return 0;
    case ARGP_KEY_ARG:
        take_part(request, argument, state);
        return 0;
    case ARGP_KEY_END:
        if (request->said[1] == NULL)
            argp_error(state, "which two? memlog diff [OPTION...] A B");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = take_option,
    .args_doc = "A B",
    .doc = "Compare two runs, or two parts of a log. A and B: LOG for its last run, LOG@2 for its "
           "second, LOG@FROM..TO for what lies between two moments (either may be left out; see "
           "memlog export --from for moments). Without LOG in front of the @ it is the newest log in "
           "this folder."
           "\vWhat grew most stands first. The exit status is 0; 1 when B is above A by more than the "
           "threshold; 2 when something can't be read or compared.",
};

/* ---- what is asked ------------------------------------------------------------------------ */

/* Alloc, or what stands for it in a process without memlog. */
static const struct ml_compared *usual_column(const struct ml_comparison *comparison)
{
    static const char *const names[] = { "alloc", "pss", "rss" };
    const struct ml_compared *column = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && column == NULL; i++)
        column = ml_comparison_find(comparison, names[i], strlen(names[i]));
    return column == NULL ? &comparison->list[0] : column;
}

static bool take_statistic(struct ml_verdict *verdict, const char *name)
{
    for (int i = 0; i < ML_STATISTICS; i++) {
        verdict->statistic = (enum ml_statistic)i;
        if (strcmp(ml_statistic_name(verdict->statistic), name) == 0)
            return ml_statistic_is_of(verdict->statistic, verdict->column);
    }
    return false;
}

static void refuse_column(const struct ml_comparison *comparison, const char *of)
{
    fprintf(stderr, "memlog: --of: \"%s\" is no column that both have:", of);
    for (unsigned i = 0; i < comparison->count; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", comparison->list[i].name);
    fprintf(stderr, "\n");
}

static bool choose(const struct request *request, struct ml_verdict *verdict)
{
    const struct ml_comparison *comparison = &request->comparison;
    const char *of = request->of, *colon = of == NULL ? NULL : strrchr(of, ':');
    size_t length = colon != NULL ? (size_t)(colon - of) : of != NULL ? strlen(of) : 0;
    verdict->column =
        of == NULL ? usual_column(comparison) : ml_comparison_find(comparison, of, length);
    if (verdict->column == NULL) {
        refuse_column(comparison, of);
        return false;
    }
    bool is_total = ml_compared_is_total(verdict->column);
    verdict->statistic = is_total ? ML_STATISTIC_RATE : ML_STATISTIC_MEAN;
    if (colon != NULL && !take_statistic(verdict, colon + 1)) {
        ml_os_complain("--of: ", verdict->column->name, " has ",
                       is_total ? "rate, increase" : "mean, p95, peak, last", ", and no ",
                       colon + 1, NULL);
        return false;
    }
    return true;
}

/* False after one line on stderr: it is not known. */
static bool judge(const struct request *request, struct ml_verdict *verdict)
{
    if (!choose(request, verdict))
        return false;
    verdict->a = ml_figure(&verdict->column->figures[0], verdict->statistic);
    verdict->b = ml_figure(&verdict->column->figures[1], verdict->statistic);
    verdict->threshold = request->threshold;
    if (request->threshold == NULL)
        return true;
    double more = verdict->b - verdict->a;
    if (isnan(more)) {
        ml_os_complain("--threshold: the ", ml_statistic_name(verdict->statistic), " of ",
                       verdict->column->name, " is not known of both", NULL);
        return false;
    }
    if (request->is_percent)
        verdict->is_exceeded = ml_growth_percent(verdict->a, verdict->b) > request->bound;
    else
        verdict->is_exceeded = more > request->bound;
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void tell_damage(const struct ml_part *parts)
{
    ml_damage_tell(&parts[0].damage, parts[0].source.name, stderr);
    if (strcmp(parts[0].source.file, parts[1].source.file) != 0)
        ml_damage_tell(&parts[1].damage, parts[1].source.name, stderr);
}

static int compare(struct request *request)
{
    struct ml_comparison *comparison = &request->comparison;
    struct ml_verdict verdict = { .column = NULL };
    if (!ml_part_open(&comparison->parts[0], request->said[0], NULL) ||
        !ml_part_open(&comparison->parts[1], request->said[1], &comparison->parts[0]) ||
        !ml_comparison_fill(comparison) || !judge(request, &verdict))
        return FAILURE;
    request->print(comparison, &verdict, stdout);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        ml_os_complain("cannot write the comparison: ", ml_os_error_text(errno), NULL);
        return FAILURE;
    }
    tell_damage(comparison->parts);
    ml_part_close(&comparison->parts[1]);
    ml_part_close(&comparison->parts[0]);
    return verdict.is_exceeded ? ABOVE : 0;
}

int ml_cli_diff(int argc, char **argv)
{
    static struct request request = { .print = ml_diff_print_text }; /* large */
    ml_arguments_take(&argp, "memlog diff", FAILURE, 0, argc, argv, &request);
    return compare(&request);
}
