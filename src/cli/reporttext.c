/* SPDX-License-Identifier: MIT */
/* reporttext.c - a report for a terminal: no line of it is wider than ninety-eight columns, unless
 * a word is.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/plaintext.h"
#include "cli/reportparts.h"

enum { WIDTH = 98 };

/* ---- paragraphs ------------------------------------------------------------------------ */

/* How many columns text takes: of UTF-8, the bytes that begin a character. */
static size_t width_of(const char *text, size_t length)
{
    size_t columns = 0;
    for (size_t i = 0; i < length; i++)
        columns += ((unsigned char)text[i] & 0xC0) != 0x80;
    return columns;
}

static void print_plain(FILE *to, const char *text, size_t length)
{
    const char *shown;
    for (size_t bytes; length != 0; text += bytes, length -= bytes) {
        bytes = ml_plain_next(text, length, &shown);
        fwrite(shown == NULL ? text : shown, 1, shown == NULL ? bytes : 1, to);
    }
}

static void wrap(FILE *to, const char *before, const char *sentence, const char *indent)
{
    size_t column = strlen(before);
    bool is_first = true; /* word of its line */
    fputs(before, to);
    while (*sentence != '\0') {
        size_t length = strcspn(sentence, " "), width = width_of(sentence, length);
        if (column > 0 && column + 1 + width > WIDTH) {
            fprintf(to, "\n%s", indent);
            column = strlen(indent);
        } else if (!is_first) {
            fputc(' ', to);
            column++;
        }
        print_plain(to, sentence, length);
        column += width;
        is_first = false;
        sentence += length;
        sentence += strspn(sentence, " ");
    }
    fputc('\n', to);
}

static void print_sentence(void *context, enum ml_topic topic, const char *sentence)
{
    FILE *to = context;
    wrap(to, topic == ML_TOPIC_VERDICT ? "Verdict: " : "", sentence, "  ");
}

/* ---- the head ---------------------------------------------------------------------------- */

static void print_head(const struct ml_report *report, FILE *to)
{
    const struct ml_study *study = report->study;
    char from[ML_VALUE_BYTES], until[ML_VALUE_BYTES], span[ML_VALUE_BYTES],
        interval[ML_VALUE_BYTES], gap[ML_VALUE_BYTES], line[2600];
    snprintf(line, sizeof(line), "%s, run %u of %u%s%s", report->file, study->run.number,
             report->survey->runs, study->run.command[0] != '\0' ? ": " : "", study->run.command);
    wrap(to, "", line, "  ");
    snprintf(line, sizeof(line), "%s to %s (%s): %" PRIu64 " sample%s, one in %s",
             ml_moment_text(study->first_ns, from), ml_moment_text(study->last_ns, until),
             ml_span_text(ml_study_hours(study) * 3600, span), study->samples,
             study->samples == 1 ? "" : "s", ml_span_text((double)study->usual_ns / 1e9, interval));
    if (study->gaps > 0)
        snprintf(line + strlen(line), sizeof(line) - strlen(line),
                 "; %" PRIu64 " gap%s, the longest %s", study->gaps, study->gaps == 1 ? "" : "s",
                 ml_span_text((double)study->longest_gap_ns / 1e9, gap));
    if (study->lost > 0)
        snprintf(line + strlen(line), sizeof(line) - strlen(line), "; %" PRIu64 " lost",
                 study->lost);
    if (study->has_ended)
        snprintf(line + strlen(line), sizeof(line) - strlen(line), "; ended: %s%s", study->end,
                 study->was_oom ? ", killed for lack of memory" : "");
    wrap(to, "", line, "  ");
}

/* ---- the table --------------------------------------------------------------------------- */

/* Of the names' column, with a blank behind the longest. */
static int name_width(const struct ml_study *study)
{
    size_t width = 16;
    for (unsigned i = 0; i < study->columns; i++)
        if (study->numbers[i].count > 0 && strlen(study->run.names[i]) >= width)
            width = strlen(study->run.names[i]) + 1;
    return (int)width;
}

static void print_columns(const struct ml_report *report, FILE *to, int names)
{
    const struct ml_study *study = report->study;
    bool has_header = false;
    for (unsigned i = 0; i < study->columns; i++) {
        const struct ml_numbers *numbers = &study->numbers[i];
        const char *name = study->run.names[i];
        char least[ML_VALUE_BYTES], mean[ML_VALUE_BYTES], most[ML_VALUE_BYTES],
            peak[ML_VALUE_BYTES], when[ML_VALUE_BYTES], last[ML_VALUE_BYTES];
        if (ml_column_is_total(name) || ml_column_is_moment(name) || numbers->count == 0)
            continue;
        if (!has_header)
            fprintf(to, "%-*s%10s %10s %10s %10s  %-19s %10s\n", names, "", "least", "mean", "p95",
                    "peak", "at", "last");
        has_header = true;
        fprintf(to, "%-*s%10s %10s %10s %10s  %-19s %10s\n", names, name,
                ml_value_text(name, numbers->least, least),
                ml_value_text(name, ml_numbers_mean(numbers), mean),
                ml_value_text(name, ml_numbers_quantile(numbers, 0.95), most),
                ml_value_text(name, numbers->peak, peak), ml_moment_text(numbers->peak_ns, when),
                ml_value_text(name, numbers->last, last));
    }
}

/* And moments, of which the last is all that there is to say. */
static void print_totals(const struct ml_report *report, FILE *to, int names)
{
    const struct ml_study *study = report->study;
    for (unsigned i = 0; i < study->columns; i++) {
        const struct ml_numbers *numbers = &study->numbers[i];
        const char *name = study->run.names[i];
        char first[ML_VALUE_BYTES], last[ML_VALUE_BYTES], rate[ML_VALUE_BYTES];
        if (numbers->count == 0)
            continue;
        if (ml_column_is_moment(name))
            fprintf(to, "%-*s%s\n", names, name, ml_value_text(name, numbers->last, last));
        if (ml_column_is_total(name))
            fprintf(to, "%-*sfrom %s to %s, %s a second\n", names, name,
                    ml_value_text(name, numbers->first, first),
                    ml_value_text(name, numbers->last, last),
                    ml_value_text(name, ml_study_rate(study, name), rate));
    }
}

static void print_notes(const struct ml_report *report, FILE *to)
{
    const struct ml_survey *survey = report->survey;
    for (size_t i = 0; i < survey->notes_count; i++) {
        const struct ml_note *note = &survey->notes[i];
        char when[ML_VALUE_BYTES], line[300];
        snprintf(line, sizeof(line), "%s  %s %s",
                 note->has_time ? ml_moment_text(note->time_ns, when) : "at the start       ",
                 note->kind == ML_EVENT_MARK ? "mark" : "alert", note->text);
        wrap(to, "", line, "  ");
    }
    if (survey->notes_more > 0)
        fprintf(to, "and %zu more marks and alerts\n", survey->notes_more);
}

void ml_report_text(const struct ml_report *report, FILE *to)
{
    print_head(report, to);
    fputc('\n', to);
    ml_report_say(report, print_sentence, to);
    fputc('\n', to);
    int names = name_width(report->study);
    print_columns(report, to, names);
    print_totals(report, to, names);
    if (report->survey->notes_count > 0)
        fputc('\n', to);
    print_notes(report, to);
}
