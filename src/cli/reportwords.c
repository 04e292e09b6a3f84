/* SPDX-License-Identifier: MIT */
/* reportwords.c - what was found out, in sentences. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "cli/reportparts.h"
#include "cli/units.h"
#include "os/clock.h"

enum { SENTENCE_BYTES = 600 };

struct speech {
    const struct ml_report *report;
    void (*say)(void *context, enum ml_topic topic, const char *sentence);
    void *context;
};

__attribute__((format(printf, 3, 4)))
static void say(const struct speech *speech, enum ml_topic topic, const char *format, ...)
{
    char sentence[SENTENCE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    speech->say(speech->context, topic, sentence);
}

const struct ml_trend *ml_report_trend(const struct ml_report *report)
{
    return &report->study->trends[ml_study_main(report->study)];
}

const char *ml_report_column(const struct ml_report *report)
{
    const struct ml_study *study = report->study;
    return study->run.names[study->curve_columns[ml_study_main(study)]];
}

const char *ml_report_word(const struct ml_report *report)
{
    return ml_verdict_word(report->survey->is_growing ? ML_VERDICT_GROWING
                                                      : ml_report_trend(report)->verdict);
}

const char *ml_finding_word(enum ml_finding_kind kind)
{
    static const char *const words[ML_FINDINGS] = {
        [ML_FINDING_BY_NUMBER] = "leak_by_number", [ML_FINDING_BY_SIZE] = "leak_by_size",
        [ML_FINDING_BY_BOTH] = "leak_by_both",     [ML_FINDING_RETAINED] = "retained",
        [ML_FINDING_FRAGMENTED] = "fragmented",
        [ML_FINDING_OUTSIDE] = "outside_the_heap", [ML_FINDING_CHURN] = "churn",
        [ML_FINDING_PRESSURE] = "pressure",
    };
    return words[kind];
}

/* ---- the verdict -------------------------------------------------------------------- */

static void say_growth(const struct speech *speech, const struct ml_trend *trend)
{
    const struct ml_study *study = speech->report->study;
    char rate[ML_VALUE_BYTES], low[ML_VALUE_BYTES], high[ML_VALUE_BYTES], sure[ML_VALUE_BYTES],
        since[ML_VALUE_BYTES];
    int64_t from = study->first_ns + (int64_t)(trend->growing_from * 3600e9);
    say(speech, ML_TOPIC_VERDICT,
        "growing: %s grows by %s per hour (95 %%: %s to %s), with %s confidence",
        ml_report_column(speech->report), ml_rate_text(trend->slope.per_hour, rate),
        ml_rate_text(trend->slope.low, low), ml_rate_text(trend->slope.high, high),
        ml_percent_text(trend->confidence, sure));
    if (trend->growing_from > 0.1 * ml_study_hours(study))
        say(speech, ML_TOPIC_TREND, "It has grown since %s.", ml_moment_text(from, since));
}

/* The bytes do not, but something else does. */
static void say_other_growth(const struct speech *speech, const struct ml_trend *trend)
{
    const struct ml_survey *survey = speech->report->survey;
    const struct ml_pool *pool = &survey->pool;
    char rate[ML_VALUE_BYTES], least[ML_VALUE_BYTES], most[ML_VALUE_BYTES], sure[ML_VALUE_BYTES];
    if (pool->is_growing)
        say(speech, ML_TOPIC_VERDICT,
            "growing, from restart to restart: %s grows by %s per hour in the middle "
            "one of the runs (half of them: %s to %s), with %s confidence",
            ml_report_column(speech->report), ml_rate_text(pool->per_hour, rate),
            ml_rate_text(pool->least, least), ml_rate_text(pool->most, most),
            ml_percent_text(pool->confidence, sure));
    else
        say(speech, ML_TOPIC_VERDICT, "growing in number: HeapObjects grows (%s: %s)",
            ml_report_column(speech->report), ml_verdict_word(trend->verdict));
}

static void say_short(const struct speech *speech, const struct ml_trend *trend)
{
    char span[ML_VALUE_BYTES];
    ml_span_text(ml_study_hours(speech->report->study) * 3600, span);
    if (trend->lows < 5)
        say(speech, ML_TOPIC_VERDICT, "too short to tell: %" PRIu64 " sample%s in %s",
            speech->report->study->samples, speech->report->study->samples == 1 ? "" : "s", span);
    else
        say(speech, ML_TOPIC_VERDICT,
            "too short to tell: %zu low points in %s do not say yet where it goes",
            trend->lows, span);
}

/* Half is the least that is ever said, and tells nothing. */
static const char *confidence_text(double confidence, char *text)
{
    if (confidence <= 0.5)
        return strcpy(text, "not sure");
    ml_percent_text(confidence, text);
    return strcat(text, " confidence");
}

static void say_steady(const struct speech *speech, const struct ml_trend *trend)
{
    char level[ML_VALUE_BYTES], rate[ML_VALUE_BYTES], sure[ML_VALUE_BYTES], low[ML_VALUE_BYTES];
    bool falls = trend->slope.high < 0;
    say(speech, ML_TOPIC_VERDICT, "steady: %s %s about %s%s (%s)",
        ml_report_column(speech->report),
        trend->falls > 0 ? "comes down to" : falls ? "does not grow, and ends at" : "stays at",
        ml_rate_text(trend->level, level), trend->falls > 0 ? " again and again" : "",
        confidence_text(trend->confidence, sure));
    if (falls)
        say(speech, ML_TOPIC_TREND, "It falls, by %s per hour (95 %%: %s at least).",
            ml_rate_text(-trend->slope.per_hour, rate), ml_rate_text(-trend->slope.high, low));
}

static void say_verdict(const struct speech *speech)
{
    const struct ml_trend *trend = ml_report_trend(speech->report);
    const char *column = ml_report_column(speech->report);
    char a[ML_VALUE_BYTES], b[ML_VALUE_BYTES], sure[ML_VALUE_BYTES];
    confidence_text(trend->confidence, sure);
    if (speech->report->survey->is_growing && trend->verdict != ML_VERDICT_GROWING) {
        say_other_growth(speech, trend);
        return;
    }
    switch (trend->verdict) {
    case ML_VERDICT_GROWING:
        say_growth(speech, trend);
        return;
    case ML_VERDICT_PLATEAU:
        say(speech, ML_TOPIC_VERDICT,
            "plateau: %s rose by %s and stays at about %s (%s)", column,
            ml_rate_text(trend->rise, a), ml_rate_text(trend->level, b), sure);
        return;
    case ML_VERDICT_SPIKE:
        say(speech, ML_TOPIC_VERDICT, "spike: %s was at %s and came back to about %s", column,
            ml_rate_text(trend->top, a), ml_rate_text(trend->level, b));
        return;
    case ML_VERDICT_SHORT:
        say_short(speech, trend);
        return;
    default:
        say_steady(speech, trend);
    }
}

/* The curves beside the one that the verdict is about. */
static void say_others(const struct speech *speech)
{
    const struct ml_study *study = speech->report->study;
    for (unsigned i = 0; i < study->curves; i++) {
        const struct ml_trend *trend = &study->trends[i];
        const char *name = study->run.names[study->curve_columns[i]];
        char rate[ML_VALUE_BYTES], low[ML_VALUE_BYTES], high[ML_VALUE_BYTES];
        if (i == ml_study_main(study) || trend->verdict == ML_VERDICT_SHORT ||
            !speech->report->survey->is_growing)
            continue;
        if (trend->verdict == ML_VERDICT_GROWING)
            say(speech, ML_TOPIC_TREND, "%s grows by %s per hour (95 %%: %s to %s).", name,
                ml_growth_text(name, trend->slope.per_hour, rate),
                ml_growth_text(name, trend->slope.low, low),
                ml_growth_text(name, trend->slope.high, high));
        else
            say(speech, ML_TOPIC_TREND, "%s: %s.", name, ml_verdict_word(trend->verdict));
    }
}

/* ---- findings --------------------------------------------------------------------------- */

static void say_leak_by_number(const struct speech *speech, const struct ml_finding *finding)
{
    const struct ml_trend *bytes = ml_study_trend(speech->report->study, "Alloc");
    char objects[ML_VALUE_BYTES], size[ML_VALUE_BYTES];
    ml_rough_text(finding->a, objects);
    if (finding->b >= 1)
        say(speech, ML_TOPIC_FINDING, "A leak by number: %s more objects an hour, of about %s each.",
            objects, ml_rate_text(finding->b, size));
    else
        say(speech, ML_TOPIC_FINDING, "A leak by number: %s more objects an hour, %s.", objects,
            bytes != NULL && bytes->verdict == ML_VERDICT_SHORT
                ? "and it is too early to say how large they are"
                : "so small that the bytes hardly show it");
}

static void say_finding(const struct speech *speech, const struct ml_finding *finding)
{
    char a[ML_VALUE_BYTES], b[ML_VALUE_BYTES], c[ML_VALUE_BYTES];
    switch (finding->kind) {
    case ML_FINDING_BY_NUMBER:
        say_leak_by_number(speech, finding);
        break;
    case ML_FINDING_BY_SIZE:
        say(speech, ML_TOPIC_FINDING,
            "A leak by size: %s an hour in objects that are large, or grow; their "
            "number stays.",
            ml_rate_text(finding->a, a));
        break;
    case ML_FINDING_BY_BOTH:
        say(speech, ML_TOPIC_FINDING,
            "A leak by number and size: %s more objects an hour, of about %s each, "
            "like those that are there.",
            ml_rough_text(finding->a, a), ml_rate_text(finding->b, b));
        break;
    case ML_FINDING_RETAINED:
        say(speech, ML_TOPIC_FINDING,
            "Retained or fragmented: %s is held and at most %s of it was in use lately; "
            "up to %s could go back to the system.",
            ml_rate_text(finding->b, b), ml_rate_text(finding->c, c), ml_rate_text(finding->a, a));
        break;
    case ML_FINDING_FRAGMENTED:
        say(speech, ML_TOPIC_FINDING,
            "Fragmented: %s is held and at most %s of it was in use lately; the rest lies between "
            "objects that are in use, or is what the heap keeps its books in, and only %s could go "
            "back to the system.",
            ml_rate_text(finding->b, b), ml_rate_text(finding->c, c), ml_rate_text(finding->a, a));
        break;
    case ML_FINDING_OUTSIDE:
        say(speech, ML_TOPIC_FINDING,
            "RSS grows by %s an hour, and what the heap has in use does not: "
            "fragmentation, or memory from elsewhere (mmap, stacks, another allocator).",
            ml_rate_text(finding->a, a));
        break;
    case ML_FINDING_CHURN:
        snprintf(b, sizeof(b), "%.1f times what", finding->b);
        say(speech, ML_TOPIC_FINDING,
            "Churn: %s is allocated a second, %s is in use: look for allocations to save.",
            ml_rate_text(finding->a, a), finding->b < 1e6 ? b : "and nearly nothing");
        break;
    case ML_FINDING_PRESSURE:
        if (finding->b > 0)
            say(speech, ML_TOPIC_FINDING,
                "Pressure: %.1f collections a second, %s of the CPU time.", finding->a,
                ml_percent_text(finding->b, b));
        else
            say(speech, ML_TOPIC_FINDING, "Pressure: %.1f collections a second.", finding->a);
        break;
    case ML_FINDINGS:
        break;
    }
}

static void say_advice(const struct speech *speech)
{
    const struct ml_findings *findings = &speech->report->findings;
    char list[200] = "";
    for (size_t i = 0; i < findings->missing_count; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i == 0 ? "" : ",",
                 findings->missing[i]);
    if (findings->missing_count > 0)
        say(speech, ML_TOPIC_ADVICE, "More could be told of a log with MEMLOG_COLUMNS=%s.", list);
    if (speech->report->study->run.is_resident)
        say(speech, ML_TOPIC_ADVICE,
            "These are the system's numbers, in which freed memory that was kept counts: "
            "memlog run logs those of the heap.");
}

/* ---- the limit ----------------------------------------------------------------------------- */

static const char *limit_source(const struct ml_limit *limit)
{
    switch (limit->source) {
    case ML_LIMIT_LOG:
        return "the control group's";
    case ML_LIMIT_COLUMN:
        return limit->column;
    default:
        return "as said";
    }
}

static void say_forecast(const struct speech *speech)
{
    const struct ml_forecast *forecast = &speech->report->forecast;
    const struct ml_study *study = speech->report->study;
    char span[ML_VALUE_BYTES], when[ML_VALUE_BYTES], early[ML_VALUE_BYTES], late[ML_VALUE_BYTES],
        limit[ML_VALUE_BYTES];
    ml_rate_text(speech->report->limit.bytes, limit);
    if (forecast->seconds == 0) {
        say(speech, ML_TOPIC_LIMIT, "The limit of %s is reached.", limit);
        return;
    }
    if (forecast->seconds > 1e9) {
        say(speech, ML_TOPIC_LIMIT, "The limit of %s is more than thirty years away.", limit);
        return;
    }
    say(speech, ML_TOPIC_LIMIT,
        "At that rate %s %s the limit of %s (%s) in %s, at %s (95 %%: in %s to %s).",
        forecast->column, study->has_ended ? "would have reached" : "reaches", limit,
        limit_source(&speech->report->limit), ml_span_text(forecast->seconds, span),
        ml_moment_text(study->last_ns + (int64_t)(forecast->seconds * 1e9), when),
        ml_span_text(forecast->earliest, early),
        isinf(forecast->latest) ? "never" : ml_span_text(forecast->latest, late));
}

/* What comes nearest to what a limit is about: what was given back still counts in Sys. */
static int taken_column(const struct ml_study *study)
{
    int rss = ml_study_column(study, "RSS");
    return rss >= 0 && study->numbers[rss].count > 0 ? rss : study->run.sys >= 0 ? study->run.sys : 0;
}

static void say_limit(const struct speech *speech)
{
    const struct ml_report *report = speech->report;
    char limit[ML_VALUE_BYTES], peak[ML_VALUE_BYTES];
    if (report->forecast.is_there) {
        say_forecast(speech);
        return;
    }
    if (report->limit.source != ML_LIMIT_NONE) {
        const struct ml_study *study = report->study;
        int taken = taken_column(study);
        say(speech, ML_TOPIC_LIMIT, "The limit of %s (%s): %s was at most %s, %.0f %% of it.",
            ml_rate_text(report->limit.bytes, limit), limit_source(&report->limit),
            study->run.names[taken], ml_rate_text(study->numbers[taken].peak, peak),
            100 * study->numbers[taken].peak / report->limit.bytes);
    } else if (report->survey->is_growing) {
        say(speech, ML_TOPIC_LIMIT,
            "No limit is in the log; --limit=512MiB says when that one is reached.");
    }
}

/* ---- runs ------------------------------------------------------------------------------------ */

static void say_run(const struct speech *speech, const struct ml_brief *brief)
{
    char when[ML_VALUE_BYTES], span[ML_VALUE_BYTES], rate[ML_VALUE_BYTES], peak[ML_VALUE_BYTES];
    bool grows = brief->verdict == ML_VERDICT_GROWING;
    say(speech, ML_TOPIC_RUNS, "Run %u: %s, for %s, peak %s, %s%s%s%s%s%s.", brief->number,
        ml_moment_text(brief->first_ns, when), ml_span_text(brief->hours * 3600, span),
        ml_rate_text(brief->peak, peak), ml_verdict_word(brief->verdict), grows ? " by " : "",
        grows ? ml_rate_text(brief->slope.per_hour, rate) : "", grows ? " per hour" : "",
        brief->has_ended ? brief->was_oom ? ", killed for lack of memory " : ", ended " : "",
        brief->has_ended ? brief->end : "");
}

static void say_runs(const struct speech *speech)
{
    const struct ml_survey *survey = speech->report->survey;
    size_t killed = 0, out = 0, of[ML_VERDICTS] = { 0 };
    if (survey->runs < 2)
        return;
    for (size_t i = 0; i < survey->briefs_count; i++) {
        const struct ml_brief *brief = &survey->briefs[i];
        of[brief->verdict] += brief->number != speech->report->study->run.number;
        killed += brief->was_oom;
        out += brief->has_ended && strncmp(brief->end, "SIG", 3) == 0;
    }
    char list[200] = "";
    for (unsigned i = 0; i < ML_VERDICTS; i++)
        if (of[i] > 0)
            snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%zu %s",
                     list[0] == '\0' ? "" : ", ", of[i], ml_verdict_word((enum ml_verdict)i));
    bool are_all = survey->runs == survey->briefs_count;
    say(speech, ML_TOPIC_RUNS,
        "%s: %s. Of all, %zu ended by a signal, %zu killed for lack of memory.",
        are_all ? "The other runs" : "The last thousand runs", list, out, killed);
    for (size_t i = 0; speech->report->lists_runs && i < survey->briefs_count; i++)
        say_run(speech, &survey->briefs[i]);
}

void ml_report_say(const struct ml_report *report,
                   void (*say_it)(void *context, enum ml_topic topic, const char *sentence),
                   void *context)
{
    const struct speech speech = { report, say_it, context };
    say_verdict(&speech);
    say_others(&speech);
    for (size_t i = 0; i < report->findings.count; i++)
        say_finding(&speech, &report->findings.list[i]);
    say_limit(&speech);
    say_runs(&speech);
    say_advice(&speech);
}
